"""First sentences of docstrings of libraries that are installed with this one, by library."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.sources.packages import installed
from tangent_bench.texts.sources.wording import Excerpt, first_sentence, is_fit

# Class → package on PyPI, module.
LIBRARIES = {
    "numpy, numerical arrays": ("numpy", "numpy"),
    "scipy, scientific computing": ("scipy", "scipy"),
    "pandas, tables of data": ("pandas", "pandas"),
    "matplotlib, plots": ("matplotlib", "matplotlib"),
    "scikit-learn, machine learning": ("scikit-learn", "sklearn"),
    "scikit-image, image processing": ("scikit-image", "skimage"),
    "sympy, symbolic mathematics": ("sympy", "sympy"),
    "networkx, graphs": ("networkx", "networkx"),
    "torch, neural networks": ("torch", "torch"),
    "torchvision, models of images": ("torchvision", "torchvision"),
    "sqlalchemy, databases": ("sqlalchemy", "sqlalchemy"),
    "fonttools, fonts": ("fonttools", "fontTools"),
    "textual, terminals": ("textual", "textual"),
    "datasets, data sets": ("datasets", "datasets"),
    "snakemake, workflows": ("snakemake", "snakemake"),
}
FEWEST_WORDS = 4
NOT_THEIRS = ("tests", "testing", "test", "externals", "extern", "_vendor", "vendor", "_vendored")
# Markup and code, which are no sentences.
_NO_SENTENCE = re.compile(r"[`<>{}|\\=_*@%$#~\[\]]|::|\.\.\.|https?:|[^\x20-\x7e]")
_NODES = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A documented class or function an excerpt; the module is its unit. `folder` is not read."""
    for class_name, (package, module) in LIBRARIES.items():
        root = installed(package, module)
        for file in sorted(root.rglob("*.py")):
            path = file.relative_to(root)
            if not any(part in NOT_THEIRS for part in path.parts):
                for text in _sentences(file.read_text(encoding="utf-8")):
                    if not _names(text, package, module):
                        yield Excerpt(text, class_name, f"{module}/{path.as_posix()}")


def _sentences(source: str) -> Iterator[str]:
    """The first sentences of docstrings of public classes and functions."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return  # a template of a module
    for node in ast.walk(tree):
        if isinstance(node, _NODES) and not node.name.startswith("_"):
            paragraph = (ast.get_docstring(node) or "").split("\n\n")[0]
            text = first_sentence(paragraph)
            if is_fit(text, FEWEST_WORDS) and not _NO_SENTENCE.search(text):
                yield text


def _names(text: str, package: str, module: str) -> bool:
    """Whether a text names its library."""
    return package in text.lower() or module.lower() in text.lower()
