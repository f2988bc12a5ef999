"""The matrix of localization: what each vector does to each task's images, over the own vector."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import task_title
from tangent_bench.figures._localization import Way, ways
from tangent_bench.figures._matrix import Scale, matrix
from tangent_bench.figures._panels import (
    BAR,
    annotate,
    colour_bar,
    columns,
    label_lowest,
    panels,
    title,
)
from tangent_bench.figures._select import by_model, need, note, pick, task_order
from tangent_bench.figures._style import in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="What each vector does to each task's images",
    reads=("vector_localization",),
    category="Why it works",
    by_task=True,
    max_inits=3,
    caption="""\
How far each vector (row) moves the embeddings of each task's test images (column), as a ratio:
its mean change over that of the task's own vector, which is 1 on the diagonal. Light columns off
the diagonal are localized: other tasks' vectors hardly act there. At 1 a vector moves a task's
images as far as the task's own vector does, whosever they are. Changes are lengths in the
embedding space before normalisation, in units of the image's embedding at the pre-trained
weights; the percentage beside a task says how long those of its own vector are. In the tangent
space the ratios do not depend on the coefficient; in the network large changes saturate, which
draws them towards 1. Means over seeds, conditional on these tasks and this pre-training.
""",
)
CELL = 0.22  # inches of one cell
NAMES = 1.4  # inches of the names below the lowest panels
COLOURS = "YlGnBu"  # light where nothing is disturbed, as in the maps of ξ
MOST = 2.0  # from which on all colours are the same
WORDS = "a vector's change of a task's images over that by the task's own vector (diagonal: 1)"


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, modes at their coefficients], or lines of a single model's.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = summarize(rows)
    parts = []
    for name, part in by_model(table):
        parts += [(name, way, part) for way in ways(part)]
    num = len(task_order(table))
    width = max(CELL * num + 0.9, 1.75)
    num_models = len({name for name, _, _ in parts})
    abreast = columns(num_models, math.ceil(len(parts) / num_models), width)
    lines = math.ceil(len(parts) / abreast)
    height = CELL * num + 1.3 + (NAMES + BAR) / lines
    axes = panels(lines, abreast, ax, (width, height))
    highest = _highest(table)
    images = []
    for axis, (name, way, part) in zip(axes.flat, parts):
        images.append(_panel(axis, part, way, highest, named=axis in axes[:, 0]))
        title(axis, f"{name}\n{way.title}")
    for axis in axes.flat[len(parts) :]:
        axis.remove()
    label_lowest(axes)
    colour_bar(axes, images[-1], "Change over that by the own vector")
    annotate(axes, f"{WORDS}; {note(rows, per_task=True, intervals=False)}", ax)
    return axes


def _highest(table: pd.DataFrame) -> float:
    """Returns where the colours end: at the largest ratio, between 1 and `MOST`."""
    ratios = pick(table, metric="localization_ratio")["value"]
    return min(max(1.0, *ratios.tolist()), MOST)


def _panel(axis, part: pd.DataFrame, way: Way, highest: float, named: bool):
    """Draws the matrix of a mode at a coefficient, and returns its image."""
    tasks = task_order(part)
    found = pick(part, **way.at)
    ratios = pick(found, metric="localization_ratio")
    square = ratios.pivot(index="sources", columns="task", values="value")
    square = square.reindex(index=tasks, columns=tasks)
    own = pick(found, metric="relative_change")
    own = own.loc[own["sources"] == own["task"]].set_index("task")["value"]
    names = [task_title(task) * named for task in tasks]
    seen = [f"{task_title(task)}, {100 * own[task]:.0f} %" for task in tasks]
    scale = Scale(COLOURS, 0.0, highest, ".2f")
    image = matrix(axis, square.to_numpy(), (names, seen), scale)
    axis.set_xlabel("evaluated task,\nown change (% of ‖f0‖)")
    axis.set_ylabel("task of the vector" * named)
    return image
