"""Methods beside one another, in each mode: accuracy, distance from the best, and what they were allowed to see.

The best of a list is marked only if every other method is worse by Holm's procedure over the list; it was chosen by the
same images, so the mark is a little easier to get than the level says. Transductive methods have a list of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.figures._cells import Cell, cells
from tangent_bench.figures._entities import mode as look
from tangent_bench.figures._entities import model_title
from tangent_bench.judging import comparison, outcomes, rankings
from tangent_bench.judging.comparison import ALL, Line, Tuned, crossed
from tangent_bench.judging.outcomes import NEGATION, Place
from tangent_bench.merging import Merger
from tangent_bench.store.layout import Mode

if TYPE_CHECKING:
    import pandas as pd

TRANSDUCTIVE = "unlabelled test"
TITLES = {
    "methods_addition": "Merging methods and ways of fine-tuning: addition",
    "methods_negation": "Merging methods and ways of fine-tuning: negation",
}


@dataclass(frozen=True)
class Entry:
    """One method in one place.

    Attributes:
        accuracy, low, high: mean test accuracy over tasks at the selected coefficients, and its 95 % interval.
        behind: against the best of its list; None for the best itself.
        versus: against the baseline; None for the baseline itself.
        best: whether it is the best, and every other of its list worse.
        target, control: mean accuracies of negation; None if the method does nothing of its own to one vector.
        forgets: against the baseline, of the share of target images that it gets wrong, so that to forget more is
            "better"; None as above, and for the baseline itself.
    """

    place: Place
    merger: Merger
    tuned: Tuned
    accuracy: float
    low: float
    high: float
    behind: Line | None
    versus: Line | None
    best: bool
    target: tuple[float, float, float] | None = None
    control: tuple[float, float, float] | None = None
    forgets: Line | None = None

    @property
    def title(self) -> str:
        """For people, with the hyper-parameters that are no defaults."""
        return titled(self.merger)

    @property
    def transductive(self) -> bool:
        """Whether the method saw test images."""
        return self.merger.method.data == TRANSDUCTIVE

    @property
    def num_seeds(self) -> int:
        """How many fine-tuning seeds it was run with."""
        return len(self.tuned.coefficients)


def titled(merger: Merger) -> str:
    """ "TIES (keep 0.1)": title, and what is not a default."""
    changed = [f"{key.rpartition('.')[2]} {value:g}" for key, value in merger.changed.items()]
    return f"{merger.title} ({', '.join(changed)})" if changed else merger.title


@dataclass(frozen=True)
class Run:
    """What a run asked for; a folder may hold more, of other configs.

    Attributes:
        baseline: the config's `method`.
        negated: labels of the methods that were run with `task_negation`.
    """

    root: Path
    baseline: str
    control: str
    seeds: Sequence[int]
    places: Sequence[Place]
    negated: Sequence[str] = ()


def entries(run: Run, mergers: Sequence[Merger]) -> list[Entry]:
    """All methods in all places of a run, the best first.

    Raises:
        ValueError: a method has no outcome in some place, or what is there does not belong together.
    """
    found = []
    for place in run.places:
        for seen in (False, True):
            part = [m for m in mergers if (m.method.data == TRANSDUCTIVE) == seen]
            found += _list(run, place, part) if part else []
    return found


def _list(run: Run, place: Place, mergers: Sequence[Merger]) -> list[Entry]:
    root, baseline, by_label = run.root, run.baseline, {merger.label: merger for merger in mergers}
    tuned = {label: outcomes.read(root, place, label, seeds=run.seeds) for label in by_label}
    usual = tuned.get(baseline) or outcomes.read(root, place, baseline, seeds=run.seeds)
    units = outcomes.num_units(root, place, usual.accuracy)
    means = {label: np.mean(list(t.accuracy.values()), 0) for label, t in tuned.items()}
    order = sorted(by_label, key=lambda label: -means[label][:, 0].mean())
    behind = _lines(tuned[order[0]], [tuned[label] for label in order[1:]], units)
    versus = _lines(usual, [t for label, t in tuned.items() if label != baseline], units)
    alone = bool(behind) and all(line.verdict == "worse" for line in behind.values())
    forgets = _forgetting(run, place, [label for label in order if label in run.negated])
    return [
        Entry(
            place,
            by_label[label],
            tuned[label],
            *_interval(means[label], min(units.values())),
            behind.get(label),
            versus.get(label),
            alone and label == order[0],
            *(_negation(run, place, label) if label in run.negated else (None, None)),
            forgets.get(label),
        )
        for label in order
    ]


def _lines(base: Tuned, others: Sequence[Tuned], units: Mapping[str, int]) -> dict[str, Line]:
    """Method → its line over all tasks."""
    found = comparison.compare(base, others, units).lines if others else ()
    return {line.method: line for line in found if line.task == ALL}


def _interval(accuracy_SR: np.ndarray, num_units: int) -> tuple[float, float, float]:
    estimate = crossed(accuracy_SR, num_units).estimate()
    low, high = estimate.interval()
    return estimate.value, max(low, 0.0), min(high, 1.0)


def _forgetting(run: Run, place: Place, labels: Sequence[str]) -> dict[str, Line]:
    """Method → its line over all targets, of the share of their images that it gets wrong."""
    others = [label for label in labels if label != run.baseline]
    if not others:
        return {}
    right = [
        outcomes.read(run.root, place, label, NEGATION, run.seeds)
        for label in (run.baseline, *others)
    ]
    wrong = [
        replace(tuned, accuracy={task: 1.0 - share for task, share in tuned.accuracy.items()})
        for tuned in right
    ]
    return _lines(wrong[0], wrong[1:], outcomes.num_units(run.root, place, wrong[0].accuracy))


def _negation(run: Run, place: Place, label: str) -> tuple:
    """Mean target accuracy and mean control accuracy, each with its interval."""
    targets = outcomes.read(run.root, place, label, NEGATION, run.seeds).accuracy
    units = outcomes.num_units(run.root, place, [*targets, run.control])
    kept = outcomes.control(run.root, place, label, run.seeds)
    forgotten = np.mean(list(targets.values()), 0)
    return _interval(forgotten, min(units[t] for t in targets)), _interval(kept, units[run.control])


def agreements(found: Sequence[Entry]) -> list[str]:
    """A sentence for each family of printed rankings: whether ours, of the network itself, predicts it."""
    network = [
        e
        for e in found
        if e.place.mode == "standard-network" and not e.transductive and not e.merger.params_id
    ]
    sentences = []
    for place in dict.fromkeys(e.place for e in network):
        ours = {
            e.merger.name: np.mean(list(e.tuned.accuracy.values()), 0)
            for e in network
            if e.place == place
        }
        sentences += [
            f"{place}: {rankings.agreement(ours, family).sentence}" for family in rankings.FAMILIES
        ]
    return sentences


def table(found: Sequence[Entry]) -> pd.DataFrame:
    """Cells of the cross table of addition: a row for each method, a group of columns for each mode."""
    rows = [_row_name(e) for e in found]
    order = {row: k for k, row in enumerate(dict.fromkeys(rows))}
    items = [
        cell for e in sorted(found, key=lambda e: order[_row_name(e)]) for cell in _addition(e)
    ]
    return cells(items)


def _row_name(entry: Entry) -> str:
    return entry.title + " (sees test images)" * entry.transductive


def _addition(e: Entry) -> list[Cell]:
    group, row = group_title(e.place), _row_name(e)
    spread = np.array(e.tuned.coefficients)
    ends = sorted({f"{spread.min():.2f}", f"{spread.max():.2f}"})
    edge = " (edge)" * bool(e.tuned.at_edge)
    return [
        Cell(row, group, "Absolute", e.accuracy, e.low, e.high),
        Cell(row, group, "α*", unit="text", text="–".join(ends) + edge),
        Cell(row, group, "Verdict", unit="text", text=e.versus.verdict if e.versus else "baseline"),
    ]


def group_title(place: Place) -> str:
    """The mode, and the model where it is not the only thing that differs."""
    mode = Mode.parse(place.mode)
    words = look(mode.training, mode.evaluation).title
    extra = (
        []
        if place.model == "tiny" and place.init == "pretrained"
        else [model_title(place.model), place.init]
    )
    return ", ".join([words, *extra])


def negation_table(found: Sequence[Entry]) -> pd.DataFrame:
    """Cells of negation, for the methods that do something of their own to one vector; who forgets most is first."""
    items = []
    for e in by_target(found):
        row, group = _row_name(e), group_title(e.place)
        items.append(Cell(row, group, "Target ↓", *e.target))
        items.append(Cell(row, group, "Control ↑", *e.control))
        items.append(
            Cell(
                row,
                group,
                "Verdict",
                unit="text",
                text=e.forgets.verdict if e.forgets else "baseline",
            )
        )
    return cells(items)


def by_target(found: Sequence[Entry]) -> list[Entry]:
    """The entries with negation, by the mean of a method's target accuracies over all places."""
    negated = [e for e in found if e.target]
    means = {
        row: np.mean([e.target[0] for e in negated if _row_name(e) == row])
        for row in map(_row_name, negated)
    }
    return sorted(negated, key=lambda e: (means[_row_name(e)], _row_name(e)))


def note(found: Sequence[Entry], preset: str) -> str:
    """What stands behind the numbers."""
    seeds = {e.num_seeds for e in found}
    number = f"{min(seeds)} fine-tuning seed{'s' * (min(seeds) > 1)}"
    cover = (
        "seeds and images"
        if min(seeds) >= comparison.LEAST_SEEDS
        else "images, conditional on the seeds"
    )
    return (
        f"Preset {preset}; {number}; mean test accuracy over tasks at the coefficient that validation images chose; "
        f"95 % intervals over {cover}. Verdicts against the baseline, with Holm's procedure over the methods of a mode."
    )
