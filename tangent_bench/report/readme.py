"""Puts published tables into the README, between their marks: `python -m tangent_bench.report.readme`. No number is typed by
hand.
"""

from __future__ import annotations

import re
from pathlib import Path

from tangent_bench.store.artefacts import write_text

BLOCK = re.compile(r"<!-- (?P<preset>\w+)/(?P<table>\w+) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str, folder: Path) -> str:
    """The README with each block `<!-- preset/table -->` … `<!-- end -->` replaced by `folder/preset/tables/table.md`.

    Raises:
        ValueError: a table is missing, or there is no block at all.
    """

    def block(found: re.Match) -> str:
        table = folder / found["preset"] / "tables" / f"{found['table']}.md"
        if not table.is_file():
            raise ValueError(
                f"There is no {table}; run `make publish` to make it, after the run that it is of."
            )
        mark = f"{found['preset']}/{found['table']}"
        return f"<!-- {mark} -->\n\n{table.read_text(encoding='utf-8').strip()}\n\n<!-- end -->"

    text, number = BLOCK.subn(block, text)
    if not number:
        raise ValueError(
            "The README has no block '<!-- preset/table -->' … '<!-- end -->' to put tables into."
        )
    return text


if __name__ == "__main__":
    readme = Path("README.md")
    write_text(readme, filled(readme.read_text(encoding="utf-8"), Path("results/published")))
