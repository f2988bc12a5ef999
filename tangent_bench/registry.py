"""Plug-ins are files: `tasks/mnist.py` is the task "mnist". Nothing is registered by hand.

Methods may also be modules of installed packages, which name them as entry points (`merging`).

Importing this module, or listing names, imports no plug-in: the Snakefile may do both for free.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

FOLDERS = (
    "tasks",
    "models",
    "training",
    "methods",
    "experiments",
    "figures",
    "corpus",
    "checkpoints",
)
METHODS_GROUP = "tangent_bench.methods"  # of entry points of installed packages


def names(folder: str) -> list[str]:
    """Names of all plug-ins of a folder, sorted; files that begin with "_" are not plug-ins.

    >>> "task_arithmetic" in names("methods")
    True
    """
    assert folder in FOLDERS, folder
    files = (Path(__file__).parent / folder).glob("*.py")
    return sorted(file.stem for file in files if not file.stem.startswith("_"))


def module_name(folder: str, name: str) -> str:
    """The dotted name of a plug-in's module.

    Raises:
        ValueError: there is no such file; the message lists what there is and the nearest name.
    """
    _require(folder, name)
    return f"tangent_bench.{folder}.{name}"


def every(folder: str) -> dict[str, ModuleType]:
    """All plug-ins of a folder by name, for code that needs each of them.

    Code that calls this reaches all of them (`digests`).
    """
    return {name: load(folder, name) for name in names(folder)}


def load(folder: str, name: str) -> ModuleType:
    """The plug-in module `name` of `folder`.

    Raises:
        ValueError: there is no such file; the message lists what there is and the nearest name.
    """
    return importlib.import_module(module_name(folder, name))


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known one, or nothing.

    >>> did_you_mean("linaer", ["linear", "standard"]), did_you_mean("xyz", ["linear"])
    (" Did you mean 'linear'?", '')
    """
    near = difflib.get_close_matches(given, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _require(folder: str, name: str) -> None:
    assert folder in FOLDERS, folder
    # Most names are right: looking for one file is quicker than listing the folder.
    file = Path(__file__).parent / folder / f"{name}.py"
    if name.isidentifier() and not name.startswith("_") and file.is_file():
        return
    known = names(folder)
    if name not in known:
        hint = did_you_mean(name, known)
        raise ValueError(
            f"Unknown name {name!r} in '{folder}': expected one of {', '.join(known)}.{hint} "
            f"A new one is one file, tangent_bench/{folder}/{name}.py."
        )
