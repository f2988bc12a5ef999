"""Pages of the reference that are read off the code, the configs and the Makefile at every build."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from pathlib import Path

import _config_keys
import pandas as pd
from typer.main import get_command

from tangent_bench import cli, registry
from tangent_bench.methods import Parameter
from tangent_bench.store.rows import COLUMNS, Row

ROOT = Path(__file__).parents[1]
API = "reference/api/"
# The folders of plug-ins, and what a module of each is described by.
PLUGINS = {
    "tasks": "TASK",
    "training": "TRAINING",
    "methods": "METHOD",
    "checkpoints": "LAYOUT",
    "experiments": "EXPERIMENT",
    "figures": "FIGURE",
}
SHOWN = (
    "tiny",
    "methods",
    "claims",
    "pretraining_ablation",
    "cost",
)  # whose published figures are shown
LONG = 12  # entries of a tuple that are all shown


def pages(nav: list) -> dict[str, str]:
    """Path → Markdown, of every page that no one writes."""
    made = {
        "reference/config.md": _config_keys.page(),
        "reference/rows.md": rows_page(),
        "reference/commands.md": commands_page(),
        "reference/presets.md": presets_page(),
        "contributing.md": of_root("CONTRIBUTING.md"),
        "changelog.md": of_root("CHANGELOG.md"),
    }
    made |= {f"reference/{folder}.md": plugins_page(folder) for folder in PLUGINS}
    return made | {f"{API}{name}.md": f"::: tangent_bench.{name}\n" for name in public_modules(nav)}


def public_modules(nav: list | Mapping | str) -> Iterator[str]:
    """The modules that the navigation lists under `reference/api/`."""
    if isinstance(nav, str):
        yield from [Path(nav).stem] if nav.startswith(API) else []
        return
    for entry in nav.values() if isinstance(nav, Mapping) else nav:
        yield from public_modules(entry)


def plugins_page(folder: str) -> str:
    """The contract of a folder, and all that is in it."""
    modules = {name: registry.load(folder, name) for name in registry.names(folder)}
    about = {name: getattr(module, PLUGINS[folder]) for name, module in modules.items()}
    kind = type(next(iter(about.values()))).__name__
    parts = [
        f"# {folder.capitalize()}\n",
        prose(_docstring(ROOT / f"tangent_bench/{folder}/__init__.py")),
        f"\nThe fields are those of [`{kind}`](api/{folder}.md).\n",
        "| name | |\n| --- | --- |",
        *(f"| [`{name}`](#{name}) | {each.title} |" for name, each in about.items()),
    ]
    for name, module in modules.items():
        parts += [f"\n## {name}\n", prose(module.__doc__), "", *_fields(about[name])]
        parts += [_figure(name)] if folder == "figures" else []
    return "\n".join(parts) + "\n"


def _fields(about: object) -> list[str]:
    """A table of the fields that say something: not empty, and no default."""
    given = [(f.name, getattr(about, f.name)) for f in fields(about)]
    defaults = {f.name: f.default for f in fields(about) if f.default is not MISSING}
    told = [
        (n, v)
        for n, v in given
        if v not in (None, (), {}) and (n not in defaults or v != defaults[n])
    ]
    return ["| | |\n| --- | --- |", *(f"| {name} | {_words(value)} |" for name, value in told)]


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"`{key}`: {_words(inner)}" for key, inner in value.items())
    if isinstance(value, tuple):
        whole = [str(item) for item in value]
        return ", ".join(
            whole if len(whole) <= LONG else [*whole[:LONG], f"… ({len(whole)})"]
        ).replace("|", r"\|")
    if isinstance(value, Parameter):
        ends = [
            f"{sign} {end:g}"
            for sign, end in (("≥", value.low), ("≤", value.high))
            if end is not None
        ]
        return f"{value.meaning} ({', '.join([f'default {value.default}', *ends])})"
    return (
        {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )


def _figure(name: str) -> str:
    """What its caption explains, and the picture as published."""
    told = registry.load("figures", name).FIGURE.caption.strip().split("\n\n")
    paths = [f"published/{preset}/figures/{name}.svg" for preset in SHOWN]
    there = [path for path in paths if (ROOT / "results" / path).is_file()][:1]
    return "\n\n".join(["", *told, *(f"![{name}](../{path})" for path in there)]).replace("``", "`")


def rows_page() -> str:
    """Columns of a result row, and the metrics that published rows have."""
    known = {f.name: f for f in fields(Row)}
    lines = [
        "# Result rows\n",
        prose(_docstring(ROOT / "tangent_bench/store/rows.py")),
        "\nHow to read them: [read rows with pandas](../how-to/read-rows.md).\n",
        "## Columns\n\n| column | type | default |\n| --- | --- | --- |",
        *(
            f"| `{c}` | {known[c].type} | {_default(known[c].default)} |".replace(
                " | None", " or none"
            )
            for c in COLUMNS
        ),
        "\n## Metrics\n\nOf the published presets, by experiment.\n\n| experiment | metrics |\n| --- | --- |",
        *(
            f"| [`{e}`](experiments.md#{e}) | {', '.join(f'`{m}`' for m in found)} |"
            for e, found in _metrics().items()
        ),
    ]
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    return "must be given" if value is MISSING else f"`{value!r}`" if value is not None else "none"


def _metrics() -> dict[str, list[str]]:
    files = sorted((ROOT / "results/published").glob("*/rows.csv.gz"))
    both = ["experiment", "metric"]
    found = pd.concat(
        [pd.read_csv(file, comment="#", usecols=both).drop_duplicates() for file in files]
    )
    return {name: sorted(set(part["metric"])) for name, part in found.groupby("experiment")}


def commands_page() -> str:
    """Targets of the Makefile, the command line with its help, and modules that are programs."""
    targets = re.findall(
        r"^([a-z-]+):.*## (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M
    )
    files = sorted((ROOT / "tangent_bench").glob("*.py"))
    programs = [
        p
        for p in files
        if p.stem != "cli" and '__name__ == "__main__"' in p.read_text(encoding="utf-8")
    ]
    return "\n".join(
        [
            "# Commands\n\nVariables of `make` are given after the target: `make reproduce PRESET=tiny CORES=2`.\n",
            "| command | |\n| --- | --- |",
            *(f"| `make {name}` | {words} |" for name, words in targets),
            *(f"\n## tangent-bench {name}\n\n```text\n{words}\n```" for name, words in _helps()),
            "\n## Programs\n\nFurther modules that are run; `--help` says what each takes.\n",
            "| command | |\n| --- | --- |",
            *(
                f"| `python -m tangent_bench.{p.stem}` | {_first_sentence(_docstring(p))} |"
                for p in programs
            ),
            "",
        ]
    )


def _helps() -> Iterator[tuple[str, str]]:
    """Name and help of every command of `tangent-bench`."""
    for name, command in get_command(cli.app).commands.items():
        yield (
            name,
            command.get_help(
                command.context_class(command, info_name=f"tangent-bench {name}", terminal_width=90)
            ).strip(),
        )


def presets_page() -> str:
    """The configs that the suite brings, whole."""
    parts = [
        "# Presets\n\nFiles of `config/`, each on top of `config/default.yaml` ([all keys](config.md)).\n"
    ]
    for path in sorted((ROOT / "config").glob("*.yaml")):
        if path.stem not in ("default", "digits"):  # the latter is made by an example
            parts.append(
                f"## {path.stem}\n\n```yaml\n{path.read_text(encoding='utf-8').strip()}\n```\n"
            )
    return "\n".join(parts)


def of_root(name: str) -> str:
    """A page that stands at the root; links to pages of docs/ stay links, those to other files become text."""
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"\]\(docs/", "](", text)
    return re.sub(
        r"\[([^\]]+)\]\((?!https?:|#|how-to/|explanation/|reference/|tutorial|index)[^)]+\)",
        r"\1",
        text,
    )


def prose(docstring: str) -> str:
    """A docstring as Markdown: indented lines are code, whatever stands around them.

    >>> prose("It has\\n    f(x)\\nand no more.")
    'It has\\n\\n    f(x)\\n\\nand no more.'
    """
    lines = inspect.cleandoc(docstring).splitlines()
    least = min(
        (len(line) - len(line.lstrip()) for line in lines if line.startswith(" ")), default=4
    )
    found = lines[:1]
    for before, line in zip(lines, lines[1:]):
        turns = before and line and before.startswith(" ") != line.startswith(" ")
        found += [*([""] if turns else []), " " * (4 - least) * line.startswith(" ") + line]
    return "\n".join(found)


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=\.)\s|: `", " ".join(text.split()), maxsplit=1)[0].rstrip(".") + "."
