"""Docstrings: their first sentences, by library."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Docstrings",
    class_names=(
        "numpy, numerical arrays",
        "scipy, scientific computing",
        "pandas, tables of data",
        "matplotlib, plots",
        "scikit-learn, machine learning",
        "scikit-image, image processing",
        "sympy, symbolic mathematics",
        "networkx, graphs",
        "torch, neural networks",
        "torchvision, models of images",
        "sqlalchemy, databases",
        "fonttools, fonts",
        "textual, terminals",
        "datasets, data sets",
        "snakemake, workflows",
    ),
    templates=(
        "documentation of the python library {}",
        "a function of {}",
    ),
    kind="real",
    source="first sentences of docstrings of public classes and functions, without those "
    "that name their library; a module lies in one split",
    licence="BSD-3-Clause, MIT, Apache-2.0, Matplotlib: see texts/assets/LICENCES.md",
    block="module",
)
TABLE = "assets/docstrings.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: an unknown split.
    """
    return _tables.load(__name__, TABLE, TASK, split)
