"""Plug-ins are files: `tasks/mnist.py` is the task "mnist". Nothing is registered by hand.

Importing this module, or listing names, imports no plug-in: the Snakefile may do both for free.
"""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from types import ModuleType

FOLDERS = ("tasks", "models", "training", "methods", "experiments", "figures", "corpus", "checkpoints")


def names(folder: str) -> list[str]:
    """Names of all plug-ins of a folder, sorted; files that begin with "_" are not plug-ins.

    >>> "task_arithmetic" in names("methods")
    True
    """
    assert folder in FOLDERS, folder
    return sorted(p.stem for p in (Path(__file__).parent / folder).glob("*.py") if not p.stem.startswith("_"))


def load(folder: str, name: str) -> ModuleType:
    """The plug-in module `name` of `folder`.

    Raises:
        ValueError: there is no such file; the message lists what there is and the nearest name.
    """
    known = names(folder)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"Unknown name {name!r} in '{folder}': expected one of {', '.join(known)}.{hint} "
            f"A new one is one file, tangent_bench/{folder}/{name}.py."
        )
    return importlib.import_module(f"tangent_bench.{folder}.{name}")
