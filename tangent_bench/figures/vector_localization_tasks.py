"""Localization by task: what other vectors do to a task's images over what its own vector does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._entities import task_title
from tangent_bench.figures._localization import RATIOS, REFERENCE, Way, references, ways
from tangent_bench.figures._panels import annotate, legend, panels, place_of, title
from tangent_bench.figures._select import by_model, need, note, pick, task_order
from tangent_bench.figures._style import COLUMN, errors, in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Localization of the task vectors",
    reads=("vector_localization",),
    category="Why it works",
    max_inits=3,
    caption=f"""\
What other tasks' vectors do to the embeddings of a task's test images, over what the task's own
vector does there. Left: all the others together, added at the same coefficient. Right: a single
one of them, mean over the others. The further to the left, the more localized; at 0 vectors act
on their own images alone. Dotted: vectors that ignore whose images they see, which is 1 for one
of them, and √(T − 1) for the T − 1 others together if their changes are of equal length and at
right angles to one another. In the tangent space changes add exactly and the ratios do not
depend on the coefficient. For the network it is named: at α = 1 the changes of its embedding,
whose length its last layer norm holds, saturate, and both ratios are drawn towards 1.
{INTERVALS}
""",
)
LINE = 0.12  # inches of a task for each way of putting vectors in
BETWEEN = 0.8  # of a task's line, in which its marks lie


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, 2]: all others over the own vector, and one of them.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = summarize(rows)
    parts = list(by_model(table))
    tasks = [*task_order(table), "all"]
    height = max(2, len(ways(table))) * LINE * len(tasks) + 0.9
    axes = panels(len(parts), 2, ax, (COLUMN, height))
    for line, (name, part) in zip(axes, parts, strict=True):
        for axis, (metric, label) in zip(line, RATIOS, strict=True):
            axis.axvline(references(part)[metric], **REFERENCE)
            _panel(axis, pick(part, metric=metric), tasks, ways(part))
            axis.set_xlabel(label)
        if place_of(line[1])[1]:
            line[1].set_yticklabels([])
        title(line[0], name, loc="left")
        legend(line[1], loc="upper left", bbox_to_anchor=(1.0, 1.0))
    annotate(axes, f"dotted: not localized; {note(rows, per_task=True)}", ax)
    return axes


def _panel(axis, part: pd.DataFrame, tasks: list[str], found: list[Way]) -> None:
    places = range(len(tasks))
    for number, way in enumerate(found):
        line = pick(part, **way.at).set_index("task").reindex(tasks)
        shift = BETWEEN * ((number + 0.5) / len(found) - 0.5)
        axis.errorbar(
            line["value"],
            [place + shift for place in places],
            xerr=errors(line, 1.0),
            fmt=way.mode.marker,
            color=way.mode.colour,
            markerfacecolor=way.face,
            markersize=4,
            elinewidth=0.9,
            label=way.label,
        )
    axis.set_yticks(places, [task_title(task) for task in tasks])
    axis.set_ylim(len(tasks) - 0.45, -0.55)
    axis.set_xlim(left=0.0)
    for place in places:
        axis.axhline(place - 0.5, color="#e4e4e4", linewidth=0.5, zorder=0)
    axis.axhline(len(tasks) - 1.5, color="#888888", linewidth=0.6)
    axis.tick_params(axis="y", length=0)
