"""In a copy of the checkout: adds one statement to one module after the other, and prints whose
digests change.

The scripts of the workflow lie in the package `scripts` there, so that grimp sees them.
"""

import json
from pathlib import Path

import grimp

from tangent_bench import registry
from tangent_bench.jobs import digests
from tangent_bench.planning import jobs

asked = set()


def record(script, *plugins):
    asked.add((Path(script).stem, str(script), plugins))
    return "0" * 16


digest, digests.digest = digests.digest, record
for files in (
    ["config/micro.yaml", "config/few_methods.yaml"],
    ["config/micro.yaml", "config/few_inits.yaml"],
):
    jobs.of_dag(files)

graph = grimp.build_graph(
    "tangent_bench", "scripts", exclude_type_checking_imports=True, cache_dir=None
)
for name in registry.names("corpus"):
    graph.add_import(importer="tangent_bench.corpus", imported=f"tangent_bench.corpus.{name}")


def reached(script, plugins):
    found, waiting = set(), [f"scripts.{script}", *plugins]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            parent = module.rpartition(".")[0]
            waiting += [
                *graph.find_modules_directly_imported_by(module),
                *([parent] if parent else []),
            ]
    return found


def codes():
    digest.cache_clear()
    return {(script, plugins): digest(path, *plugins) for script, path, plugins in asked}


expected = {(script, plugins): reached(script, plugins) for script, _, plugins in asked}


def file_of(module):
    place = Path(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


modules = [module for module in sorted(graph.modules) if module.startswith("tangent_bench")]
before, found = codes(), {}
for module in modules:
    file = file_of(module)
    content = file.read_bytes()
    file.write_bytes(content + b"\nEDITED = True\n")
    changed = sorted(key for key, code in codes().items() if code != before[key])
    wanted = sorted(key for key, reaches in expected.items() if module in reaches)
    if changed != wanted:
        found[module] = [sorted({script for script, _ in keys}) for keys in (changed, wanted)]
    file.write_bytes(content + b"\n# a comment\n")
if codes() != before:
    found["a comment in every module"] = True
scripts = sorted({script for script, _, _ in asked})
print(json.dumps([scripts, len(modules), found]))
