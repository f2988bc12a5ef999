"""Along a pre-training: families of models, the places of their towers, lines and marks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.experiments.pretraining_ablation import OWN_HEADS
from tangent_bench.figures._entities import ModeLook, model_title, modes
from tangent_bench.figures._select import pick
from tangent_bench.figures._style import errors
from tangent_bench.judging.components import LEAST_SEEDS
from tangent_bench.judging.families import Family, families, pretraining_seed
from tangent_bench.judging.pooling import interval_label, summarize

if TYPE_CHECKING:
    import pandas as pd

APART = 0.55  # decades of the random tower from the first of the trunk
ASIDE = 0.11  # decades of the control from its place


class Lane(NamedTuple):
    """A family of models under one kind of heads: a summary for each model, and over them."""

    title: str
    each: list[pd.DataFrame]
    mean: pd.DataFrame


class Stroke(NamedTuple):
    """How a quantity is drawn, and its name in the legend.

    Attributes:
        colour: of line and marks.
        marker: of the trunk and of the random tower.
        label: in the legend.
        dash: style of the line.
        scale: what values are multiplied with; 100 draws percent.
        face: the inside of the marks, "" for the colour.
    """

    colour: str
    marker: str
    label: str
    dash: str = "-"
    scale: float = 100.0
    face: str = ""


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


def lanes(table: pd.DataFrame) -> list[Lane]:
    """Families that were followed along a pre-training; else those with two towers, else all."""
    found = []
    for family in families(table["model"]):
        for heads, rows in _by_heads(pick(table, model=family.models)):
            found.append(_lane(family, heads, rows))
    followed = [lane for lane in found if len(set(lane.mean["init"])) > 2]
    with_two = [lane for lane in found if len(set(lane.mean["init"])) > 1]
    return followed or with_two or found


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


def followed_modes(lane: Lane, where: dict) -> list[ModeLook]:
    """Returns the modes that were followed along the pre-training; if none was, all."""
    rows = pick(lane.mean, split="test", **where)
    followed = []
    for mode in modes(rows):
        own = pick(rows, training=mode.training, evaluation=mode.evaluation)
        if len(set(own["init"])) > 1:
            followed.append(mode)
    return followed or modes(rows)


def at_mode(mode: ModeLook, where: dict) -> dict:
    """Returns the coordinates `where` in a mode."""
    return {**where, "training": mode.training, "evaluation": mode.evaluation}


def series(axis, lane: Lane, where: dict, stroke: Stroke) -> None:
    """A quantity along the trunk; random tower and control stand apart from the line."""
    for table in lane.each if len(lane.each) > 1 else ():
        for found, _ in _arms(table, where):
            style = {"color": stroke.colour, "alpha": 0.45, "linewidth": 0.6, "markersize": 2}
            heights = stroke.scale * found["value"]
            axis.plot(found["init"].map(place), heights, marker=".", zorder=1, **style)
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
            else {"marker": stroke.marker, "markerfacecolor": stroke.face or stroke.colour}
        )
        style |= (
            {"linestyle": stroke.dash, "label": stroke.label}
            if arm == "trunk"
            else {"linestyle": "none"}
        )
        axis.errorbar(
            found["init"].map(place),
            stroke.scale * found["value"],
            yerr=errors(found, stroke.scale),
            **style,
        )


def explain_shuffled(axis, lane: Lane) -> None:
    """Puts the control's mark into the legend, if the lane has one."""
    if not lane.mean["init"].str.startswith("shuffled-").any():
        return
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


def along(axis, inits: list[str]) -> None:
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


def cover(rows: pd.DataFrame, found: list[Lane], single: str = "Thin", mean: str = "bold") -> str:
    """Returns sentences on what stands for pre-trainings, and on what intervals cover.

    One for all lanes, or one for those that are alike in seeds and pre-trainings.

    Args:
        rows: the rows that the figure shows.
        found: its lanes.
        single: how a single pre-training is drawn.
        mean: how their mean is drawn.
    """
    most = len(set(rows["seed"]))
    alike: dict[str, list[str]] = {}
    for lane in found:
        models = [table["model"].iloc[0] for table in lane.each]
        seeds = len(set(pick(rows, model=models)["seed"]))
        fewer = f" ({seeds} seed{'s' if seeds > 1 else ''})" if seeds < most else ""
        words = _covered(len(lane.each), seeds, single, mean)
        alike.setdefault(words, []).append(lane.title + fewer)
    if len(alike) == 1:
        return next(iter(alike))
    return ". ".join(
        f"{', '.join(titles)}: {words[0].lower()}{words[1:]}" for words, titles in alike.items()
    )


def _covered(pretrainings: int, seeds: int, single: str, mean: str) -> str:
    """What stands for this many pre-trainings, and what intervals cover."""
    if pretrainings == 1:
        more = " and this pre-training"
        if seeds >= LEAST_SEEDS:
            more = ", conditional on this pre-training"
        return f"95 % intervals: {interval_label(seeds)}{more}"
    words = "pre-trainings and images"
    if pretrainings < LEAST_SEEDS:
        words = "images, conditional on these pre-trainings and seeds"
    means = f"{single}: each of {pretrainings} pre-trainings; {mean}: their mean"
    return f"{means}; 95 % intervals: {words}"
