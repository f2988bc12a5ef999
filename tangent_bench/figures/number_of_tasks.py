"""Addition of every subset of the vectors: accuracy against the number of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import ModeLook, modes
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import by_model, need, note, pick
from tangent_bench.figures._style import COLUMN, look
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
and on all tasks (right). Bands: smallest and largest subset.
""",
)
VIEWS = (("own", "the tasks of the sum"), ("all", "all tasks"))


@look()
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
            for mode in modes(part):
                _band(
                    axis,
                    pick(everything, training=mode.training, evaluation=mode.evaluation, task=task),
                    mode,
                )
            _label(axis, words, name if len(parts) > 1 else "")
        legend(line[-1], loc="best")
    annotate(axes, f"band: range over subsets; {note(rows, intervals=False)}", ax)
    return axes


def _band(axis, found: pd.DataFrame, mode: ModeLook) -> None:
    spread = 100 * found.groupby("num_tasks")["value"].agg(["mean", "min", "max"])
    axis.plot(
        spread.index,
        spread["mean"],
        marker=mode.marker,
        color=mode.colour,
        markersize=4,
        label=f"{mode.title}, mean",
    )
    axis.fill_between(
        spread.index, spread["min"], spread["max"], color=mode.colour, alpha=0.15, linewidth=0
    )


def _label(axis, words: str, name: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xlabel("Number of vectors in the sum")
    axis.set_ylabel("Test accuracy (%)")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    title(axis, name, f"mean over {words}")
