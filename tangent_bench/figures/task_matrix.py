"""Each vector alone on every task: the T × T matrix of test accuracy.

Above it stands the model without a vector.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import ModeLook, modes, task_title
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
    title="Each vector on every task",
    reads=("single_task",),
    category="Single tasks",
    by_task=True,
    caption="""\
Test accuracy of each vector alone (α = 1) on every task; the first row is the model without a
vector. A star marks a vector that is not the best on its own task: a wrong checkpoint under a
right name looks plausible everywhere else.
""",
)
CELL = 0.2  # inches of one cell
NAMES = 0.8  # inches of height of the tasks' names, and of the label below them
ROOM = 14  # letters of a task's name for which there is room beside the cells
LETTER = 0.065  # inches of a further one


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, modes], or lines of a single model's.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = pick(summarize(rows), split="test", metric=("accuracy", "best_on_own_task"))
    parts = list(by_model(table))
    shown = modes(table)
    num = len(task_order(table))
    longest = max(len(task_title(task)) for task in task_order(table))
    width = max(CELL * num + 0.7 + LETTER * max(0, longest - ROOM), 1.6)
    abreast = columns(len(parts), len(shown), width)
    wanted = [(name, part, mode) for name, part in parts for mode in shown]
    lines = math.ceil(len(wanted) / abreast)
    height = CELL * (num + 1) + 0.55 + (NAMES + BAR) / lines
    axes = panels(lines, abreast, ax, (width, height))
    images = []
    for axis, (name, part, mode) in zip(axes.flat, wanted):
        images.append(_panel(axis, part, mode, named=axis in axes[:, 0]))
        title(axis, f"{name}\n{mode.title}")
    for axis in axes.flat[len(wanted) :]:
        axis.remove()
    label_lowest(axes)
    colour_bar(axes, images[-1], "Test accuracy (%)")
    shown_rows = pick(rows, task=task_order(table))  # not the control
    words = note(shown_rows, per_task=True, intervals=False)
    if any(_beaten(part, mode) for _, part, mode in wanted):
        words = f"*: another vector does better on this task; {words}"
    annotate(axes, words, ax)
    return axes


def _beaten(part: pd.DataFrame, mode: ModeLook) -> set[str]:
    """The tasks on which the vector of another one does better."""
    found = pick(
        part, training=mode.training, evaluation=mode.evaluation, metric="best_on_own_task"
    )
    return set(found.loc[found["value"] < 1, "sources"])


def _panel(axis, part: pd.DataFrame, mode: ModeLook, named: bool):
    """Draws the matrix of a mode, and returns its image."""
    import numpy as np

    tasks = task_order(part)
    found = pick(part, training=mode.training, evaluation=mode.evaluation)
    square = pick(found, metric="accuracy", sources=tasks, task=tasks)
    square = square.pivot(index="sources", columns="task", values="value").reindex(
        index=tasks, columns=tasks
    )
    before = (
        pick(part, training="none", metric="accuracy", task=tasks)
        .set_index("task")["value"]
        .reindex(tasks)
    )
    values = 100 * np.vstack([before.to_numpy(), square.to_numpy()])
    beaten = _beaten(part, mode)
    names = [task_title(task) for task in tasks]
    flagged = [
        f"{name * named} {'*' * (task in beaten)}".strip()
        for task, name in zip(tasks, names, strict=True)
    ]
    labels = (["no vector" * named, *flagged], names)
    image = matrix(axis, values, labels, Scale("cividis", 0.0, 100.0, ".0f"))
    axis.axhline(0.5, color="white", linewidth=2)
    axis.set_xlabel("evaluated task")
    axis.set_ylabel("task of the vector" * named)
    return image
