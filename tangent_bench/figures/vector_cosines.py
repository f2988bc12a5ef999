"""The vectors among themselves: cosine of each pair, and the length of each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import task_title, training_title
from tangent_bench.figures._matrix import Scale, matrix
from tangent_bench.figures._page import points
from tangent_bench.figures._panels import (
    BAR,
    annotate,
    colour_bar,
    columns,
    label_lowest,
    panels,
    title,
)
from tangent_bench.figures._select import by_model, need, pick, task_order
from tangent_bench.figures._style import in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Cosines and lengths of the task vectors",
    reads=("vector_geometry",),
    category="Vectors",
    by_task=True,
    caption="""\
Cosines between task vectors, and at the end of each line the length of its vector, absolute and
as a share of the length of the pre-trained weights. The colours reach to the largest cosine of two
different vectors in the figure, in either direction.
""",
)
NAMES = 0.6  # inches of height of the tasks' names
CELL = 0.24  # inches of one cell


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, ways of fine-tuning], or lines of a single model's.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = summarize(rows)
    ways = sorted(table["training"].unique(), key=lambda way: (way != "standard", way))
    # Public checkpoints and own vectors are separate parts, in which some ways are missing.
    parts = [
        (name, way, pick(part, training=way)) for name, part in by_model(table) for way in ways
    ]
    parts = [(name, way, part) for name, way, part in parts if len(part)]
    num = len(task_order(table))
    width = max(CELL * num + 1.3, 2.4)
    abreast = columns(len(list(by_model(table))), len(ways), width)
    lines = math.ceil(len(parts) / abreast)
    height = CELL * num + 0.55 + (NAMES + BAR) / lines
    axes = panels(lines, abreast, ax, (width, height))
    largest = float(_pairs(table)["value"].abs().to_numpy().max())
    images = []
    for k, (axis, (name, way, part)) in enumerate(zip(axes.flat, parts)):
        first = parts[k - k % abreast][2]  # of the line
        named = k % abreast == 0 or task_order(part) != task_order(first)
        images.append(_panel(axis, part, largest, named))
        title(axis, f"{name}\n{training_title(way)}")
    for axis in axes.flat[len(parts) :]:
        axis.remove()
    label_lowest(axes)
    colour_bar(axes, images[-1], "Cosine of two task vectors")
    seeds = len(set(rows["seed"]))
    plural = "s" if seeds > 1 else ""
    sizes = " and ".join(f"{size:,}" for size in sorted(set(rows["num_samples"])))
    words = f"cosines of vectors of n = {sizes} parameters; mean of {seeds} seed{plural}"
    annotate(axes, words, ax)
    return axes


def _panel(axis, part: pd.DataFrame, largest: float, named: bool):
    """Draws the matrix of a way of fine-tuning, and returns its image."""
    import numpy as np

    tasks = task_order(part)
    values = np.full((len(tasks), len(tasks)), np.nan)
    for pair, cosine in _pairs(part)[["sources", "value"]].itertuples(index=False, name=None):
        i, j = (tasks.index(task) for task in pair.split("+"))
        values[i, j] = values[j, i] = cosine
    names = [task_title(task) for task in tasks]
    labels = names if named else [""] * len(names)
    image = matrix(axis, values, (labels, names), Scale("PuOr", -largest, largest, ".2f"))
    beside = {"fontsize": points(6.5), "va": "center"}
    axis.text(len(tasks) - 0.3, -0.85, "‖τ‖ (of ‖θ0‖)", **beside)
    for line, task in enumerate(tasks):
        axis.text(len(tasks) - 0.3, line, _length(part, task), **beside)
    return image


def _pairs(table: pd.DataFrame) -> pd.DataFrame:
    """Selects cosines of two different vectors: one of a vector with itself rules the colours."""
    cosines = pick(table, metric="cosine")
    first_and_second = cosines["sources"].str.partition("+")
    return cosines.loc[first_and_second[0] != first_and_second[2]]


def _length(part: pd.DataFrame, task: str) -> str:
    norm, relative = (
        pick(part, sources=task, metric=metric)["value"] for metric in ("norm", "relative_norm")
    )
    return f"{norm.mean():.2f} ({100 * relative.mean():.1f} %)"
