"""Disentanglement maps: ξ of two vectors over both coefficients.

ξ is what the vectors together change of each task's predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import modes, task_title
from tangent_bench.figures._page import current, points
from tangent_bench.figures._panels import annotate, colour_bar, panels, place_of, title
from tangent_bench.figures._select import by_model, need, note, pick
from tangent_bench.figures._style import COLUMN, in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Disentanglement error over both coefficients",
    reads=("disentanglement",),
    category="Why it works",
    by_task=True,
    caption="""\
How much two vectors get into each other's way, over both of their coefficients. ξ is the share
of images of the first task whose prediction changes when the second vector is added, plus the
same with the tasks exchanged: a *sum*, from 0 to 200 %, without any label. Lighter is more
disentangled. The dashed box is the range in which task addition searches its coefficient; along
the thin lines one of the vectors is absent, and one of the two terms is zero. A weak vector
disturbs little for a trivial reason: the table beside this figure divides by what each vector
changes on its own task, and compares the modes at equal accuracy. Means over seeds, conditional
on these tasks and this pre-training.
""",
)
PANEL = (1.75, 1.85)  # inches; four pairs take the width of a page
SMALL = (1.3, 1.35)  # where there are many modes, so that a page holds them
MANY = 4  # modes
HIGHEST = 200.0  # percent: ξ is a sum of two shares
COLOURS = "YlGnBu"  # light where nothing is disturbed, as in the paper; lightness falls all the way
SEARCHED = (0.0, 1.0)
WORDS = (
    "lighter: more disentangled; dashed: where α is searched; thin lines: α = 0; mean over seeds"
)


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models × modes, pairs].

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = pick(need(rows, *FIGURE.reads), metric="disentanglement_term", params_id="wide")
    table = summarize(rows)
    lines = [(name, mode, part) for name, part in by_model(table) for mode in modes(part)]
    pairs = list(table["sources"].unique())
    is_unbroken = current().abreast(len(pairs), SMALL[0]) == len(pairs)
    width, height = SMALL if len(lines) > MANY and is_unbroken else PANEL
    width = max(width, COLUMN / len(pairs))  # the bar's label takes a column at least
    axes = panels(len(lines), len(pairs), ax, (width, height))
    images = []
    for number, (line, (name, mode, part)) in enumerate(zip(axes, lines, strict=True), 1):
        found = pick(part, training=mode.training, evaluation=mode.evaluation)
        for axis, pair in zip(line, pairs, strict=True):
            images.append(_map(axis, pick(found, sources=pair), pair.split("+")))
            if number < len(lines) and not _is_broken(line):
                axis.set_xlabel("")  # as in the panel below
        title(line[0], f"{name}: {mode.title}", loc="left", fontweight="bold", fontsize=points(8))
    colour_bar(axes, images[-1], "ξ, sum of both tasks' disagreement (%)")
    annotate(axes, f"{WORDS}; {note(rows, per_task=True, intervals=False)}", ax)
    return axes


def _is_broken(line: np.ndarray) -> bool:
    """Whether the panels of a row stand in several lines."""
    return place_of(line[0])[0] != place_of(line[-1])[0]


def _map(axis, part: pd.DataFrame, tasks: list[str]):
    """The sum of both terms; the first task's coefficient runs along x."""
    error = part.pivot_table(
        index="coefficient2", columns="coefficient", values="value", aggfunc="sum"
    )
    x = error.columns.to_numpy()
    y = error.index.to_numpy()
    style = {
        "cmap": COLOURS,
        "vmin": 0.0,
        "vmax": HIGHEST,
        "shading": "nearest",
        "rasterized": True,
    }
    image = axis.pcolormesh(x, y, 100 * error.to_numpy(), **style)
    for line in (axis.axhline, axis.axvline):
        line(0.0, color="#444444", linewidth=0.4)
    low, high = SEARCHED
    box = [low, high, high, low, low], [low, low, high, high, low]
    axis.plot(*box, color="#D55E00", linestyle=(0, (3, 1.5)), linewidth=1.2)
    ends = sorted({round(float(c)) for c in (x[0], 0.0, x[-1])})
    axis.set(
        aspect="equal",
        xticks=ends,
        yticks=ends,
        xlabel=f"α, {task_title(tasks[0])}",
        ylabel=f"α, {task_title(tasks[1])}",
    )
    axis.spines[:].set_visible(True)
    return image
