"""Opens single files of other people's repositories at a commit, without installing or copying
them.

What such a file imports and is not there (`src.models`, `wandb`) becomes a stub: only functions
that do not touch it can be called.
"""

from __future__ import annotations

import ast
import logging
import subprocess
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

STUBBED = (
    "src",
    "foreign",
    "model_merging_methods",
    "ray",
    "utils",
    "wandb",
    "args",
    "eval",
    "task_vectors",
    "tqdm",
    "nevergrad",
)


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
    module = _module(path)
    sys.modules[module.__name__] = module
    text = shown(folder, repository, commit, path)
    exec(compile(text, f"{repository}/{path}", "exec"), module.__dict__)
    return module


def script(folder: Path, repository: str, commit: str, path: str, **given: object) -> ModuleType:
    """The imports and functions of a file that is meant to be run, without what else it does.

    Args:
        folder, repository, commit, path: as for `opened`.
        given: names that are set in it; with any, its `if __name__ == "__main__"` is run then.
    """
    module = _module(path)
    tree = ast.parse(shown(folder, repository, commit, path))
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef)
    _run([node for node in tree.body if isinstance(node, kept)], module)
    module.__dict__.update(given)
    for node in tree.body:
        if given and isinstance(node, ast.If) and "__main__" in ast.unparse(node.test):
            _run(node.body, module)
    return module


def _run(statements: list[ast.stmt], module: ModuleType) -> None:
    code = compile(ast.Module(statements, []), module.__name__, "exec")
    exec(code, module.__dict__)


def _module(path: str) -> ModuleType:
    """An empty module for a file; what it imports and is not installed is a stub."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
    module = ModuleType(f"foreign.{Path(path).stem}")
    module.__dict__.update(
        __package__="foreign", __file__=str(Path("clone") / path), logging=logging
    )
    return module


def shown(folder: Path, repository: str, commit: str, path: str) -> str:
    """The text of a file at a commit."""
    place = folder / repository.replace("/", "+")
    place = place / "repo" if (place / "repo").is_dir() else place
    command = ["git", "-C", place, "show", f"{commit}:{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
