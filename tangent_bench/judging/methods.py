"""Merging methods of a results folder, compared on the same vectors.

    tangent-bench compare BASELINE CANDIDATE --results FOLDER

Reads the outcomes of the methods and gives the verdicts of `comparison` (better, same, worse,
undecided) for each task and over all tasks, in every mode. The exit status is 1 if the verdict
over all tasks is, in some mode, one of those that `--fail-on` names, and 2 if something is
missing. `report.method_comparison` turns it into text. Methods that see test images are a family of
their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from tangent_bench import merging, registry
from tangent_bench.judging import comparison, outcomes
from tangent_bench.judging.comparison import ALL, Comparison, ComparisonLine, Tuned
from tangent_bench.judging.outcomes import Place

VERDICTS = ("better", "same", "worse", "undecided")
BEFORE = " (before)"  # behind the name of a baseline from another folder


def compare(
    results: Path,
    baseline: str,
    candidates: Sequence[str],
    baseline_results: Path | None = None,
    seeds: Sequence[int] | None = None,
    modes: Sequence[str] = (),
) -> dict[Place, Comparison]:
    """Compares methods in every place where the baseline and all candidates have outcomes.

    Args:
        results: the folder of the outcomes.
        baseline: label of the method that the others are compared with.
        candidates: labels of the others.
        baseline_results: the folder of the baseline's outcomes, if it is another one: the same
            method before a change.
        seeds: the seeds to compare; None: all, which must be the same for every method.
        modes: the modes to compare them in; none: all.

    Raises:
        ValueError: there is no such place, or the outcomes there do not belong together.
    """
    before = baseline_results or results
    common = [place for place in outcomes.places(results) if place in outcomes.places(before)]
    common = [place for place in common if not modes or place.mode in modes]
    if not common:
        raise ValueError(
            f"No outcomes of task_addition under {results} and {before} have a mode in common; "
            "build them with `make regress METHOD=...`."
        )
    complete = []
    for place in common:
        beside = set(outcomes.labels(results, place))
        if baseline in outcomes.labels(before, place) and beside.issuperset(candidates):
            complete.append(place)
    # If the methods never meet, reading the first place says which is missing, and what exists.
    chosen = complete or common[:1]
    return {
        place: _compare_at(place, results, before, baseline, candidates, seeds) for place in chosen
    }


def _compare_at(
    place: Place,
    results: Path,
    before: Path,
    baseline: str,
    candidates: Sequence[str],
    seeds: Sequence[int] | None,
) -> Comparison:
    base = outcomes.read(before, place, baseline, seeds=seeds)
    others = [outcomes.read(results, place, label, seeds=seeds) for label in candidates]
    if not seeds:
        _check_seeds(place, results, before, baseline, candidates)
    images = outcomes.image_orders(before, place, baseline)
    for label in candidates:
        if outcomes.image_orders(results, place, label) != images:
            raise ValueError(
                f"{label} and {baseline} were evaluated on other images in {place}; "
                "build both again."
            )
    if before != results:
        base = replace(base, name=f"{baseline}{BEFORE}")
    num_units = outcomes.num_units(results, place, base.accuracy)
    return _compare_families(base, others, num_units)


def _compare_families(
    base: Tuned, others: Sequence[Tuned], num_units: Mapping[str, int]
) -> Comparison:
    """Compares methods that see test images, and those that see labels, as families of their own.

    Their number makes no verdict on the others harder to get.
    """
    families: dict[tuple[bool, bool], list[Tuned]] = {}
    for method in others:
        terms = (merging.sees_test_images(method.name), merging.sees_labels(method.name))
        families.setdefault(terms, []).append(method)
    compared = [comparison.compare(base, family, num_units) for family in families.values() or [[]]]
    first = compared[0]
    by_method: dict[str, list[ComparisonLine]] = {}
    at_edge: dict[str, int] = {}
    for part in compared:
        at_edge |= part.at_edge
        for line in part.lines:
            by_method.setdefault(line.method, []).append(line)
    lines = chain.from_iterable(by_method[method.name] for method in others)
    return replace(first, lines=tuple(lines), at_edge=at_edge)


def _check_seeds(
    place: Place, results: Path, before: Path, baseline: str, candidates: Sequence[str]
) -> None:
    expected = outcomes.seeds_of(before, place, baseline)
    for label in candidates:
        seeds = outcomes.seeds_of(results, place, label)
        if seeds != expected:
            raise ValueError(
                f"{label} has seeds {seeds} in {place}, {baseline} has {expected}; "
                "build both with the same seeds."
            )


def verdicts(comparisons: Mapping[Place, Comparison]) -> dict[tuple[Place, str], str]:
    """Returns (place, candidate) → the verdict over all tasks."""
    return {
        (place, line.method): line.verdict
        for place, compared in comparisons.items()
        for line in compared.lines
        if line.task == ALL
    }


def lines(comparisons: Mapping[Place, Comparison]) -> list[dict]:
    """Returns every line as a record, for JSON."""
    return [
        _record(place, compared, line)
        for place, compared in comparisons.items()
        for line in compared.lines
    ]


def _record(place: Place, compared: Comparison, line: ComparisonLine) -> dict:
    return {
        **place._asdict(),
        "baseline": compared.baseline,
        "candidate": line.method,
        "task": line.task,
        "baseline_accuracy": line.baseline,
        "candidate_accuracy": line.candidate,
        "difference": line.estimate.value,
        "interval": line.estimate.interval(line.level),
        "level": line.level,
        "detectable": line.estimate.detectable(line.level),
        "verdict": line.verdict,
        "num_seeds": compared.num_seeds,
        "conditional_on_seeds": compared.conditional,
        "sees_test_images": merging.sees_test_images(line.method),
    }


def failing(text: str) -> list[str]:
    """Returns the verdicts that `--fail-on` names in its text, separated by commas.

    Raises:
        ValueError: one of them is no verdict.
    """
    words = [word for word in text.split(",") if word]
    unknown = [word for word in words if word not in VERDICTS]
    if unknown:
        raise ValueError(
            f"--fail-on has {unknown[0]!r}; expected some of {', '.join(VERDICTS)}, by commas."
            f"{registry.did_you_mean(unknown[0], VERDICTS)}"
        )
    return words
