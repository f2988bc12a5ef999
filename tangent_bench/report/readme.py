"""Copies published tables into the README, between their marks: no number is typed by hand."""

from __future__ import annotations

import re
from pathlib import Path

from tangent_bench.store.artefacts import write_text

BLOCK = re.compile(r"<!-- (?P<preset>\w+)/(?P<table>\w+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str, folder: Path) -> str:
    """The README with the content of each block `<!-- preset/table -->` … `<!-- end -->` replaced.

    Args:
        text: the README.
        folder: the published results; a block shows its `preset/tables/table.md`.

    Raises:
        ValueError: a table is missing, or there is no block.
    """
    text, num_blocks = BLOCK.subn(lambda block: _filled_block(block, folder), text)
    if not num_blocks:
        raise ValueError(
            "The README has no block '<!-- preset/table -->' … '<!-- end -->'; put one where a "
            "table belongs."
        )
    return text


def _filled_block(block: re.Match[str], folder: Path) -> str:
    table = folder / block["preset"] / "tables" / f"{block['table']}.md"
    if not table.is_file():
        raise ValueError(f"There is no {table}; run the preset, and then `make publish`.")
    mark = f"{block['preset']}/{block['table']}"
    return f"<!-- {mark} -->\n\n{table.read_text(encoding='utf-8').strip()}\n\n<!-- end -->"


def fill(readme: Path, folder: Path) -> None:
    """Put the tables of the published results into the README; arguments and errors as `filled`."""
    write_text(readme, filled(readme.read_text(encoding="utf-8"), folder))
