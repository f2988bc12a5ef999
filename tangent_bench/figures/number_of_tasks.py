"""Addition of every subset of the vectors: accuracy against the number of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import ModeLook, modes
from tangent_bench.figures._panels import annotate, legend_of_all, panels, title
from tangent_bench.figures._select import by_model, need, note, pick
from tangent_bench.figures._style import COLUMN, in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Task addition: accuracy against the number of tasks",
    reads=("task_addition",),
    category="Addition",
    modes=("*-tangent",),
    caption="""\
Sums of every subset of the task vectors in the linearized network, each with its own chosen
coefficient: mean test accuracy against the number of vectors, on the tasks of the sum (left)
and on all tasks (right). Marks and lines: means over the subsets of a size. Bars: from the
smallest to the largest of them, no interval. Marks of a number of vectors stand side by side.
""",
)
APART = 0.1  # vectors, between marks that stand side by side
VIEWS = (("own", "the tasks of the sum"), ("all", "all tasks"))


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, 2]: mean accuracy on the tasks of the sum, and on all tasks.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = pick(summarize(rows), split="test", metric="accuracy_tuned")
    table = table.assign(num_tasks=table["sources"].str.count(r"\+") + 1)
    subset_modes = pick(table, task="own")  # modes whose sums were evaluated for every subset
    parts = list(by_model(subset_modes))
    if not parts:
        raise ValueError(
            "No mode has sums of subsets of the tasks; "
            "a mode on the tangent side is needed in `modes` in the config."
        )
    axes = panels(len(parts), len(VIEWS), ax, (COLUMN, 2.7))
    for line, ((name, part), (_, everything)) in zip(
        axes, zip(parts, by_model(table), strict=True), strict=True
    ):
        for axis, (task, words) in zip(line, VIEWS, strict=True):
            shown = modes(part)
            for k, mode in enumerate(shown):
                of_mode = {"training": mode.training, "evaluation": mode.evaluation}
                shift = APART * (k - (len(shown) - 1) / 2)
                _range(axis, pick(everything, task=task, **of_mode), mode, shift)
            _label(axis, words, name if len(parts) > 1 else "")
    legend_of_all(axes, ax, ncols=5)
    words = "marks: means over subsets of a size, bars: range over them"
    annotate(axes, f"{words}; {note(rows, intervals=False)}", ax)
    return axes


def _range(axis, found: pd.DataFrame, mode: ModeLook, shift: float) -> None:
    """Mean, smallest and largest subset of each size."""
    subsets = 100 * found.groupby("num_tasks")["value"].agg(["mean", "min", "max"])
    reach = [subsets["mean"] - subsets["min"], subsets["max"] - subsets["mean"]]
    axis.errorbar(
        subsets.index + shift,
        subsets["mean"],
        reach,
        marker=mode.marker,
        color=mode.colour,
        markersize=3.5,
        elinewidth=0.8,
        label=mode.title,
    )


def _label(axis, words: str, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel("Number of vectors in the sum")
    axis.set_ylabel("Test accuracy (%)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    title(axis, name, f"mean over {words}")
