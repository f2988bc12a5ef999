"""Pages of the reference, made from the code, the configs and the Makefile at every build."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path

import _config_keys
import _gallery
import _texts
import pandas as pd
from typer.main import get_command

from tangent_bench import cli, registry
from tangent_bench.figures._entities import seen_by
from tangent_bench.methods import Parameter
from tangent_bench.store.rows import COLUMNS, Row

ROOT = Path(__file__).parents[1]
API = "reference/api/"
SWEEPS = {  # page of a sweep → its place in the site
    page.relative_to(ROOT).as_posix(): f"results/{page.parent.name}-choice.md"
    for page in sorted(ROOT.glob("results/published/sweep*/choice.md"))
}
# Folders of plug-ins that have a page.
PLUGINS = ("tasks", "training", "methods", "checkpoints", "experiments", "figures")
LONG = 12  # entries of a tuple that are all shown
TABLE_HEAD = "| name | |\n| --- | --- |"


def pages(nav: list) -> dict[str, str]:
    """Path → Markdown of every generated page; `nav` is the navigation of mkdocs.yml."""
    made = {
        "reference/config.md": _config_keys.page(),
        "reference/rows.md": rows_page(),
        "reference/gallery.md": _gallery.page(),
        "reference/commands.md": commands_page(),
        "reference/presets.md": presets_page(),
        "reference/texts.md": _texts.page(),
        "contributing.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    for page, place in SWEEPS.items():
        made[place] = (ROOT / page).read_text(encoding="utf-8")
    for folder in PLUGINS:
        made[f"reference/{folder}.md"] = plugins_page(folder)
    for name in public_modules(nav):
        made[f"{API}{name}.md"] = f"::: tangent_bench.{name}\n"
    return made


def public_modules(nav: list | Mapping | str) -> Iterator[str]:
    """The modules that the navigation lists under `reference/api/`."""
    if isinstance(nav, str):
        yield from [Path(nav).stem] if nav.startswith(API) else []
        return
    for entry in nav.values() if isinstance(nav, Mapping) else nav:
        yield from public_modules(entry)


def plugins_page(folder: str) -> str:
    """The contract of a folder, and all that is in it."""
    modules = registry.every(folder)
    constant = registry.CONTRACTS[folder][0]
    contracts = {name: getattr(module, constant) for name, module in modules.items()}
    kind = type(next(iter(contracts.values()))).__name__
    parts = [
        f"# {folder.capitalize()}\n",
        prose(_docstring(ROOT / f"tangent_bench/{folder}/__init__.py")),
        f"\nThe fields are those of [`{kind}`](api/{folder}.md).\n",
        TABLE_HEAD,
    ]
    for name, contract in contracts.items():
        apart = seen_by(contract) if folder == "methods" else ""
        parts.append(f"| [`{name}`](#{name}) | {contract.title}{apart} |")
    for name, module in modules.items():
        parts += [f"\n## {name}\n", prose(module.__doc__), "", *_fields(contracts[name])]
        if folder == "figures":
            parts.append(_figure(name))
    return "\n".join(parts) + "\n"


def _fields(contract: object) -> list[str]:
    """A table of the fields that are neither empty nor at their default."""
    lines = ["| | |\n| --- | --- |"]
    for field in fields(contract):
        value = getattr(contract, field.name)
        if value in (None, (), {}) or field.name == "caption":
            continue
        if field.default is MISSING or value != field.default:
            lines.append(f"| {field.name} | {_words(value)} |")
    return lines


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"`{key}`: {_words(inner)}" for key, inner in value.items())
    if isinstance(value, tuple):
        items = [str(item) for item in value]
        if len(items) > LONG:
            items = [*items[:LONG], f"… ({len(items)})"]
        return ", ".join(items).replace("|", r"\|")
    if isinstance(value, Parameter):
        return _parameter(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if is_dataclass(value):
        return _call(value)
    return str(value)


def _call(value: object) -> str:
    """A dataclass as it is written, without what is at its default."""
    words = []
    for field in fields(value):
        argument = getattr(value, field.name)
        if field.init and argument != field.default:
            words.append(f"{field.name}={argument!r}")
    return f"`{type(value).__name__}({', '.join(words)})`"


def _parameter(parameter: Parameter) -> str:
    facts = [f"default {parameter.default}"]
    for sign, end in (("≥", parameter.low), ("≤", parameter.high)):
        if end is not None:
            facts.append(f"{sign} {end:g}")
    return f"{parameter.meaning} ({', '.join(facts)})"


def _figure(name: str) -> str:
    """The caption of a figure, and the picture as published."""
    caption = registry.load("figures", name).FIGURE.caption.strip()
    parts = ["", caption.replace("``", "`")]
    preset = _gallery.preset_of(name)
    if preset is not None:
        parts.append(f"![{name}](../published/{preset}/figures/{name}.svg)")
    return "\n\n".join(parts)


def rows_page() -> str:
    """Columns of a result row, and the metrics that published rows have."""
    known = {field.name: field for field in fields(Row)}
    lines = [
        "# Result rows\n",
        prose(_docstring(ROOT / "tangent_bench/store/rows.py")),
        "\nHow to read them: [read rows with pandas](../how-to/read-rows.md).\n",
        "## Columns\n\n| column | type | default |\n| --- | --- | --- |",
    ]
    for column in COLUMNS:
        kind = str(known[column].type).replace(" | None", " or none")
        lines.append(f"| `{column}` | {kind} | {_default(known[column].default)} |")
    lines.append("\n## Metrics\n\nOf the published presets, by experiment.\n")
    lines.append("| experiment | metrics |\n| --- | --- |")
    for experiment, metrics in _metrics().items():
        names = ", ".join(f"`{metric}`" for metric in metrics)
        lines.append(f"| [`{experiment}`](experiments.md#{experiment}) | {names} |")
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    if value is MISSING:
        return "must be given"
    return "none" if value is None else f"`{value!r}`"


def _metrics() -> dict[str, list[str]]:
    """Experiment → its metrics in the published rows."""
    columns = ["experiment", "metric"]
    tables = []
    for file in sorted((ROOT / "results/published").glob("*/rows.csv.gz")):
        tables.append(pd.read_csv(file, comment="#", usecols=columns).drop_duplicates())
    rows = pd.concat(tables)
    return {name: sorted(set(part["metric"])) for name, part in rows.groupby("experiment")}


def commands_page() -> str:
    """Targets of the Makefile, and the command line with its help."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lines = [
        "# Commands\n",
        "Variables of `make` are given after the target: `make reproduce PRESET=tiny CORES=2`.\n",
        "| command | |\n| --- | --- |",
    ]
    for name, words in re.findall(r"^([a-z-]+):.*## (.*)$", makefile, re.M):
        lines.append(f"| `make {name}` | {words} |")
    for name, text in _helps():
        lines.append(f"\n## tangent-bench {name}\n\n```text\n{text}\n```")
    return "\n".join([*lines, ""])


def _helps() -> Iterator[tuple[str, str]]:
    """Name and help of every command of `tangent-bench` that is not hidden."""
    for name, command in get_command(cli.app).commands.items():
        if command.hidden:
            continue
        context = command.context_class(
            command, info_name=f"tangent-bench {name}", terminal_width=90
        )
        yield name, command.get_help(context).strip()


def presets_page() -> str:
    """The configs that the suite brings, whole."""
    parts = [
        "# Presets\n\nFiles of `config/`, each on top of `config/default.yaml` "
        "([all keys](config.md)).\n"
    ]
    for path in sorted((ROOT / "config").glob("*.yaml")):
        if path.stem not in ("default", "digits"):  # the latter is made by an example
            text = path.read_text(encoding="utf-8").strip()
            parts.append(f"## {path.stem}\n\n```yaml\n{text}\n```\n")
    return "\n".join(parts)


def prose(docstring: str) -> str:
    """A `docstring` as Markdown: indented lines are code, whatever stands around them.

    >>> prose("It has\\n    f(x)\\nand no more.")
    'It has\\n\\n    f(x)\\n\\nand no more.'
    """
    lines = inspect.cleandoc(docstring).splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines if line.startswith(" ")]
    margin = " " * (4 - min(indents, default=4))  # code of Markdown is indented by four
    markdown = lines[:1]
    for before, line in zip(lines, lines[1:]):
        if before and line and before.startswith(" ") != line.startswith(" "):
            markdown.append("")
        markdown.append(margin + line if line.startswith(" ") else line)
    return "\n".join(markdown)


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
