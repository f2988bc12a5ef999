"""Merging methods side by side: accuracy of the merged model in every mode, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench import merging
from tangent_bench.figures import Figure
from tangent_bench.figures._entities import APART, ZERO_SHOT, method_title, modes, seen_by
from tangent_bench.figures._page import current, points
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import by_model, note, pick, require
from tangent_bench.figures._style import COLUMN, errors, in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Merging methods: addition in every mode",
    reads=("task_addition",),
    category="Merging methods",
    num_methods=2,
    caption="""\
Test accuracy of the merged model, mean over tasks, for each merging method and way of
fine-tuning; the coefficient was chosen on validation images. The grey rule is the pre-trained
model. Intervals of two methods that overlap may still belong to methods that differ: both were
tested on the same images, and the leaderboard compares them image by image. A method in
brackets has other hyper-parameters than its defaults. Methods that adapt on test images stand
apart, below a line: they are not ranked with the others.
""",
)
LINE = 0.24  # inches of height for a method
SHIFT = 0.25  # of neighbouring modes in a method's line
ABOVE = 14  # points between a panel and its title, where the legend is


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Returns axes [models, 1]: a line for each method, the best of the first mode on top.

    Those that see test images stand below all others. The pre-trained model is an upright rule.

    Raises:
        ValueError: rows of an experiment are missing, or the caller's axes are too few.
    """
    rows = _needed(rows)
    parts = list(by_model(summarize(rows)))
    height = 1.2 + LINE * max(len(_order(part)) + 1 for _, part in parts)
    axes = panels(len(parts), 1, ax, (2 * COLUMN, height))
    for axis, (name, part) in zip(axes[:, 0], parts, strict=True):
        _panel(axis, part)
        title(axis, name if len(parts) > 1 else "", loc="left", pad=ABOVE)
    annotate(axes, note(pick(rows, metric="accuracy_tuned")), ax)
    return axes


def _needed(rows: pd.DataFrame) -> pd.DataFrame:
    """The sums of all vectors on test: untouched (α = 0), and at the coefficient chosen."""
    require(rows, *FIGURE.reads)
    sums = pick(rows, experiment="task_addition", task="all", split="test")
    lengths = sums["sources"].str.count(r"\+")
    sums = sums.loc[lengths == lengths.max()]
    untouched = pick(sums, metric="accuracy", coefficient=0.0)
    return rows.loc[[*untouched.index, *pick(sums, metric="accuracy_tuned").index]]


def _order(part: pd.DataFrame) -> list[tuple[str, str]]:
    """(method, params_id), from the lowest accuracy in the first mode to the highest."""
    added = pick(part, metric="accuracy_tuned")
    first = modes(added)[0]
    mean = pick(added, training=first.training, evaluation=first.evaluation).sort_values(
        ["value", "method"]
    )
    rest = added.sort_values(["value", "method"])
    pairs = [*mean[["method", "params_id"]].itertuples(index=False, name=None)]
    return list(
        dict.fromkeys([*pairs, *rest[["method", "params_id"]].itertuples(index=False, name=None)])
    )


def _places(part: pd.DataFrame) -> dict[tuple[str, str], int]:
    """(method, params_id) → height; below an empty line stand those that see test images."""
    order = _order(part)
    apart = [pair for pair in order if merging.sees_test_images(pair[0])]
    others = [pair for pair in order if pair not in apart]
    first = len(apart) + 1 if apart else 0
    heights = [*range(len(apart)), *range(first, first + len(others))]
    return dict(zip([*apart, *others], heights, strict=True))


def _panel(axis, part: pd.DataFrame) -> None:
    places = _places(part)
    added = pick(part, metric="accuracy_tuned")
    shown = modes(added)
    for k, mode in enumerate(shown):
        found = pick(added, training=mode.training, evaluation=mode.evaluation)
        pairs = found[["method", "params_id"]].itertuples(index=False, name=None)
        shift = SHIFT * ((len(shown) - 1) / 2 - k)
        heights = [places[pair] + shift for pair in pairs]
        look = {
            "fmt": mode.marker,
            "color": mode.colour,
            "markersize": 3.5,
            "linewidth": 1,
            "label": mode.title,
        }
        axis.errorbar(100 * found["value"], heights, xerr=errors(found), **look)
    untouched = pick(part, metric="accuracy")
    if len(untouched):
        axis.axvline(
            100 * untouched["value"].iloc[0],
            color=ZERO_SHOT.colour,
            linewidth=1,
            label=ZERO_SHOT.title,
            zorder=0,
        )
    axis.set_yticks(list(places.values()), [label(*pair) for pair in places])
    axis.set_ylim(-0.7, max(places.values()) + 0.7)
    axis.grid(axis="y", color="#eeeeee", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set_xlabel("Test accuracy, mean over tasks (%)")
    _set_apart(axis, places)
    above = {"ncols": 4, "columnspacing": 1.2, "handletextpad": 0.4}
    legend(axis, loc="lower left", bbox_to_anchor=(0.0, 1.0), **above)


def _set_apart(axis, places: dict[tuple[str, str], int]) -> None:
    """A rule above the methods that see test images, and why they stand below it."""
    num_apart = sum(merging.sees_test_images(method) for method, _ in places)
    if not num_apart:
        return
    axis.axhline(num_apart + 0.3, color="#555555", linewidth=0.8)
    below = 0.12 if current().width is None else 0.0  # where they take the whole line
    axis.text(
        0.995,
        num_apart - below,
        APART,
        transform=axis.get_yaxis_transform(),
        ha="right",
        va="center",
        fontsize=points(6.5),
        color="#333333",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
    )


def label(method: str, params_id: str) -> str:
    """Returns a method's title, and whether it sees test images or validation labels.

    Hyper-parameters that are not the defaults follow, "TIES (keep=0.1)", or their id in rows whose
    config is not at hand.
    """
    try:
        found = merging.find(method)
        words = method_title(method, found.title)
        sees = seen_by(found)
    except ValueError:  # of a package that is not installed here
        words = method_title(method, method)
        sees = ""
    if params_id:
        words = method_title(f"{method}-{params_id}", f"{words} ({params_id})")
    return words + sees
