"""Merging methods side by side: accuracy of the merged model in every mode, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import ZERO_SHOT, modes
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import by_model, note, pick, require
from tangent_bench.figures._style import COLUMN, errors, look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Merging methods: addition in every mode",
    reads=("single_task", "task_addition"),
    category="Merging methods",
    num_methods=2,
    caption="""\
Test accuracy of the merged model, mean over tasks, for each merging method and way of
fine-tuning; the coefficient was chosen on validation images. The grey rule is the pre-trained
model. Intervals of two methods that overlap may still belong to methods that differ: both were
tested on the same images, and the leaderboard compares them image by image. A method in
brackets has other hyper-parameters than its defaults.
""",
)
LINE = 0.24  # inches of height for a method


@look()
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Returns axes [models, 1]: a line for each method, the best of the first mode on top.

    The pre-trained model is an upright rule.

    Raises:
        ValueError: rows of an experiment are missing, or the caller's axes are too few.
    """
    rows = _needed(rows)
    parts = list(by_model(summarize(rows)))
    height = 1.1 + LINE * max(len(_order(part)) for _, part in parts)
    axes = panels(len(parts), 1, ax, (2 * COLUMN, height))
    for axis, (name, part) in zip(axes[:, 0], parts, strict=True):
        _panel(axis, part)
        title(axis, name if len(parts) > 1 else "")
    annotate(axes, note(pick(rows, experiment="task_addition")), ax)
    return axes


def _needed(rows: pd.DataFrame) -> pd.DataFrame:
    require(rows, *FIGURE.reads)
    tuned = pick(
        rows, experiment="task_addition", metric="accuracy_tuned", task="all", split="test"
    )
    longest = tuned["sources"].str.count(r"\+").max()
    zero = pick(
        rows, experiment="single_task", training="none", metric="accuracy", task="all", split="test"
    )
    return rows.loc[[*zero.index, *tuned[tuned["sources"].str.count(r"\+") == longest].index]]


def _order(part: pd.DataFrame) -> list[tuple[str, str]]:
    """(method, params_id), from the lowest accuracy in the first mode to the highest."""
    added = pick(part, experiment="task_addition")
    first = modes(added)[0]
    mean = pick(added, training=first.training, evaluation=first.evaluation).sort_values(
        ["value", "method"]
    )
    rest = added.sort_values(["value", "method"])
    pairs = [*mean[["method", "params_id"]].itertuples(index=False, name=None)]
    return list(
        dict.fromkeys([*pairs, *rest[["method", "params_id"]].itertuples(index=False, name=None)])
    )


def _panel(axis, part: pd.DataFrame) -> None:
    order = _order(part)
    added = pick(part, experiment="task_addition")
    shown = modes(added)
    for k, mode in enumerate(shown):
        found = pick(added, training=mode.training, evaluation=mode.evaluation).copy()
        places = [
            order.index(pair)
            for pair in found[["method", "params_id"]].itertuples(index=False, name=None)
        ]
        heights = [place + 0.22 * ((len(shown) - 1) / 2 - k) for place in places]
        look = {
            "fmt": mode.marker,
            "color": mode.colour,
            "markersize": 4,
            "linewidth": 1,
            "label": mode.title,
        }
        axis.errorbar(100 * found["value"], heights, xerr=errors(found), **look)
    zero = pick(part, experiment="single_task")
    if len(zero):
        axis.axvline(
            100 * zero["value"].iloc[0],
            color=ZERO_SHOT.colour,
            linewidth=1,
            label=ZERO_SHOT.title,
            zorder=0,
        )
    axis.set_yticks(range(len(order)), [label(*pair) for pair in order])
    axis.set_ylim(-0.7, len(order) - 0.3)
    axis.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set_xlabel("Test accuracy, mean over tasks (%)")
    legend(axis, loc="lower right")


def label(method: str, params_id: str) -> str:
    """Returns a method's title, and whether it is transductive.

    The id of hyper-parameters that are not the defaults follows.
    """
    from tangent_bench import merging

    try:
        found = merging.find(method)
        words = found.title + " (sees test images)" * (found.method.data == "unlabelled test")
    except ValueError:  # of a package that is not installed here
        words = method
    return f"{words} ({params_id})" if params_id else words
