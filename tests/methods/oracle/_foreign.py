"""Opens single files of other people's repositories at a commit, without installing or copying
them.

What such a file imports and is not there (`src.models`, `wandb`) becomes a stub: only functions
that do not touch it can be called.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

STUBBED = ("src", "foreign", "model_merging_methods", "ray", "utils", "wandb")


class _Stub(ModuleType):
    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock()


class _Finder(MetaPathFinder, Loader):
    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        return (
            ModuleSpec(name, self, is_package=True) if name.partition(".")[0] in STUBBED else None
        )

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Stub(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass


def opened(folder: Path, repository: str, commit: str, path: str) -> ModuleType:
    """A file as a module; later files of the repository find it by `from .name import`.

    Args:
        folder: holds clones, bare or not, as `owner+name` or `owner+name/repo`.
        repository: "owner/name" on GitHub.
        commit: its hash.
        path: inside the repository.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
    text = shown(folder, repository, commit, path)
    module = ModuleType(f"foreign.{Path(path).stem}")
    module.__dict__.update(
        __package__="foreign", __file__=str(Path("clone") / path), logging=logging
    )
    sys.modules[module.__name__] = module
    exec(compile(text, f"{repository}/{path}", "exec"), module.__dict__)
    return module


def shown(folder: Path, repository: str, commit: str, path: str) -> str:
    """The text of a file at a commit."""
    place = folder / repository.replace("/", "+")
    place = place / "repo" if (place / "repo").is_dir() else place
    command = ["git", "-C", place, "show", f"{commit}:{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
