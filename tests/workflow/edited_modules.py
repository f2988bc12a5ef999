"""In a copy of the checkout: edits one module after the other, and prints whose digests change.

The scripts of the workflow lie in the package `scripts` there, so that grimp sees them.
"""

from __future__ import annotations

import json
from pathlib import Path

import grimp

from tangent_bench import registry
from tangent_bench.jobs import digests
from tangent_bench.planning import jobs

RUNS = (
    ["config/micro.yaml", "config/few_methods.yaml"],
    ["config/micro.yaml", "config/few_inits.yaml"],
)
# Module → the folder of plug-ins that it loads by `registry.every`.
EVERY = {"corpus": "corpus", "finetuning.distillation": "tasks"}
Job = tuple[str, tuple[str, ...]]  # name of the script, plug-ins


def jobs_of_runs() -> dict[Job, str]:
    """What the rules ask digests of, and the path of each script."""
    scripts: dict[Job, str] = {}

    def record(script, *plugins):
        scripts[Path(script).stem, plugins] = str(script)
        return "0" * 16

    digest, digests.digest = digests.digest, record
    for files in RUNS:
        jobs.of_dag(files)
    digests.digest = digest
    return scripts


def import_graph() -> grimp.ImportGraph:
    graph = grimp.build_graph(
        "tangent_bench", "scripts", exclude_type_checking_imports=True, cache_dir=None
    )
    for importer, folder in EVERY.items():
        for name in registry.names(folder):
            graph.add_import(
                importer=f"tangent_bench.{importer}", imported=f"tangent_bench.{folder}.{name}"
            )
    return graph


def reached(graph: grimp.ImportGraph, job: Job) -> set[str]:
    """All modules that a job imports, by the graph, with the packages that they lie in."""
    script, plugins = job
    modules: set[str] = set()
    waiting = [f"scripts.{script}", *plugins]
    while waiting:
        module = waiting.pop()
        if module in modules:
            continue
        modules.add(module)
        waiting += graph.find_modules_directly_imported_by(module)
        waiting += filter(None, [module.rpartition(".")[0]])
    return modules


def codes(scripts: dict[Job, str]) -> dict[Job, str]:
    digests.digest.cache_clear()
    return {job: digests.digest(path, *job[1]) for job, path in scripts.items()}


def file_of(module: str) -> Path:
    place = Path(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def names(some: list[Job]) -> list[str]:
    return sorted({script for script, _ in some})


def main() -> None:
    scripts = jobs_of_runs()
    graph = import_graph()
    reach = {job: reached(graph, job) for job in scripts}
    modules = [module for module in sorted(graph.modules) if module.startswith("tangent_bench")]
    before = codes(scripts)
    wrong: dict[str, object] = {}
    for module in modules:
        file = file_of(module)
        content = file.read_bytes()
        file.write_bytes(content + b"\nEDITED = True\n")
        after = codes(scripts)
        changed = [job for job in scripts if after[job] != before[job]]
        expected = [job for job in scripts if module in reach[job]]
        if changed != expected:
            wrong[module] = [names(changed), names(expected)]
        file.write_bytes(content + b"\n# a comment\n")
    if codes(scripts) != before:
        wrong["a comment in every module"] = True
    print(json.dumps([names(list(scripts)), len(modules), wrong]))


if __name__ == "__main__":
    main()
