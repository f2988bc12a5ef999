"""Emergence in pre-training: accuracy, recovered gain and disentanglement error against its share of the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import ZERO_SHOT, model_title, modes
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import need, note, pick
from tangent_bench.figures._style import COLUMN, look
from tangent_bench.summary import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Task arithmetic and disentanglement along pre-training",
    reads=("single_task", "task_addition", "disentanglement"),
    category="Why it works",
    num_inits=2,
)
SINGLE = {"experiment": "single_task", "metric": "accuracy", "sources": "each", "task": "own"}
ADDED = {"experiment": "task_addition", "metric": "accuracy_tuned", "task": "all"}
GAIN = {"experiment": "task_addition", "metric": "recovered_gain_tuned", "task": "all"}
ERROR = {"experiment": "disentanglement", "metric": "relative_disentanglement_error", "sources": "each", "task": "all"}


def place(init: str) -> float:
    """Where an initialisation stands along pre-training, in percent of its steps.

    >>> place("random"), place("step-11"), place("pretrained")
    (0.0, 11.0, 100.0)
    """
    return {"random": 0.0, "pretrained": 100.0}[init] if not init.startswith("step-") else float(init[5:])


@look()
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, 3].

    Raises:
        ValueError: rows of an experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = pick(summarize(rows), split="test")
    names = list(dict.fromkeys(table["model"]))
    axes = panels(len(names), 3, ax, (COLUMN * 0.85, 2.7))
    for line, name in zip(axes, names, strict=True):
        part = table[table["model"] == name]
        inits = sorted(part["init"].unique(), key=place)
        _accuracies(line[0], part, inits)
        for axis, where, label in (
            (line[1], GAIN, "Recovered gain of the sum (%)"),
            (line[2], ERROR, "Relative ξ (%)"),
        ):
            for mode in modes(pick(part, **where)):
                _line(axis, _of(part, mode, where), inits, mode.colour, mode.marker, mode.title)
            axis.set_ylabel(label)
        for axis in line:
            axis.set_xticks(range(len(inits)), [_label(init) for init in inits])
            axis.set_xlabel("Steps of the pre-training")
            legend(axis, loc="best")
        title(line[0], model_title(name))
    images = pick(table, **ERROR)["num_samples"].max()
    annotate(axes, f"ξ over changes made alone, n = {images:,}; accuracy and gain, {note(pick(rows, **ADDED))}", ax)
    return axes


def _label(init: str) -> str:
    return "none" if init == "random" else f"{place(init):g} %"


def _of(part: pd.DataFrame, mode, where: dict) -> pd.DataFrame:
    """The rows of a mode at these coordinates; of sums, that of all vectors."""
    found = pick(part, training=mode.training, evaluation=mode.evaluation, **where)
    return found[found["sources"].str.count(r"\+") == found["sources"].str.count(r"\+").max()]


def _accuracies(axis, part: pd.DataFrame, inits: list[str]) -> None:
    """Untouched, on single tasks and added: the first mode that there is."""
    zero = pick(part, experiment="single_task", metric="accuracy", training="none", task="all")
    _line(axis, zero, inits, ZERO_SHOT.colour, ZERO_SHOT.marker, "untouched")
    for mode in modes(pick(part, **ADDED))[:1]:
        _line(axis, _of(part, mode, SINGLE), inits, mode.colour, "o", f"{mode.title}, single tasks")
        _line(axis, _of(part, mode, ADDED), inits, mode.colour, "s", f"{mode.title}, sum", dashed=True)
    axis.set_ylabel("Test accuracy (%)")


def _line(axis, found: pd.DataFrame, inits: list[str], colour: str, marker: str, label: str, dashed=False) -> None:
    found = found.assign(at=found["init"].map(inits.index)).sort_values("at")
    value, low, high = (100 * found[column].to_numpy() for column in ("value", "low", "high"))
    style = {"color": colour, "marker": marker, "markersize": 4, "capsize": 1.5, "elinewidth": 0.7, "label": label}
    bars = [(value - low).clip(min=0), (high - value).clip(min=0)]
    axis.errorbar(found["at"], value, yerr=bars, linestyle="--" if dashed else "-", linewidth=1.0, **style)
