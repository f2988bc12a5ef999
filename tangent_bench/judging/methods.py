"""Compare merging methods on the same vectors: `tangent-bench compare BASELINE CANDIDATE --results FOLDER`.

Verdicts are those of `comparison`: better, same, worse or undecided, for each task and over all tasks, in every mode.
The exit status is 1 if the verdict over all tasks is, in some mode, one of those that `--fail-on` names, and 2 if
something is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tangent_bench.judging import comparison, outcomes
from tangent_bench.judging.comparison import ALL, Comparison
from tangent_bench.judging.outcomes import Place

VERDICTS = ("better", "same", "worse", "undecided")


def compare(
    results: Path,
    baseline: str,
    candidates: Sequence[str],
    baseline_results: Path | None = None,
    seeds: Sequence[int] | None = None,
) -> dict[Place, Comparison]:
    """The comparison in every place where the baseline and all candidates have outcomes.

    Args:
        results: the folder of the outcomes.
        baseline: label of the method that the others are compared with.
        candidates: labels of those.
        baseline_results: the folder of the baseline's outcomes, if it is another one: the same method before a change.
        seeds: those to compare; None: all that there are, which must be the same of every method.

    Raises:
        ValueError: there is no such place, or what is there does not belong together.
    """
    before = baseline_results or results
    both = [place for place in outcomes.places(results) if place in outcomes.places(before)]
    if not both:
        raise ValueError(
            f"No outcomes of task_addition under {results} and {before} have a mode in common; build them with "
            "`make regress METHOD=...`."
        )
    there = [
        place
        for place in both
        if baseline in outcomes.labels(before, place)
        and set(candidates) <= set(outcomes.labels(results, place))
    ]
    # Where some method is nowhere beside the others, reading says which, and what there is.
    return {
        place: _one(place, results, before, baseline, candidates, seeds)
        for place in there or both[:1]
    }


def _one(
    place: Place,
    results: Path,
    before: Path,
    baseline: str,
    candidates: Sequence[str],
    seeds: Sequence[int] | None,
) -> Comparison:
    base = outcomes.read(before, place, baseline, seeds=seeds)
    others = [outcomes.read(results, place, label, seeds=seeds) for label in candidates]
    wanted = seeds or outcomes.seeds_of(before, place, baseline)
    images = outcomes.image_orders(before, place, baseline)
    for label in candidates:
        if not seeds and (given := outcomes.seeds_of(results, place, label)) != wanted:
            raise ValueError(
                f"{label} has seeds {given} in {place}, {baseline} has {wanted}; build both with the same seeds."
            )
        if outcomes.image_orders(results, place, label) != images:
            raise ValueError(
                f"{label} and {baseline} were evaluated on other images in {place}; build both again."
            )
    if before != results:
        base = replace(base, name=f"{baseline} (before)")
    return comparison.compare(base, others, outcomes.num_units(results, place, base.accuracy))


def verdicts(found: Mapping[Place, Comparison]) -> dict[tuple[Place, str], str]:
    """(place, candidate) → the verdict over all tasks."""
    return {
        (place, line.method): line.verdict
        for place, c in found.items()
        for line in c.lines
        if line.task == ALL
    }


def report(found: Mapping[Place, Comparison]) -> str:
    """A table for each place, and a line with the verdict over all tasks in each of them."""
    parts = [f"{place}\n{comparison.text(c)}\n" for place, c in found.items()]
    lines = [
        f"{verdict:9}  {method}  ({place})" for (place, method), verdict in verdicts(found).items()
    ]
    baseline = next(iter(found.values())).baseline
    return "\n".join([*parts, f"Over all tasks, against {baseline}:", *lines])


def lines(found: Mapping[Place, Comparison]) -> list[dict]:
    """Every line as a record."""
    return [
        {
            **place._asdict(),
            "baseline": c.baseline,
            "candidate": line.method,
            "task": line.task,
            "baseline_accuracy": line.baseline,
            "candidate_accuracy": line.candidate,
            "difference": line.estimate.value,
            "interval": line.estimate.interval(line.level),
            "level": line.level,
            "detectable": line.estimate.detectable(line.level),
            "verdict": line.verdict,
            "num_seeds": c.num_seeds,
            "conditional_on_seeds": c.conditional,
        }
        for place, c in found.items()
        for line in c.lines
    ]


def failing(text: str) -> list[str]:
    """The verdicts of `--fail-on`.

    Raises:
        ValueError: one of them is none.
    """
    words = [word for word in text.split(",") if word]
    if odd := [word for word in words if word not in VERDICTS]:
        raise ValueError(
            f"--fail-on has {odd[0]!r}; expected some of {', '.join(VERDICTS)}, by commas."
        )
    return words


def hits(found: Mapping[Place, Comparison], words: Sequence[str]) -> list[str]:
    """A sentence for each verdict over all tasks that is one of these words."""
    judged = verdicts(found).items()
    return [
        f"{method} is {verdict} in {place}."
        for (place, method), verdict in judged
        if verdict in words
    ]
