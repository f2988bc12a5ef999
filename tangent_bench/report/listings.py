"""What was published of a preset, as the page about it shows it: every table, every figure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tangent_bench import registry
from tangent_bench.report import leaderboard

PAGES = "docs/results"
MAX_COLUMNS = 12  # a wider table is linked, not shown
# These stand before all others, in this order.
FIRST = (
    "table1_addition",
    "table2_negation",
    "single_task_table",
    "addition_by_task",
    "methods_addition",
)
NEW_PAGE = """\
# Preset `{preset}`

## Tables

<!-- {preset}/tables -->
<!-- end -->

## Figures

<!-- {preset}/figures -->
<!-- end -->
"""


def tables(folder: Path, page: Path) -> str:
    """Every published table of a preset, in Markdown: heading, cells, and links to its files.

    Args:
        folder: of the published preset.
        page: that the text is for; links lead from there.
    """
    files = sorted((folder / "tables").glob("*.md"), key=_place)
    return "\n\n".join(_table(file, page) for file in files) or "No table."


def figures(folder: Path, page: Path) -> str:
    """Every published figure of a preset, in Markdown: heading, picture, and a link to its code.

    Args:
        folder: of the published preset.
        page: that the text is for; links lead from there.
    """
    files = sorted((folder / "figures").glob("*.svg"))
    return "\n\n".join("\n\n".join(_figure(file, page)) for file in files) or "No figure."


def new_pages(root: Path) -> Iterator[tuple[Path, str]]:
    """Path and text, with its marks empty, of the page that a published preset lacks.

    Args:
        root: of a checkout.
    """
    for rows in sorted((root / "results/published").glob("*/rows.csv.gz")):
        page = root / PAGES / f"{rows.parent.name}.md"
        if not page.is_file():
            yield page, NEW_PAGE.format(preset=rows.parent.name)


def _place(file: Path) -> tuple[int, str]:
    place = FIRST.index(file.stem) if file.stem in FIRST else len(FIRST)
    return place, file.stem


def _table(file: Path, page: Path) -> str:
    parts = [f"### {_title(file.stem)}"]
    text = file.read_text(encoding="utf-8").strip()
    num_columns = text.partition("\n")[0].count(" | ") + 1
    if num_columns <= MAX_COLUMNS:
        parts.append(text)
    links = []
    for ending, name in ((".md", "Markdown"), (".csv", "CSV"), (".tex", "LaTeX")):
        if file.with_suffix(ending).is_file():
            links.append(f"[{name}]({_link(file.with_suffix(ending), page)})")
    parts.append(f"This table as a file: {', '.join(links)}.")
    return "\n\n".join(parts)


def _figure(file: Path, page: Path) -> Iterator[str]:
    title = _title(file.stem)
    yield f"### {title}"
    yield f"![{title}]({_link(file, page)})"
    if file.stem in registry.names("figures"):
        checkout = file.parents[4]
        code = checkout / f"tangent_bench/figures/{file.stem}.py"
        yield f"[What it shows]({_link(code, page)})"


def _title(name: str) -> str:
    if name in registry.names("figures"):
        return registry.load("figures", name).FIGURE.title
    return leaderboard.TITLES.get(name, name)


def _link(file: Path, page: Path) -> str:
    return Path(os.path.relpath(file, page.parent)).as_posix()
