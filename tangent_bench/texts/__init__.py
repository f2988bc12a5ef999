"""Tasks of texts: one file for each. A module has `TASK` and `load(split)`.

Texts of different splits share no text, no near-copy and no unit; every text of val and test is of
a unit of its own. `assets/LICENCES.md` says whose texts they are. `make texts` builds the
tables from pinned packages; no run needs it.

Legend of shape suffixes: N texts.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from tangent_bench.texts._tables import LabelledTexts

__all__ = ["CONTROL", "LabelledTexts", "names", "task"]
CONTROL = "things"  # for negation; not among the tasks that are learned


def names() -> list[str]:
    """All tasks of texts, the control too, sorted.

    >>> CONTROL in names()
    True
    """
    files = Path(__file__).parent.glob("*.py")
    return sorted(file.stem for file in files if not file.stem.startswith("_"))


def task(name: str) -> ModuleType:
    """The module of a task.

    Raises:
        ValueError: there is no such file.
    """
    if name not in names():
        raise ValueError(
            f"There is no task of texts {name!r}: expected one of {', '.join(names())}."
        )
    return importlib.import_module(f"tangent_bench.texts.{name}")
