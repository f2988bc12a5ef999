"""Public names say what they are: every module, class, function and method has a docstring, and
lists all of its arguments or none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tangent_bench"
# Files of these are made to one contract, which the folder's `__init__` describes; their functions
# need not repeat it.
PLUGINS = (
    "checkpoints",
    "corpus",
    "experiments",
    "figures",
    "methods",
    "models",
    "tasks",
    "training",
)
MODULES = {
    path.relative_to(PACKAGE).as_posix(): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if not any(
        part.startswith("_")
        for part in path.relative_to(PACKAGE).with_suffix("").parts
        if part != "__init__"
    )
}
# An Args section may leave the rest to another function.
ELSEWHERE = "The other arguments are those of `"
Definition = ast.FunctionDef | ast.ClassDef


def public(body: list[ast.stmt], within: str = "") -> Iterator[tuple[str, Definition]]:
    """Names of a module and of its classes, without those that begin with _."""
    for node in body:
        if isinstance(node, Definition) and not node.name.startswith("_"):
            yield within + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{within}{node.name}.")


def trouble(node: Definition) -> str:
    """What its docstring lacks: "" if nothing, "docstring", or names of arguments."""
    text = ast.get_docstring(node)
    if not text or isinstance(node, ast.ClassDef):
        return "" if text else "docstring"
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", text, re.M | re.S)
    if not section or ELSEWHERE in text:
        return ""
    listed = re.findall(r"(?:^ {4}|\. )([\w*]+(?:, [\w*]+)*)(?= ?\([^)]*\):|:)", section[1], re.M)
    named = {name.strip("* ") for names in listed for name in names.split(",")}
    given = node.args
    taken = [
        *given.posonlyargs,
        *given.args,
        *given.kwonlyargs,
        *filter(None, (given.vararg, given.kwarg)),
    ]
    return ", ".join(each.arg for each in taken if each.arg not in named | {"self", "cls"})


@pytest.mark.parametrize("module", MODULES)
def test_public_names_are_documented(module):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    folder, _, file = module.rpartition("/")
    if folder in PLUGINS and file != "__init__.py":
        return
    found = {name: lacking for name, node in public(tree.body) if (lacking := trouble(node))}
    assert not found


@pytest.mark.parametrize(
    ("code", "lacking"),
    [
        ("def f(): pass", "docstring"),
        ('def f(a, b):\n    """One sentence."""', ""),
        (
            'def f(a, *b, c):\n    """One.\n\n    Args:\n        a: first.\n\n    Raises:\n       '
            ' b: no.\n    """',
            "c, b",
        ),
        ('def f(a, b, c):\n    """One.\n\n    Args:\n        a, b: both. c: third.\n    """', ""),
        (
            f'def f(a, b):\n    """One.\n\n    Args:\n        a: first.\n\n    {ELSEWHERE}g`.\n   '
            ' """',
            "",
        ),
        ("class C: pass", "docstring"),
    ],
)
def test_what_is_lacking_is_seen(code, lacking):
    assert trouble(ast.parse(code).body[0]) == lacking
