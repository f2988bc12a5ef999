"""The form of the package and the scripts of the workflow: short lines, short functions."""

from __future__ import annotations

import ast
import gc
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "tangent_bench"
MAX_COLUMNS = 100
MAX_COMPREHENSIONS = 25  # in 1,000 lines
MAX_PACKINGS = 4  # in 1,000 lines
MAX_MEDIAN_BODY = 6  # lines of a function without its docstring
MAX_P90_BODY = 20
MAX_ROOT_MODULES = 9
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def sources() -> dict[Path, str]:
    """File → text, of the package and of the workflow's scripts."""
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "workflow/scripts").glob("*.py")]
    # a wheel's copy of the workflow is made, not written
    return {file: file.read_text("utf-8") for file in files if "_suite" not in file.parts}


@cache
def nodes() -> list[tuple[Path, ast.AST]]:
    """Every node of every file."""
    gc.disable()  # or it looks for garbage among nodes for longer than they take to make
    try:
        trees = {file: ast.parse(text) for file, text in sources().items()}
        return [(file, node) for file, tree in trees.items() for node in ast.walk(tree)]
    finally:
        gc.enable()


def num_lines() -> int:
    return sum(len(text.splitlines()) for text in sources().values())


def is_packing(node: ast.AST) -> bool:
    """Whether a node assigns a tuple that is written out to several names: a, b = 1, 2."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Tuple):
        return False
    return any(isinstance(target, ast.Tuple) for target in node.targets)


def body_lengths() -> Iterator[int]:
    """Lines of the body of each function, without its docstring."""
    for _, node in nodes():
        if not isinstance(node, FUNCTIONS):
            continue
        body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        if body:
            yield body[-1].end_lineno - body[0].lineno + 1


def places(kind: str, found: list[tuple[Path, int]]) -> str:
    """A sentence for a failure: the files that have most of a kind, and the first line of each."""
    counts = Counter(file for file, _ in found)
    lines = {}
    for file, line in found:
        lines.setdefault(file, line)
    worst = [
        f"{file.relative_to(ROOT)}:{lines[file]} ({count})" for file, count in counts.most_common(9)
    ]
    return f"{len(found)} {kind}, most of them in {', '.join(worst)}"


def test_no_line_is_longer_than_the_limit():
    found = []
    for file, text in sources().items():
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > MAX_COLUMNS:
                found.append((file, number))
    assert not found, places("long lines", found)


def test_comprehensions_are_few():
    found = [(file, node.lineno) for file, node in nodes() if isinstance(node, COMPREHENSIONS)]
    assert 1000 * len(found) / num_lines() <= MAX_COMPREHENSIONS, places("comprehensions", found)


def test_values_are_assigned_one_at_a_time():
    found = [(file, node.lineno) for file, node in nodes() if is_packing(node)]
    assert 1000 * len(found) / num_lines() <= MAX_PACKINGS, places("packed assignments", found)


def test_functions_are_short():
    lengths = sorted(body_lengths())
    assert len(lengths) > 1000
    assert median(lengths) <= MAX_MEDIAN_BODY
    assert quantiles(lengths, n=10)[-1] <= MAX_P90_BODY


def test_few_modules_lie_at_the_root_of_the_package():
    modules = sorted(file.name for file in PACKAGE.glob("*.py") if file.name != "__init__.py")
    assert len(modules) <= MAX_ROOT_MODULES, modules


def test_a_class_name_stands_for_one_class():
    files = {}
    for file, node in nodes():
        if isinstance(node, ast.ClassDef):
            files.setdefault(node.name, []).append(str(file.relative_to(ROOT)))
    assert {name: where for name, where in files.items() if len(where) > 1} == {}
