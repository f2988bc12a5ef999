"""Plug-ins are files: `tasks/mnist.py` is the task "mnist". Nothing is registered by hand.

Methods and models may also be modules of installed packages, which name them as entry points
(`merging`, `models`).

Importing this module, or listing names, imports no plug-in: the Snakefile may do both for free.
"""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from collections.abc import Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

# Folder → what each of its files has: its contract in capitals, names beside it ("a|b": one of
# two).
CONTRACTS = {
    "tasks": ("TASK", "load|ORIGIN"),
    "texts": ("TASK", "load"),
    "models": ("MODEL",),
    "training": ("TRAINING", "encoder"),
    "methods": ("METHOD", "prepare|adjust"),
    "experiments": ("EXPERIMENT", "run"),
    "figures": ("FIGURE", "draw|build"),
    "corpus": ("compose", "phrase", "render"),
    "checkpoints": ("LAYOUT", "recognises", "read"),
}
FOLDERS = tuple(CONTRACTS)
TASKS = ("tasks", "texts")  # the folders of tasks: of images, and of texts
# Groups of entry points of installed packages.
METHODS_GROUP = "tangent_bench.methods"
MODELS_GROUP = "tangent_bench.models"


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


def task_folder(name: str) -> str:
    """The folder of a task of the suite: "texts" of one of texts, "tasks" of any other name.

    >>> task_folder("mnist"), task_folder("bible")
    ('tasks', 'texts')
    """
    return "texts" if name in names("texts") else "tasks"


def task(name: str) -> ModuleType:
    """The module of a task of images or texts; raises as `load`."""
    return load(task_folder(name), name)


def every(folder: str) -> dict[str, ModuleType]:
    """All plug-ins of a folder by name, for code that needs each of them.

    Code that calls this reaches all of them (`digests`).
    """
    return {name: load(folder, name) for name in names(folder)}


def load(folder: str, name: str) -> ModuleType:
    """The plug-in module `name` of `folder`.

    Raises:
        ValueError: there is no such file (the message lists what there is and the nearest name), it
            cannot be imported, or it lacks a part of its folder's contract.
    """
    dotted = module_name(folder, name)
    file = str(Path(__file__).parent / folder / f"{name}.py")
    try:
        module = importlib.import_module(dotted)
    except Exception as error:  # whatever an author's file does on import
        raise ValueError(
            f"tangent_bench/{folder}/{name}.py cannot be imported ({described(error, file)}); "
            "mend it, or take the file away."
        ) from error
    for part in CONTRACTS[folder]:
        if lack := _lack(module, part):
            raise ValueError(f"tangent_bench/{folder}/{name}.py {lack}; see docs/how-to/extend.md.")
    return module


def installed(group: str) -> dict[str, list[metadata.EntryPoint]]:
    """Name → entry points of a group; several where packages claim the same name."""
    found: dict[str, list[metadata.EntryPoint]] = {}
    for point in _installed_on(tuple(sys.path)).select(group=group):
        found.setdefault(point.name, []).append(point)
    return found


@cache
def _installed_on(_path: tuple[str, ...]) -> Any:
    """Entry points of all installed packages, of a class that depends on Python; takes a while."""
    return metadata.entry_points()


def package_of(point: metadata.EntryPoint) -> str:
    """The name of the package that an entry point belongs to."""
    assert point.dist is not None, point  # `metadata.entry_points` sets it
    return point.dist.name


def _lack(module: ModuleType, part: str) -> str:
    """How a module lacks a part of its contract; "" if it has it."""
    if not part.isupper():
        has_one = any(hasattr(module, name) for name in part.split("|"))
        return "" if has_one else f"has no {part.replace('|', ' or ')}; expected such a function"
    if part not in vars(module) and hasattr(module, "__getattr__"):
        return ""  # it is made at its first use, which may take a second
    kind = part.capitalize()
    value = getattr(module, part, None)
    if kind in (base.__name__ for base in type(value).__mro__):
        return ""
    if value is None:
        return f"has no {part}; expected {part} = {kind}(...)"
    return f"has a {type(value).__name__} as its {part}; expected {part} = {kind}(...)"


def described(error: BaseException, file: str = "") -> str:
    """An exception on one line: type, message, and where it was raised.

    Args:
        error: the exception.
        file: whose last line on the way is named; "" or none of its lines take the very last.

    >>> described(ValueError("a\\nb")), described(ValueError())
    ('ValueError: a b', 'ValueError')
    """
    message = " ".join(str(error).split())[:300].rstrip(" .")
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    real = [frame for frame in frames if not frame.filename.startswith("<")]
    own = [frame for frame in real if frame.filename == file]
    # A syntax error says its own place.
    if not real or isinstance(error, SyntaxError):
        return text
    last = (own or real)[-1]
    return f"{text}; {last.filename}, line {last.lineno}"


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
