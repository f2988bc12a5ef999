"""Emergence in pre-training: accuracy, recovered gain and ξ against the part of its trunk.

Models that differ only in the seed of their pre-training (`tiny-pre0`, `tiny-pre1`) are one family:
thin lines for each, bold for their mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.experiments.pretraining_ablation import OWN_HEADS
from tangent_bench.figures import Figure
from tangent_bench.figures._entities import ZERO_SHOT
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import need, note, pick
from tangent_bench.figures._style import COLUMN, in_look
from tangent_bench.figures._trunk import (
    Lane,
    Stroke,
    along,
    at_mode,
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
    title="Task arithmetic and disentanglement along pre-training",
    reads=("single_task", "task_addition", "disentanglement", "pretraining_ablation"),
    category="Why it works",
    num_inits=2,
    across=True,
    caption="""\
The same experiments from image towers along the pre-training. Horizontally: the part of a trunk
at constant rate after which the tower was taken, on a logarithmic scale; "random", apart at the
left, is a tower that was never pre-trained (one drawing for all). The heads come from the text
tower at the end of the pre-training, or, where the title says so, from that of the same time as
the image tower. Hollow diamonds: the same pre-training with the captions of other pictures,
which sees as many steps and learns nothing of what stands in a picture.

Top left: accuracy untouched, on single tasks, and of the sum of all vectors at the coefficient
chosen on validation. Top right: recovered gain, what the sum keeps of the gain that single
vectors make over the untouched tower. Bottom: disentanglement error ξ of pairs of tasks, a sum
of two shares, up to 200 %; lower is more disentangled. Left: mean over coefficients in [0, 1],
over the prediction changes that each vector makes alone on its own task. Right: ξ where every
initialisation has the same single-task accuracy on validation, that of the weakest at
coefficient 1; a pair of tasks in which some initialisation is that good untouched says nothing
there and is left out for all, so that fewer images stand behind it. The control with the
captions of other pictures is not matched: as the weakest it would set a level that the others
have untouched.

One pre-training: bars are 95 % intervals over test images. Several: thin lines and dots are
single pre-trainings, bold is their mean; bars cover the test images only, conditional on these
pre-trainings, below five of them, and with five or more the pre-trainings too.
The towers of the shipped model (preset ``emergence``) are those of the trunk without a
cool-down of their own, except the last; those of the rebuilt models all have the same
cool-down.
""",
)
UNTOUCHED = {"experiment": "single_task", "metric": "accuracy", "training": "none", "task": "all"}
SINGLE = {"experiment": "single_task", "metric": "accuracy", "sources": "each", "task": "own"}
ADDED = {"experiment": "task_addition", "metric": "accuracy_tuned", "task": "all"}
GAIN = {"experiment": "task_addition", "metric": "recovered_gain_tuned", "task": "all"}
RELATIVE = {
    "experiment": "disentanglement",
    "metric": "relative_disentanglement_error",
    "sources": "each",
    "task": "all",
}
MATCHED = {"experiment": "pretraining_ablation", "metric": "matched_disentanglement_error"}
PARTS = (
    (GAIN, "Recovered gain of the sum (%)"),
    (RELATIVE, "ξ over changes made alone (%)"),
    (MATCHED, "ξ at equal accuracy (%)"),
)


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [2 × families, 2]: accuracy and recovered gain, and below them relative and matched ξ.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    found = lanes(pick(summarize(rows), params_id=["", OWN_HEADS]))
    axes = panels(2 * len(found), 2, ax, (COLUMN, 2.35))
    for line, lane in zip(axes.reshape(len(found), 4), found, strict=True):
        _accuracies(line[0], lane)
        for axis, (where, label) in zip(line[1:], PARTS, strict=True):
            for mode in followed_modes(lane, where):
                stroke = Stroke(mode.colour, mode.marker, mode.title)
                series(axis, lane, at_mode(mode, where), stroke)
            if not axis.containers:
                axis.text(
                    0.5,
                    0.5,
                    "no pair of tasks could be matched",
                    ha="center",
                    transform=axis.transAxes,
                )
            axis.set_ylabel(label)
            if len(followed_modes(lane, where)) > 1:
                legend(axis, loc="best")
        for axis in line:
            along(axis, sorted(lane.mean["init"].unique(), key=place))
        title(line[0], lane.title, loc="left")
    shown = pick(
        rows,
        model=[name for lane in found for table in lane.each for name in table["model"].unique()],
    )
    annotate(axes, _note(shown, found), ax)
    return axes


def _accuracies(axis, lane: Lane) -> None:
    """Untouched, on single tasks and added: the first mode that there is."""
    series(axis, lane, UNTOUCHED, Stroke(ZERO_SHOT.colour, "^", "untouched", ":"))
    for mode in followed_modes(lane, ADDED)[:1]:
        alone = Stroke(mode.colour, "o", f"{mode.title}, single tasks")
        added = Stroke(mode.colour, "s", f"{mode.title}, sum", "--")
        series(axis, lane, at_mode(mode, SINGLE), alone)
        series(axis, lane, at_mode(mode, ADDED), added)
    explain_shuffled(axis, lane)
    axis.set_ylabel("Test accuracy (%)")
    axis.set_ylim(top=1.35 * axis.get_ylim()[1])  # room for the legend
    axis.set_yticks(range(0, 101, 20))
    legend(axis, loc="upper left", ncols=2)


def _note(rows: pd.DataFrame, found: list[Lane]) -> str:
    """Says n of each panel, seeds, pre-trainings, and what the intervals cover."""
    ranged = pick(rows, split="test", **RELATIVE)["num_samples"].max()
    matched = pick(rows, split="test", **MATCHED)["num_samples"]
    at_equal = f"{matched.max():,}" if len(matched) else "none"
    pairs = pick(rows, experiment="pretraining_ablation", metric="matched_pairs")["value"]
    counts = pairs.to_numpy()
    kept = "–".join(f"{number:g}" for number in sorted({counts.min(), counts.max()}))
    metric = RELATIVE["metric"]
    sources = pick(rows, metric=metric, experiment="disentanglement")["sources"]
    num_pairs = sources.nunique() - 1  # one more is the mean
    images = (
        f"ξ: n = {ranged:,} over the range, {at_equal} at equal accuracy "
        f"({kept} of {num_pairs} pairs of tasks)"
    )
    accuracy = note(pick(rows, **ADDED), intervals=False)
    return f"Accuracy and gain: {accuracy}. {images}. {cover(rows, found)}"
