"""A reproducible benchmark suite for task arithmetic in the tangent space.

`open` opens the results of a run: rows, tables, figures and vectors. Importing this package imports
nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tangent_bench.runs import OpenedRun, draw, open, save

__version__ = "0.1.0"
__all__ = ["OpenedRun", "draw", "open", "save"]  # of tangent_bench.runs, at their first use


def __getattr__(name: str) -> object:
    # By its name as a text: digests of jobs follow imports, and every job imports this package.
    if name in __all__:
        import importlib

        return getattr(importlib.import_module("tangent_bench.runs"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
