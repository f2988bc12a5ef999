"""Addition: mean accuracy along the coefficient.

Marks show where validation chose it, and what the test says there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._entities import ModeLook, modes
from tangent_bench.figures._panels import annotate, beside, legend, panels, title
from tangent_bench.figures._select import by_model, need, note, pick, task_order
from tangent_bench.figures._style import COLUMN, errors, look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Task addition: accuracy against the coefficient",
    reads=("task_addition",),
    category="Addition",
    caption=f"""\
Mean accuracy over the tasks when all vectors are added with coefficient α. Lines: validation,
with 95 % bands. The open mark is the coefficient that validation chose (mean over seeds), the
filled mark the test accuracy there.
{INTERVALS}
""",
)


@look()
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes, one for each model.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = summarize(rows)
    parts = list(by_model(table))
    axes = panels(1, len(parts), ax, (COLUMN + 0.5 + beside(len(modes(table)) + 2), 2.9))
    for axis, (name, part) in zip(axes.flat, parts, strict=True):
        _panel(axis, part)
        title(axis, name)
    annotate(axes, f"lines: validation; {note(rows)}", ax)
    return axes


def _panel(axis, part: pd.DataFrame) -> None:
    tasks = task_order(part)
    part = pick(part, sources="+".join(tasks), task="all")
    for mode in modes(part):
        _curve(axis, pick(part, training=mode.training, evaluation=mode.evaluation), mode)
    axis.plot(
        [],
        [],
        "o",
        color="#333333",
        markerfacecolor="white",
        markersize=8,
        label="chosen α, validation",
    )
    axis.errorbar([], [], yerr=[], fmt="o", color="#333333", markersize=4, label="chosen α, test")
    axis.set_xlabel("Coefficient α of the sum")
    axis.set_ylabel(f"Accuracy, mean of {len(tasks)} tasks (%)")
    axis.margins(x=0.03)
    legend(axis, loc="best")


def _curve(axis, found: pd.DataFrame, mode: ModeLook) -> None:
    import numpy as np

    line = pick(found, split="val", metric="accuracy").sort_values("coefficient")
    axis.plot(line["coefficient"], 100 * line["value"], color=mode.colour, label=mode.title)
    axis.fill_between(
        line["coefficient"],
        100 * line["low"],
        100 * line["high"],
        color=mode.colour,
        alpha=0.15,
        linewidth=0,
    )
    chosen = pick(found, metric="selected_coefficient")["value"]
    height = np.interp(chosen, line["coefficient"], 100 * line["value"])
    axis.plot(
        chosen,
        height,
        mode.marker,
        color=mode.colour,
        markerfacecolor="white",
        markersize=9,
        zorder=3,
    )
    test = pick(found, split="test", metric="accuracy_tuned")
    axis.errorbar(
        test["coefficient"],
        100 * test["value"],
        yerr=errors(test),
        fmt=mode.marker,
        color=mode.colour,
        markersize=4,
        capsize=2,
        zorder=4,
    )
