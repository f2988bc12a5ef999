"""Puts published tables into the README, between their marks: `python -m tangent_bench.readme`. No number is typed by
hand.
"""

from __future__ import annotations

import re
from pathlib import Path

from tangent_bench.artefacts import write_text

TABLES = {  # and the folder of each
    "claims_table": "claims",
    "table1_addition": "tiny",
    "table2_negation": "tiny",
    "methods_addition": "methods",
}


def filled(text: str, folder: Path) -> str:
    """The README with each block `<!-- name -->` … `<!-- end -->` replaced by `folder/preset/tables/name.md`.

    Raises:
        ValueError: a mark or a table is missing.
    """
    for name, preset in TABLES.items():
        table = folder / preset / "tables" / f"{name}.md"
        if not table.is_file():
            raise ValueError(f"There is no {table}; run `make publish` to make it (claims: after `make claims`).")
        pattern = re.compile(rf"<!-- {name} -->\n.*?<!-- end -->", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"The README has no block '<!-- {name} -->' … '<!-- end -->' to put {table} into.")
        block = f"<!-- {name} -->\n\n{table.read_text(encoding='utf-8').strip()}\n\n<!-- end -->"
        text = pattern.sub(lambda _, block=block: block, text)
    return text


if __name__ == "__main__":
    readme = Path("README.md")
    write_text(readme, filled(readme.read_text(encoding="utf-8"), Path("results/published")))
