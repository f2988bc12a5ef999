"""Localization of task vectors against the part of the pre-training that the model has had.

Models that differ only in the seed of their pre-training are one family, as in `emergence`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._localization import RATIOS, REFERENCE, references, ways
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import need, note, pick
from tangent_bench.figures._style import COLUMN, in_look
from tangent_bench.figures._trunk import (
    Lane,
    Stroke,
    along,
    cover,
    explain_shuffled,
    followed_modes,
    lanes,
    place,
    series,
)
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Localization of the task vectors along pre-training",
    reads=("vector_localization",),
    category="Why it works",
    num_inits=2,
    across=True,
    caption="""\
What other tasks' vectors do to the embeddings of a task's test images, over what the task's own
vector does there, mean over tasks, for vectors that start from image towers along the
pre-training. Left: all others together. Right: a single one, mean over the others. Lower is more
localized. Dotted: vectors that ignore whose images they see, √(T − 1) for the T − 1 others
together if their changes are of equal length and at right angles, 1 for one of them. Towers,
hollow diamonds, thin and bold lines are those of the figure of task arithmetic along
pre-training.
""",
)
ALL = {"experiment": "vector_localization", "sources": "each", "task": "all"}


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [families, 2]: all others over the own vector, and one of them.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    found = lanes(summarize(rows))
    axes = panels(len(found), 2, ax, (COLUMN, 2.5))
    for line, lane in zip(axes, found, strict=True):
        for axis, (metric, label) in zip(line, RATIOS, strict=True):
            _panel(axis, lane, metric)
            axis.set_ylabel(label)
        legend(line[1], loc="lower left")  # below the curves, which begin near 1
        title(line[0], lane.title, loc="left")
    models = [name for lane in found for table in lane.each for name in table["model"].unique()]
    shown = pick(rows, model=models)
    words = note(pick(shown, **ALL), intervals=False)
    annotate(axes, f"Mean over tasks; dotted: not localized; {words}. {cover(shown, found)}", ax)
    return axes


def _panel(axis, lane: Lane, metric: str) -> None:
    followed = followed_modes(lane, {**ALL, "metric": metric})
    for way in ways(lane.mean):
        if way.mode not in followed:
            continue
        stroke = Stroke(way.mode.colour, way.mode.marker, way.label, way.dash, 1.0, way.face)
        series(axis, lane, {**ALL, "metric": metric, **way.at}, stroke)
    explain_shuffled(axis, lane)
    axis.axhline(references(lane.mean)[metric], **REFERENCE)
    along(axis, sorted(lane.mean["init"].unique(), key=place))
