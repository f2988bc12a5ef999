"""What is wrong with a method's module, and where a method failed, in words."""

from __future__ import annotations

import inspect
import linecache
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tangent_bench import registry
from tangent_bench.methods import DATA, STORAGE, Method

PACKAGE = Path(__file__).parents[1]
_GRID = "expected None or (first, last, count), as (0.0, 3.0, 16)"


def flaw(module: object, name: str) -> str:
    """How a module breaks the contract; "" if it keeps to it."""
    method = getattr(module, "METHOD", None)
    if reserved := {".", "+"} & set(name):
        return (
            f"has {min(reserved)!r} in its name, which joins names in chains and hyper-parameters; "
            "rename it"
        )
    if not isinstance(method, Method):
        kind = type(method).__name__
        return f"has no METHOD; expected a tangent_bench.methods.Method, got {kind}"
    if hasattr(module, "prepare") == hasattr(module, "adjust"):
        return "needs either prepare(vectors, context) or adjust(direction, vectors, context)"
    return _wrong_function(module) or _wrong_field(method)


def _wrong_field(method: Method) -> str:
    if method.data not in DATA:
        return f"has data {method.data!r}; expected one of {', '.join(DATA)}"
    if method.storage not in STORAGE:
        return f"has storage {method.storage!r}; expected one of {', '.join(STORAGE)}"
    grid = method.coefficients
    if grid is not None and not _is_grid(grid):
        return f"has coefficients {grid!r}; {_GRID}"
    return ""


def _is_grid(grid: object) -> bool:
    """Whether it is a first, a last and a number of coefficients; the laws say which are sound."""
    if not isinstance(grid, tuple | list) or len(grid) != 3:
        return False
    first, last, count = grid
    ends = (first, last)
    are_numbers = all(isinstance(end, float | int) and abs(end) < float("inf") for end in ends)
    return are_numbers and type(count) is int


def _wrong_function(module: object) -> str:
    """How a function of the contract cannot be called."""
    expected = {
        "prepare": ("vectors", "context"),
        "adjust": ("direction", "vectors", "context"),
        "weights": ("sources",),
    }
    for name, arguments in expected.items():
        function = getattr(module, name, None)
        if function is None:
            continue
        if not callable(function):
            return f"has {name!r} that is no function; expected {name}({', '.join(arguments)})"
        if asks_for_values(function):
            arguments = (*arguments, "hyper_parameters")
        if not _takes(function, len(arguments)):
            own = inspect.signature(function)
            return f"has {name}{own}; expected {name}({', '.join(arguments)})"
    return ""


def asks_for_values(function: Callable) -> bool:
    """Whether a method's `weights` depends on its hyper-parameters."""
    try:
        return "hyper_parameters" in inspect.signature(function).parameters
    except ValueError:  # of a function in C nothing is known
        return False


def _takes(function: Callable, number: int) -> bool:
    try:
        inspect.signature(function).bind(*[None] * number)
    except TypeError:
        return False
    except ValueError:  # of a function in C nothing is known
        return True
    return True


def called(name: str, title: str, function: Callable[..., Any], *arguments: object) -> Any:
    """What a method's function returns.

    Args:
        name: of the method.
        title: of the function, `prepare` or `adjust`.
        function: itself.
        arguments: what it is given.

    Raises:
        ValueError: the method's own sentence; or, if it failed otherwise, one with the type of the
            exception, the file and the line. The exception is its cause.
    """
    try:
        return function(*arguments)
    except MemoryError:
        raise
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError" or _is_sentence(error, function):
            raise
        raise ValueError(
            f"Method {name!r}: {title} failed "
            f"({registry.described(error, _file(function))}); mend it there."
        ) from error


def _is_sentence(error: Exception, function: Callable) -> bool:
    """Whether the suite, or the method itself, raised a ValueError in so many words."""
    if not isinstance(error, ValueError):
        return False
    last = traceback.extract_tb(error.__traceback__)[-1]
    is_own = Path(last.filename).is_relative_to(PACKAGE) or last.filename == _file(function)
    line = linecache.getline(last.filename, last.lineno or 0)
    return is_own and line.lstrip().startswith("raise ")


def _file(function: Callable) -> str:
    code = getattr(function, "__code__", None)
    return code.co_filename if code else ""
