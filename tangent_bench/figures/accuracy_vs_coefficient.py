"""Addition: mean accuracy along the coefficient.

Marks show what validation and test say where validation chose it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._entities import ModeLook, modes
from tangent_bench.figures._page import LEAST
from tangent_bench.figures._panels import annotate, beside, columns, legend, panels, title
from tangent_bench.figures._select import by_model, need, note, pick, task_order
from tangent_bench.figures._spread import spread
from tangent_bench.figures._style import COLUMN, errors, in_look
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
with 95 % bands. The marks of a mode are at the coefficient that validation chose, which stands
beside its name (mean over seeds): open is the validation accuracy there, filled the test accuracy.
It chooses by the mean of normalized accuracies, whose highest point need not be that of the line.
Marks of modes that chose the same or nearly the same coefficient stand side by side.
{INTERVALS}
""",
)
APART = 0.019  # of the width of a panel, between marks that stand side by side
WORDS = "lines: validation; marks of equal α* stand side by side"


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [lines, models in a line].

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = summarize(rows)
    parts = list(by_model(table))
    width = COLUMN + 0.5 + beside(len(modes(table)) + 2)
    abreast = columns(len(parts), 1, LEAST * width) if ax is None else len(parts)
    axes = panels(math.ceil(len(parts) / abreast), abreast, ax, (width, 2.9))
    for axis, (name, part) in zip(axes.flat, parts):
        _panel(axis, part)
        title(axis, name)
    for axis in axes.flat[len(parts) :]:
        axis.remove()
    annotate(axes, f"{WORDS}; {note(rows)}", ax)
    return axes


def _panel(axis, part: pd.DataFrame) -> None:
    import numpy as np

    tasks = task_order(part)
    part = pick(part, sources="+".join(tasks), task="all")
    shown = modes(part)
    found = [pick(part, training=mode.training, evaluation=mode.evaluation) for mode in shown]
    chosen = list(map(_chosen, found))
    reach = float(np.ptp(part["coefficient"].dropna().to_numpy()))
    places = spread(chosen, APART * reach)
    for mode, rows, alpha, place in zip(shown, found, chosen, places, strict=True):
        _curve(axis, rows, mode, alpha)
        _marks(axis, rows, mode, alpha, place)
    _explain_marks(axis)
    axis.set_xlabel("Coefficient α of the sum")
    axis.set_ylabel(f"Accuracy, mean of {len(tasks)} tasks (%)")
    axis.margins(x=0.03)
    legend(axis, loc="best")


def _explain_marks(axis) -> None:
    """The last two entries of the legend."""
    look = {"fmt": "o", "color": "#333333", "markersize": 4, "elinewidth": 0.9}
    axis.errorbar([], [], markerfacecolor="white", label="at α*: validation", **look)
    axis.errorbar([], [], yerr=[], label="at α*: test", **look)


def _chosen(found: pd.DataFrame) -> float:
    """The coefficient that validation chose, mean over seeds."""
    return float(pick(found, metric="selected_coefficient")["value"].iloc[0])


def _curve(axis, found: pd.DataFrame, mode: ModeLook, alpha: float) -> None:
    line = pick(found, split="val", metric="accuracy").sort_values("coefficient")
    label = f"{mode.title}, α* = {alpha:.2f}"
    style = {"color": mode.colour, "marker": mode.marker, "markersize": 4}
    # The legend alone shows the marker of a line.
    axis.plot(line["coefficient"], 100 * line["value"], markevery=[], label=label, **style)
    axis.fill_between(
        line["coefficient"],
        100 * line["low"],
        100 * line["high"],
        color=mode.colour,
        alpha=0.1,
        linewidth=0,
    )


def _marks(axis, found: pd.DataFrame, mode: ModeLook, alpha: float, place: float) -> None:
    """Validation and test accuracy at α*, drawn at a place beside it."""
    import numpy as np

    line = pick(found, split="val", metric="accuracy").sort_values("coefficient")
    height = np.interp(alpha, line["coefficient"], 100 * line["value"])
    look = {"color": mode.colour, "marker": mode.marker, "markersize": 4, "zorder": 3}
    axis.plot(place, height, markerfacecolor="white", **look)
    test = pick(found, split="test", metric="accuracy_tuned")
    bars = {"elinewidth": 0.9, "capsize": 1.5, "capthick": 0.9}
    axis.errorbar(place, 100 * test["value"], yerr=errors(test), **bars, **look)
