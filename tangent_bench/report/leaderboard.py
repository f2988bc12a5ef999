"""Merging methods beside one another, in each mode: accuracy, and the distance from the best.

Methods that see test images (`Method.sees_test_images`), and those that are fitted to labels of
validation images (`Method.sees_labels`), stand apart: in lists of their own, in which none is the
best, and with verdicts that are a family of their own. The best of the others is
marked only if every other method is worse by Holm's procedure over the list. The same images chose
the best, so the mark is slightly easier to get than the level says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, starmap
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tangent_bench.figures._cells import Cell, cells
from tangent_bench.figures._entities import mode as look
from tangent_bench.figures._entities import model_title, seen_by, terms, why_apart
from tangent_bench.judging import comparison, outcomes, rankings
from tangent_bench.judging.comparison import ALL, ComparisonLine, Tuned
from tangent_bench.judging.components import LEAST_SEEDS, crossed
from tangent_bench.judging.outcomes import NEGATION, Place
from tangent_bench.merging import Merger
from tangent_bench.report.titles import titled
from tangent_bench.store.layout import Mode

if TYPE_CHECKING:
    import pandas as pd

TITLES = {
    "methods_addition": "Merging methods and ways of fine-tuning: addition",
    "methods_negation": "Merging methods and ways of fine-tuning: negation",
}


@dataclass(frozen=True)
class MergingRun:
    """The part of a results folder that a config asked for; other configs may have added more.

    Attributes:
        root: the results folder.
        baseline: label of the config's `method`.
        control: name of the task that negation must not forget.
        seeds: fine-tuning seeds.
        places: models, initialisations and modes.
        negated: labels of the methods that were run with `task_negation`.
    """

    root: Path
    baseline: str
    control: str
    seeds: Sequence[int]
    places: Sequence[Place]
    negated: Sequence[str] = ()


class Interval(NamedTuple):
    """A mean accuracy with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Negation:
    """The accuracies of a method after negation.

    Attributes:
        target: mean over the targets; lower is better.
        control: accuracy on the control task; higher is better.
        forgets: against the baseline, of the share of target images that the method gets wrong, so
            that "better" means to forget more; None for the baseline itself.
    """

    target: Interval
    control: Interval
    forgets: ComparisonLine | None


@dataclass(frozen=True)
class Entry:
    """One method in one place.

    Attributes:
        place: model, initialisation and mode.
        merger: the method.
        tuned: accuracies of each task at the selected coefficients.
        accuracy, low, high: mean test accuracy over tasks, and its 95 % interval.
        behind: against the best of its list; None for the best itself, and where test images were
            seen.
        versus: against the baseline; None for the baseline itself.
        best: whether it is the best, and every other method of its list is worse; never where test
            images were seen.
        negation: None if the method returns a single vector as it is.
    """

    place: Place
    merger: Merger
    tuned: Tuned
    accuracy: float
    low: float
    high: float
    behind: ComparisonLine | None
    versus: ComparisonLine | None
    best: bool
    negation: Negation | None = None

    @property
    def title(self) -> str:
        """The method's title with the hyper-parameters that are not the defaults."""
        return titled(self.merger)

    @property
    def sees_test_images(self) -> bool:
        """Whether the method saw test images."""
        return self.merger.sees_test_images

    @property
    def sees_labels(self) -> bool:
        """Whether the method was fitted to the labels of validation images."""
        return self.merger.sees_labels

    @property
    def num_seeds(self) -> int:
        """The number of fine-tuning seeds."""
        return len(self.tuned.coefficients)

    @property
    def coefficient_range(self) -> str:
        """The smallest and largest selected coefficient, "0.25–0.45"."""
        ends = {f"{min(self.tuned.coefficients):.2f}", f"{max(self.tuned.coefficients):.2f}"}
        return "–".join(sorted(ends))

    @property
    def verdict(self) -> str:
        """The verdict against the baseline, or "baseline"."""
        return verdict_of(self.versus)


def verdict_of(line: ComparisonLine | None) -> str:
    """The verdict of a line against the baseline; the baseline itself has no line."""
    return line.verdict if line else "baseline"


def entries(run: MergingRun, mergers: Sequence[Merger]) -> list[Entry]:
    """All methods in all places of a run; within a list the best comes first.

    A place has a list for all terms on which methods are compared: those that see neither test
    images nor labels, those that see labels, those that see test images.

    Raises:
        ValueError: a method has no outcome in some place, or its outcomes do not fit together.
    """
    ranked = []
    for place in run.places:
        for seen in sorted(set(map(terms, mergers))):
            listed = [merger for merger in mergers if terms(merger) == seen]
            ranked += _ranked(run, place, listed)
    return ranked


def _ranked(run: MergingRun, place: Place, mergers: Sequence[Merger]) -> list[Entry]:
    """The entries of one list."""
    by_label = {merger.label: merger for merger in mergers}
    methods = [outcomes.read(run.root, place, label, seeds=run.seeds) for label in by_label]
    best, *others = sorted(methods, key=lambda method: -_mean_over_tasks(method)[:, 0].mean())
    versus, units = _against_baseline(run, place, methods)
    behind = {} if why_apart(by_label[best.name]) else _lines(best, others, units)
    all_worse = bool(behind) and {line.verdict for line in behind.values()} == {"worse"}
    negations = _negations(run, place, [best, *others])
    ranked = []
    for method in (best, *others):
        accuracy = _interval(_mean_over_tasks(method), min(units.values()))
        entry = Entry(
            place,
            by_label[method.name],
            method,
            *accuracy,
            behind=behind.get(method.name),
            versus=versus.get(method.name),
            best=all_worse and method is best,
            negation=negations.get(method.name),
        )
        ranked.append(entry)
    return ranked


def _against_baseline(
    run: MergingRun, place: Place, methods: Sequence[Tuned]
) -> tuple[dict[str, ComparisonLine], dict[str, int]]:
    """Method → its line against the baseline; task → independent test images."""
    baseline = next((method for method in methods if method.name == run.baseline), None)
    if baseline is None:
        baseline = outcomes.read(run.root, place, run.baseline, seeds=run.seeds)
    units = outcomes.num_units(run.root, place, baseline.accuracy)
    return _lines(baseline, _without(methods, run.baseline), units), units


def _without(methods: Sequence[Tuned], name: str) -> list[Tuned]:
    return [method for method in methods if method.name != name]


def _mean_over_tasks(method: Tuned) -> np.ndarray:
    """[S, 1 + R], the mean over tasks of each seed and its image replicates."""
    return np.mean(list(method.accuracy.values()), 0)


def _lines(
    base: Tuned, others: Sequence[Tuned], units: Mapping[str, int]
) -> dict[str, ComparisonLine]:
    """Method → its line over all tasks."""
    if not others:
        return {}
    lines = comparison.compare(base, others, units).lines
    return {line.method: line for line in lines if line.task == ALL}


def _interval(accuracy_SR: np.ndarray, num_units: int) -> Interval:
    estimate = crossed(accuracy_SR, num_units).estimate()
    low, high = estimate.interval()
    return Interval(estimate.value, max(low, 0.0), min(high, 1.0))


def _negations(run: MergingRun, place: Place, methods: Sequence[Tuned]) -> dict[str, Negation]:
    """Method → its accuracies after negation, for the methods that were run with it."""
    negated = []
    for method in methods:
        if method.name in run.negated:
            negated.append(outcomes.read(run.root, place, method.name, NEGATION, run.seeds))
    forgets = _forgetting(run, place, negated)
    negations = {}
    for targets in negated:
        units = outcomes.num_units(run.root, place, [*targets.accuracy, run.control])
        kept = outcomes.control(run.root, place, targets.name, run.seeds)
        control = _interval(kept, units[run.control])
        target_units = min(units[task] for task in targets.accuracy)
        target = _interval(_mean_over_tasks(targets), target_units)
        negations[targets.name] = Negation(target, control, forgets.get(targets.name))
    return negations


def _forgetting(
    run: MergingRun, place: Place, negated: Sequence[Tuned]
) -> dict[str, ComparisonLine]:
    """Method → its line over all targets, of the share of their images that it gets wrong."""
    others = _without(negated, run.baseline)
    if not others:
        return {}
    baseline = outcomes.read(run.root, place, run.baseline, NEGATION, run.seeds)
    units = outcomes.num_units(run.root, place, baseline.accuracy)
    return _lines(_wrong(baseline), list(map(_wrong, others)), units)


def _wrong(right: Tuned) -> Tuned:
    """An outcome of negation with error rates in place of accuracies."""
    errors = {task: 1.0 - share for task, share in right.accuracy.items()}
    return replace(right, accuracy=errors)


def agreements(ranked: Sequence[Entry]) -> list[str]:
    """A sentence for each place and family of printed rankings: whether ours predicts it.

    Our rankings are those of the network itself, by the methods with default hyper-parameters that
    see neither test images nor labels.
    """
    ours: dict[Place, dict[str, np.ndarray]] = {}
    for entry in ranked:
        usual = not why_apart(entry) and not entry.merger.params_id
        if usual and entry.place.mode == "standard-network":
            by_method = ours.setdefault(entry.place, {})
            by_method[entry.merger.name] = _mean_over_tasks(entry.tuned)
    sentences = []
    for place, by_method in ours.items():
        for family in rankings.FAMILIES:
            sentences.append(f"{place}: {rankings.agreement(by_method, family).sentence}")
    return sentences


def table(ranked: Sequence[Entry]) -> pd.DataFrame:
    """Cells of the cross table of addition: a row for each method, columns grouped by mode.

    Methods that see labels are a block of their own, and so are those that see test images.
    """
    by_row: dict[str, list[Cell]] = {}
    for entry in sorted(ranked, key=terms):
        by_row.setdefault(_row_name(entry), []).extend(_addition(entry))
    return cells(chain.from_iterable(by_row.values()))


def _row_name(entry: Entry) -> str:
    return entry.title + seen_by(entry)


def _addition(entry: Entry) -> list[Cell]:
    at = (_row_name(entry), group_title(entry.place))
    edge = " (edge)" if entry.tuned.at_edge else ""
    items = [
        Cell(*at, "Absolute", entry.accuracy, entry.low, entry.high),
        Cell(*at, "α*", unit="text", text=entry.coefficient_range + edge),
        Cell(*at, "Verdict", unit="text", text=entry.verdict),
    ]
    return [item._replace(block=why_apart(entry)) for item in items]


def group_title(place: Place) -> str:
    """The mode's title, with model and initialisation unless they are the usual ones."""
    mode = Mode.parse(place.mode)
    title = look(mode.training, mode.evaluation).title
    if place.model == "tiny" and place.init == "pretrained":
        return title
    return f"{title}, {model_title(place.model)}, {place.init}"


def negation_table(ranked: Sequence[Entry]) -> pd.DataFrame:
    """Cells of negation, of the methods that change a single vector; the most forgetful first."""
    return cells(chain.from_iterable(starmap(_forgetting_cells, by_target(ranked))))


def _forgetting_cells(entry: Entry, negation: Negation) -> list[Cell]:
    at = (_row_name(entry), group_title(entry.place))
    items = [
        Cell(*at, "Target ↓", *negation.target),
        Cell(*at, "Control ↑", *negation.control),
        Cell(*at, "Verdict", unit="text", text=verdict_of(negation.forgets)),
    ]
    return [item._replace(block=why_apart(entry)) for item in items]


def by_target(ranked: Sequence[Entry]) -> list[tuple[Entry, Negation]]:
    """The entries with negation, by the method's mean target accuracy over all places.

    Methods that see labels come after all others, and those that see test images last.
    """
    negated = [(entry, entry.negation) for entry in ranked if entry.negation]
    targets: dict[str, list[float]] = {}
    for entry, negation in negated:
        targets.setdefault(_row_name(entry), []).append(negation.target.value)

    def place_in_table(
        pair: tuple[Entry, Negation],
    ) -> tuple[tuple[bool, bool], np.floating, str]:
        row = _row_name(pair[0])
        return terms(pair[0]), np.mean(targets[row]), row

    return sorted(negated, key=place_in_table)


def note(ranked: Sequence[Entry], preset: str) -> str:
    """The sentence under the tables: seeds, what was averaged, and what the intervals cover."""
    num_seeds = min(map(attrgetter("num_seeds"), ranked))
    cover = "images, conditional on the seeds"
    if num_seeds >= LEAST_SEEDS:
        cover = "seeds and images"
    family = "the methods of a mode"
    if any(map(attrgetter("sees_test_images"), ranked)):
        family += "; those that see test images are a family of their own, on unequal terms"
    if any(map(attrgetter("sees_labels"), ranked)):
        family += "; those fitted to validation labels are a family of their own"
    return (
        f"Preset {preset}; {num_seeds} fine-tuning seed{'s' if num_seeds > 1 else ''}; mean test "
        "accuracy over tasks at the coefficient that validation images chose; 95 % intervals over "
        f"{cover}. Verdicts against the baseline, with Holm's procedure over {family}."
    )
