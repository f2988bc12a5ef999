"""Tables of texts: a line for each text, with its split, its class and its unit.

    split,class,unit,text

Texts stand in the repository in place of the packages that they come from, so that every machine
reads the same ones whatever is installed there. Shapes: N texts.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tangent_bench.images.splits import check_split
from tangent_bench.images.task import Task
from tangent_bench.seeds import generator

FOLDER = Path(__file__).parent
COLUMNS = ("split", "class", "unit", "text")


class LabelledTexts(NamedTuple):
    """A split in memory.

    Attributes:
        texts: N strings, none of them empty.
        labels: labels_N, int64.
        blocks: blocks_N, int64: the independent unit of each text.
    """

    texts: tuple[str, ...]
    labels: np.ndarray
    blocks: np.ndarray


def load(module: str, file: str, task: Task, split: str) -> LabelledTexts:
    """The texts of a split, in an order that is drawn once: the first of them have all classes.

    Args:
        module: `__name__` of the task's module.
        file: its table, relative to this folder.
        task: whose classes they are.
        split: one of the task's.

    Raises:
        ValueError: an unknown split, or a table that is missing or has another form.
    """
    check_split(module, split, task.splits)
    texts = []
    labels = []
    units = []
    numbers: dict[str, int] = {}
    for place, class_name, unit, text in lines(FOLDER / file):
        number = numbers.setdefault(unit, len(numbers))
        if place == split:
            texts.append(text)
            labels.append(task.class_names.index(class_name))
            units.append(number)
    order = generator("texts", module.rpartition(".")[2], split).permutation(len(texts))
    return LabelledTexts(
        tuple(texts[number] for number in order),
        np.array(labels, np.int64)[order],
        np.array(units, np.int64)[order],
    )


@cache
def lines(path: Path) -> list[list[str]]:
    """The lines of a table without its head.

    Raises:
        ValueError: it is missing, or has other columns.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            head, *rows = csv.reader(file)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{path} cannot be read ({error}): expected a table of texts; check it out again."
        ) from None
    if tuple(head) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise ValueError(
            f"{path} has the columns {', '.join(head)}, expected {', '.join(COLUMNS)} in every "
            "line: check it out again."
        )
    return rows
