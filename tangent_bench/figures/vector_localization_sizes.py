"""Localization of task vectors against the size of the model.

Models that differ only in the seed of their pre-training are one family: dots, and their mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import model_title
from tangent_bench.figures._localization import RATIOS, REFERENCE, Way, references, ways
from tangent_bench.figures._panels import annotate, legend, panels
from tangent_bench.figures._select import need, note, pick
from tangent_bench.figures._style import COLUMN, errors, in_look
from tangent_bench.figures._trunk import Lane, cover, lanes
from tangent_bench.judging.families import families, pretraining_seed
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Localization of the task vectors over sizes of the model",
    reads=("vector_localization", "vector_geometry"),
    category="Why it works",
    num_models=2,
    across=True,
    caption="""\
What other tasks' vectors do to the embeddings of a task's test images, over what the task's own
vector does there, mean over tasks, against the number of parameters of the image tower. Left: all
others together. Right: a single one, mean over the others. Lower is more localized. Dotted:
vectors that ignore whose images they see, √(T − 1) for the T − 1 others together if their changes
are of equal length and at right angles, 1 for one of them. Dots without an interval are single
pre-trainings, marks their mean.
""",
)
ALL = {"experiment": "vector_localization", "sources": "each", "task": "all", "split": "test"}
ASIDE = 1.04  # of neighbouring marks: the factor between them on the axis of sizes


class Sized(NamedTuple):
    """A family of models and the number of parameters of its image tower."""

    num_parameters: int
    lane: Lane


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [1, 2]: all others over the own vector, and one of them, of all models.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    found = _sized(summarize(rows))
    axes = panels(1, 2, ax, (COLUMN, 2.7))
    for axis, (metric, label) in zip(axes.flat, RATIOS, strict=True):
        _panel(axis, found, metric)
        axis.set_ylabel(label)
    legend(axes.flat[0], loc="lower left")
    models = [name for one in found for table in one.lane.each for name in table["model"].unique()]
    shown = pick(rows, model=models)
    words = note(pick(shown, **ALL), intervals=False)
    covered = cover(shown, [one.lane for one in found], "Small dots", "marks")
    annotate(axes, f"Mean over tasks; dotted: not localized; {words}. {covered}", ax)
    return axes


def _sized(table: pd.DataFrame) -> list[Sized]:
    """Families by size: those that were pre-trained alike, if they have several sizes; else all.

    Raises:
        ValueError: of no model are both the localization and the number of parameters known.
    """
    end = pick(table, init="pretrained")
    found = []
    for lane in lanes(end if len(end) else table):
        norms = pick(lane.mean, experiment="vector_geometry", metric="norm")
        if len(norms) and len(pick(lane.mean, **ALL)):
            found.append(Sized(max(norms["num_samples"].tolist()), lane))
    if not found:
        raise ValueError(
            "No model has rows of both vector_localization and vector_geometry; this figure needs "
            "both of each model: run them in one preset."
        )
    found.sort(key=lambda one: one.num_parameters)
    alike = [one for one in found if _is_rebuilt(one.lane)]
    return alike if len({one.num_parameters for one in alike}) > 1 else found


def _is_rebuilt(lane: Lane) -> bool:
    return all(pretraining_seed(name) is not None for name in _models(lane))


def _models(lane: Lane) -> list[str]:
    return [table["model"].iloc[0] for table in lane.each]


def _panel(axis, found: list[Sized], metric: str) -> None:
    from matplotlib.ticker import NullFormatter

    present = list(dict.fromkeys(way for one in found for way in ways(one.lane.mean)))
    for number, way in enumerate(present):
        aside = ASIDE ** (number - (len(present) - 1) / 2)
        _series(axis, found, metric, way, aside)
    axis.axhline(references(found[0].lane.mean)[metric], **REFERENCE)
    axis.set_xscale("log")
    names = _names(found)
    axis.set_xticks(list(names), list(names.values()))
    axis.minorticks_off()
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlim(min(names) / 1.6, 1.6 * max(names))
    axis.set_xlabel("Parameters of the image tower")
    axis.set_ylim(bottom=0.0)


def _series(axis, found: list[Sized], metric: str, way: Way, aside: float) -> None:
    """A way's mean of each family, and its single pre-trainings as dots."""
    import pandas as pd

    where = {**ALL, "metric": metric, **way.at}
    lines = []
    for num_parameters, lane in found:
        mean = pick(lane.mean, **where)
        lines.append(mean.assign(at=aside * num_parameters))
        for table in lane.each if len(lane.each) > 1 else ():
            single = pick(table, **where)
            at = [aside * num_parameters] * len(single)
            axis.plot(at, single["value"], ".", color=way.mode.colour, alpha=0.45, markersize=3)
    line = pd.concat(lines)
    axis.errorbar(
        line["at"],
        line["value"],
        yerr=errors(line, 1.0),
        fmt=way.mode.marker,
        color=way.mode.colour,
        markerfacecolor=way.face,
        linestyle=way.dash,
        linewidth=1.0,
        markersize=4,
        elinewidth=0.7,
        capsize=1.5,
        label=way.label,
    )


def _names(found: list[Sized]) -> dict[int, str]:
    """Number of parameters → what stands below the axis there: the number and the models' names."""
    names: dict[int, list[str]] = {}
    for num_parameters, lane in found:
        (family,) = families(_models(lane))
        names.setdefault(num_parameters, []).append(model_title(family.base))
    ticks = {}
    for num_parameters, titles in names.items():
        ticks[num_parameters] = "\n".join([_short(num_parameters), *dict.fromkeys(titles)])
    return ticks


def _short(number: int) -> str:
    """A number of parameters for the eye.

    >>> _short(850_000), _short(87_849_216), _short(1200)
    ('0.85 M', '87.8 M', '1,200')
    """
    return f"{number / 1e6:.3g} M" if number >= 100_000 else f"{number:,}"
