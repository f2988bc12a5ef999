"""Emergence in pre-training: accuracy, recovered gain and ξ against the part of its trunk.

Models that differ only in the seed of their pre-training (`tiny-pre0`, `tiny-pre1`) are one family:
thin lines for each, bold for their mean.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.experiments.pretraining_ablation import OWN_HEADS
from tangent_bench.figures import Figure
from tangent_bench.figures._entities import ZERO_SHOT, ModeLook, model_title, modes
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import need, note, pick
from tangent_bench.figures._style import COLUMN, errors, look
from tangent_bench.judging.components import LEAST_SEEDS
from tangent_bench.judging.families import Family, families, pretraining_seed
from tangent_bench.judging.pooling import interval_label, summarize

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
APART = 0.55  # decades of the random tower from the first of the trunk
ASIDE = 0.11  # decades of the control from its place


class Lane(NamedTuple):
    """A family of models under one kind of heads: a summary for each model, and over them."""

    title: str
    each: list[pd.DataFrame]
    mean: pd.DataFrame


class Stroke(NamedTuple):
    """How a quantity is drawn, and its name in the legend."""

    colour: str
    marker: str
    label: str
    dash: str = "-"


@look()
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [2 × families, 2]: accuracy and recovered gain, and below them relative and matched ξ.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    found = _lanes(pick(summarize(rows), params_id=["", OWN_HEADS]))
    axes = panels(2 * len(found), 2, ax, (COLUMN, 2.35))
    for line, lane in zip(axes.reshape(len(found), 4), found, strict=True):
        _accuracies(line[0], lane)
        for axis, (where, label) in zip(line[1:], PARTS, strict=True):
            for mode in _modes(lane, where):
                _series(axis, lane, _at(mode, where), Stroke(mode.colour, mode.marker, mode.title))
            if not axis.containers:
                axis.text(
                    0.5,
                    0.5,
                    "no pair of tasks could be matched",
                    ha="center",
                    transform=axis.transAxes,
                )
            axis.set_ylabel(label)
            if len(_modes(lane, where)) > 1:
                legend(axis, loc="best")
        for axis in line:
            _along(axis, sorted(lane.mean["init"].unique(), key=place))
        title(line[0], lane.title, loc="left")
    shown = pick(
        rows,
        model=[name for lane in found for table in lane.each for name in table["model"].unique()],
    )
    annotate(axes, _note(shown, found), ax)
    return axes


def share(init: str) -> float:
    """Percent of the trunk after which a tower was taken.

    >>> share("step-11"), share("whole-3"), share("shuffled-100"), share("pretrained")
    (11.0, 3.0, 100.0, 100.0)
    """
    return (
        {"random": 0.0, "pretrained": 100.0}[init]
        if "-" not in init
        else float(init.partition("-")[2])
    )


def place(init: str) -> float:
    """Returns where an initialisation stands, in decades of percent.

    The random tower stands apart at the left, the control beside its place.
    """
    if init == "random":
        return -APART
    return math.log10(share(init)) + ASIDE * init.startswith("shuffled-")


def _lanes(table: pd.DataFrame) -> list[Lane]:
    """Families that were followed along a pre-training; if none was, all."""
    found = []
    for family in families(table["model"]):
        for heads, rows in _by_heads(pick(table, model=family.models)):
            found.append(_lane(family, heads, rows))
    followed = [lane for lane in found if lane.mean["init"].nunique() > 1]
    return followed or found


def _by_heads(part: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Returns the rows under the heads of the final text tower, and of that of the time.

    The last initialisation belongs to both.
    """
    own = part["init"].str.startswith("whole-")
    end = part["init"] == "pretrained"
    matched = part["experiment"] == "pretraining_ablation"
    with_own = part["params_id"] == OWN_HEADS
    if not own.any():
        return [("", part)]
    # Models that were not followed would stand in the mean of the end alone.
    followed = part["model"].isin(part.loc[own, "model"])
    of_the_time = part.loc[followed & (own | end) & (with_own | ~matched)]
    parts = [("heads from the text tower of the time", of_the_time)]
    final = part.loc[~own & ~with_own]
    if len(set(final["init"])) > 1:
        parts.insert(0, ("heads from the final text tower", final))
    return parts


def _lane(family: Family, heads: str, part: pd.DataFrame) -> Lane:
    from tangent_bench.store.rows import COLUMNS

    models = list(dict.fromkeys(part["model"]))
    each = [pick(part, model=model) for model in models]
    seeds = [pretraining_seed(model) or 0 for model in models] if family.rebuilt else []
    mean = part
    if len(models) > 1:
        # A pre-training is a replicate as a fine-tuning seed is: the same images, crossed.
        of_model = dict(zip(models, seeds))
        replicates = part["model"].map(lambda model: of_model.get(model))
        pooled = part.assign(model=family.base, seed=replicates)
        mean = summarize(pooled.loc[:, list(COLUMNS)])
    plural = "s" if len(seeds) > 1 else ""
    drawn = f"pre-training{plural} {', '.join(map(str, sorted(seeds)))}" if seeds else ""
    words = [model_title(family.base), drawn, heads]
    return Lane(", ".join(filter(None, words)), each, mean)


def _modes(lane: Lane, where: dict) -> list[ModeLook]:
    """Returns the modes that were followed along the pre-training; if none was, all."""
    rows = pick(lane.mean, split="test", **where)
    followed = []
    for mode in modes(rows):
        own = pick(rows, training=mode.training, evaluation=mode.evaluation)
        if len(set(own["init"])) > 1:
            followed.append(mode)
    return followed or modes(rows)


def _at(mode: ModeLook, where: dict) -> dict:
    return {**where, "training": mode.training, "evaluation": mode.evaluation}


def _accuracies(axis, lane: Lane) -> None:
    """Untouched, on single tasks and added: the first mode that there is."""
    _series(axis, lane, UNTOUCHED, Stroke(ZERO_SHOT.colour, "^", "untouched", ":"))
    for mode in _modes(lane, ADDED)[:1]:
        _series(
            axis, lane, _at(mode, SINGLE), Stroke(mode.colour, "o", f"{mode.title}, single tasks")
        )
        _series(axis, lane, _at(mode, ADDED), Stroke(mode.colour, "s", f"{mode.title}, sum", "--"))
    if lane.mean["init"].str.startswith("shuffled-").any():
        style = {
            "color": "black",
            "markerfacecolor": "white",
            "markersize": 4,
            "capsize": 1.5,
            "elinewidth": 0.7,
        }
        axis.errorbar(
            [math.nan], [math.nan], yerr=[math.nan], fmt="D", label="captions shuffled", **style
        )
    axis.set_ylabel("Test accuracy (%)")
    axis.set_ylim(top=1.35 * axis.get_ylim()[1])  # room for the legend
    axis.set_yticks(range(0, 101, 20))
    legend(axis, loc="upper left", ncols=2)


def _series(axis, lane: Lane, where: dict, stroke: Stroke) -> None:
    """A quantity along the trunk; random tower and control stand apart from the line."""
    for table in lane.each if len(lane.each) > 1 else ():
        for found, _ in _arms(table, where):
            style = {"color": stroke.colour, "alpha": 0.45, "linewidth": 0.6, "markersize": 2}
            axis.plot(found["init"].map(place), 100 * found["value"], marker=".", zorder=1, **style)
    for found, arm in _arms(lane.mean, where):
        style = {
            "color": stroke.colour,
            "capsize": 1.5,
            "elinewidth": 0.7,
            "markersize": 4,
            "linewidth": 1.3,
        }
        style |= (
            {"marker": "D", "markerfacecolor": "white"}
            if arm == "shuffled"
            else {"marker": stroke.marker}
        )
        style |= (
            {"linestyle": stroke.dash, "label": stroke.label}
            if arm == "trunk"
            else {"linestyle": "none"}
        )
        axis.errorbar(found["init"].map(place), 100 * found["value"], yerr=errors(found), **style)


def _arms(table: pd.DataFrame, where: dict) -> list[tuple[pd.DataFrame, str]]:
    """Returns the rows at these coordinates: along the trunk, random, shuffled.

    Of sums only that of all vectors is taken.
    """
    found = pick(table, split="test", **where)
    if found.empty:
        return []
    terms = found["sources"].str.count(r"\+")
    found = found.loc[terms == terms.max()]
    found = found.iloc[found["init"].map(place).argsort()]
    arms = found["init"].str.partition("-")[0].replace(["step", "whole", "pretrained"], "trunk")
    present = set(arms)
    names = [name for name in ("trunk", "random", "shuffled") if name in present]
    return [(found.loc[arms == name], name) for name in names]


def _along(axis, inits: list[str]) -> None:
    """The axis in percent of the trunk, the random tower apart from it, and heights from 0."""
    shown = [init for init in inits if not init.startswith("shuffled-")]
    ticks = {place(init): "random" if init == "random" else f"{share(init):g} %" for init in shown}
    axis.set_xticks(list(ticks), list(ticks.values()))
    axis.minorticks_off()
    if "random" in shown and len(shown) > 1:
        axis.axvline(
            (place(shown[0]) + place(shown[1])) / 2,
            color="#bbbbbb",
            linewidth=0.6,
            linestyle=(0, (2, 2)),
        )
    axis.set_xlabel("Part of the pre-training (of its trunk)")
    axis.set_ylim(bottom=min(0.0, axis.get_ylim()[0]))


def _note(rows: pd.DataFrame, lanes: list[Lane]) -> str:
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
    return f"Accuracy and gain: {accuracy}. {images}. {_cover(rows, lanes)}"


def _cover(rows: pd.DataFrame, lanes: list[Lane]) -> str:
    number = max(len(lane.each) for lane in lanes)
    seeds = len(set(rows["seed"]))
    if number == 1:
        more = " and this pre-training"
        if seeds >= LEAST_SEEDS:
            more = ", conditional on this pre-training"
        return f"95 % intervals: {interval_label(seeds)}{more}"
    words = "pre-trainings and images"
    if number < LEAST_SEEDS:
        words = "images, conditional on these pre-trainings and seeds"
    return f"Thin: each of {number} pre-trainings; bold: their mean; 95 % intervals: {words}"
