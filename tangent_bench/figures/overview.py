"""The whole suite at one glance: single tasks, addition and negation, by mode, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._entities import ZERO_SHOT, ModeLook, modes
from tangent_bench.figures._page import points
from tangent_bench.figures._panels import annotate, panels, room, title
from tangent_bench.figures._select import by_model, control, need, note, pick
from tangent_bench.figures._style import errors, in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Overview: single tasks, addition, negation",
    reads=("single_task", "task_addition", "task_negation"),
    category="Overview",
    caption=f"""\
Mean test accuracy of single tasks, of the sum of all vectors, and of subtracted vectors
(target: lower is better). The grey line is the pre-trained model.
{INTERVALS}
""",
)
GROUPS = ("Single task ↑", "Addition ↑", "Negation:\ntarget ↓", "Negation:\ncontrol ↑")
LABELS = 0.55  # inches of the words along y
WIDTH = 0.62  # of a group, in units of the distance between groups
MOST_NUMBERED = 4  # modes; the numbers of more of them would cover one another
LEAST_APART = 0.28  # inches between marks, from which on a number has room beside its own
TOP = 104.0
TOP_UPRIGHT = 120.0  # with room for numbers above their marks


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes, one for each model.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    parts = list(by_model(pick(summarize(rows), split="test")))
    axes = panels(len(parts), 1, ax, (6.4, 2.9))
    for axis, (name, part) in zip(axes.flat, parts, strict=True):
        _panel(axis, part)
        title(axis, name, loc="left")
    looks = {
        word: mark
        for axis in axes.flat
        for mark, word in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    axes.flat[0].legend(
        looks.values(),
        looks.keys(),
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=4,
        borderaxespad=0.2,
        handletextpad=0.4,
        columnspacing=1.2,
    )
    annotate(axes, note(rows), ax)
    return axes


def _groups(part: pd.DataFrame) -> list[pd.DataFrame]:
    """The lines of a summary that each group shows, one for each mode."""
    tuned = pick(part, metric="accuracy_tuned")
    negated = pick(tuned, experiment="task_negation", sources="each")
    return [
        pick(part, experiment="single_task", metric="accuracy", sources="each", task="own"),
        # of the sums of subsets only that of all tasks has results for single tasks
        pick(
            tuned,
            experiment="task_addition",
            task="all",
            sources=max(tuned["sources"], key=lambda s: s.count("+")),
        ),
        pick(negated, task="own"),
        pick(negated, task=control(part)),
    ]


def _panel(axis, part: pd.DataFrame) -> None:
    shown = modes(part)
    step = WIDTH / max(1, len(shown) - 1)
    numbered = len(shown) <= MOST_NUMBERED
    apart = step * (room(axis)[0] - LABELS) / len(GROUPS)
    upright = numbered and apart < LEAST_APART
    for place, group in enumerate(_groups(part)):
        before = pick(
            part,
            experiment="single_task",
            training="none",
            metric="accuracy",
            task=control(part) if place == 3 else "all",
        )
        label = ZERO_SHOT.title if place == 0 else None
        axis.hlines(
            100 * before["value"],
            place - 0.42,
            place + 0.42,
            color=ZERO_SHOT.colour,
            linewidth=1.2,
            label=label,
            zorder=1,
        )
        for i, mode in enumerate(shown):
            line = pick(group, training=mode.training, evaluation=mode.evaluation)
            x = place - WIDTH / 2 + i * step
            _dot(axis, x, line, mode, place == 0, numbered)
            if numbered:
                _number(axis, x, line, upright)
    axis.set_xticks(range(len(GROUPS)), GROUPS)
    top = TOP_UPRIGHT if upright else TOP
    axis.set(xlim=(-0.6, len(GROUPS) - 0.4), ylim=(0, top), ylabel="Test accuracy (%)")
    if upright:
        axis.set_yticks(range(0, 101, 20))
    axis.tick_params(axis="x", length=0, labelsize=points(8))
    axis.grid(axis="y", color="#ececec", linewidth=0.6, zorder=0)


def _dot(axis, x: float, line: pd.DataFrame, mode: ModeLook, first: bool, numbered: bool) -> None:
    if line.empty:
        return
    axis.errorbar(
        [x],
        100 * line["value"],
        yerr=errors(line),
        fmt=mode.marker,
        color=mode.colour,
        ecolor="#222222",
        elinewidth=0.8,
        capsize=2.5,
        capthick=0.8,
        markersize=5 if numbered else 4,
        label=mode.title if first else None,
        zorder=3,
    )


def _number(axis, x: float, line: pd.DataFrame, upright: bool) -> None:
    """The value beside its mark, or upright above the mark and its interval."""
    from matplotlib.patheffects import Normal, Stroke

    if line.empty:
        return
    value = round(100 * float(line["value"].iloc[0]), 6)  # as tables print it
    style = {"textcoords": "offset points", "fontsize": points(6.5), "zorder": 4}
    if upright:
        high = value + float(errors(line)[1][0])
        style |= {"rotation": 90, "ha": "center", "va": "bottom"}
        number = axis.annotate(f"{value:.1f}", (x, high), xytext=(0, 3.5), **style)
    else:
        number = axis.annotate(f"{value:.1f}", (x, value), xytext=(5, -2), **style)
    number.set_path_effects([Stroke(linewidth=2, foreground="white"), Normal()])
