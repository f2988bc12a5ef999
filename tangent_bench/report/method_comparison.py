"""A comparison of merging methods as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tangent_bench import merging
from tangent_bench.judging import methods
from tangent_bench.judging.comparison import ALL, MARGIN, Comparison, ComparisonLine
from tangent_bench.judging.components import LEAST_SEEDS
from tangent_bench.judging.outcomes import Place
from tangent_bench.report.text_table import aligned
from tangent_bench.report.titles import place_title

MARK = "*"  # of a difference that is real and within the margin
WIDEST = max(map(len, methods.VERDICTS))


def text(comparisons: Mapping[Place, Comparison], names: Mapping[str, str] | None = None) -> str:
    """Returns a table for each place, and below them the verdicts over all tasks.

    Args:
        comparisons: those that `methods.compare` gives.
        names: label of a method → what it is called; others are called by their labels.
    """
    names = names or {}
    parts = []
    for place, comparison in comparisons.items():
        parts.append(f"{place_title(place)}\n{comparison_text(comparison, names)}\n")
    compared = next(iter(comparisons.values()))
    parts.append(f"Over all tasks, against {_name(compared.baseline, names)}:")
    rows = []
    for (place, method), verdict in methods.verdicts(comparisons).items():
        rows.append([verdict.ljust(WIDEST), _name(method, names), place_title(place)])
    return "\n".join([*parts, *aligned(rows), *_unequal(compared, names)])


def hits(
    comparisons: Mapping[Place, Comparison],
    words: Sequence[str],
    names: Mapping[str, str] | None = None,
) -> list[str]:
    """Returns a sentence for each verdict over all tasks that is one of these words.

    Args:
        comparisons: those that `methods.compare` gives.
        words: verdicts that `methods.failing` read.
        names: label of a method → what it is called.
    """
    sentences = []
    for (place, method), verdict in methods.verdicts(comparisons).items():
        if verdict in words:
            name = _name(method, names or {})
            sentences.append(f"{name} is {verdict} in {place_title(place)}.")
    return sentences


def _name(label: str, names: Mapping[str, str]) -> str:
    """What a method is called; that of another folder keeps the remark behind its label."""
    plain = label.removesuffix(methods.BEFORE)
    return names.get(plain, plain) + label.removeprefix(plain)


def _unequal(comparison: Comparison, names: Mapping[str, str]) -> list[str]:
    """Returns a sentence for each method that saw the test images."""
    labels = [comparison.baseline, *dict.fromkeys(line.method for line in comparison.lines)]
    sentences = []
    for label in labels:
        if merging.sees_test_images(label.removesuffix(methods.BEFORE)):
            sentences.append(
                f"{_name(label, names)} sees the test images, without labels: this is no "
                "comparison on equal terms."
            )
    return sentences


def comparison_text(comparison: Comparison, names: Mapping[str, str] | None = None) -> str:
    """Returns one comparison as a table in points (hundredths of accuracy), with notes.

    Args:
        comparison: of methods in one place.
        names: label of a method → what it is called.
    """
    names = names or {}
    rows = [_heads(_name(comparison.baseline, names))]
    for line in comparison.lines:
        rows.append([_name(line.method, names), *_cells(line)])
    lines = aligned(rows)
    lines.append(_seeds(comparison))
    if any(map(_is_marked, comparison.lines)):
        lines.append(f"{MARK} not 0, but within ±{100 * MARGIN:g} point.")
    for label, count in comparison.at_edge.items():
        if count:
            lines.append(
                f"{_name(label, names)}: the best coefficient is at the edge of its grid in "
                f"{count} of {comparison.num_seeds} seeds; widen the grid."
            )
    return "\n".join(lines)


def _heads(baseline: str) -> list[str]:
    """Of columns that are all called otherwise, whatever the baseline is called."""
    return [
        "candidate",
        "task",
        "accuracy",
        f"of {baseline}",
        "difference [interval]",
        "verdict",
        "detectable",
    ]


def _seeds(comparison: Comparison) -> str:
    plural = "s" if comparison.num_seeds > 1 else ""
    if comparison.conditional:
        note = ", conditional on these seeds: images alone were resampled"
        return f"{comparison.num_seeds} seed{plural}{note}."
    if comparison.num_planned <= LEAST_SEEDS:
        return f"{comparison.num_seeds} seed{plural}."
    level = _decides(_over_all(comparison))
    return f"{comparison.num_seeds} of {comparison.num_planned} seeds; over all tasks {level}."


def look(found: Mapping[Place, Comparison], seeds: Sequence[int]) -> str:
    """Returns what is known after some of the seeds of a plan, a line for each place.

    Args:
        found: as `judging.looks.onwards` has it.
        seeds: those that were looked at.
    """
    newest = max(found.values(), key=lambda comparison: comparison.num_seeds)
    plural = "s" if newest.num_planned > 1 else ""
    heading = f"After seed {seeds[-1]} ({len(seeds)} of {newest.num_planned} seed{plural})"
    rows = []
    for place, comparison in found.items():
        line = _over_all(comparison)
        since = "" if comparison.num_seeds == len(seeds) else f"since {comparison.num_seeds} seeds"
        rows.append([line.verdict, _interval(line), place_title(place), since])
    return "\n".join([f"{heading}{_meaning(newest)}:", *aligned(rows)])


def _meaning(comparison: Comparison) -> str:
    """What the verdicts of a look are about."""
    if not comparison.conditional:
        return f", {_decides(_over_all(comparison))}"
    which = "this seed" if comparison.num_seeds == 1 else "these seeds"
    return f", conditional on {which}: images alone were resampled, other seeds may say otherwise"


def _decides(line: ComparisonLine) -> str:
    """The levels of a look that may be the last."""
    return (
        f"this look decides at {100 * line.level:.2g} % "
        f"(same: {100 * line.one_sided:.2g} % on each side)"
    )


def _over_all(comparison: Comparison) -> ComparisonLine:
    """Returns the line over all tasks, of a comparison of one candidate."""
    (line,) = [line for line in comparison.lines if line.task == ALL]
    return line


def _cells(line: ComparisonLine) -> list[str]:
    return [
        line.task,
        f"{100 * line.candidate:.1f}",
        f"{100 * line.baseline:.1f}",
        _interval(line),
        line.verdict + MARK * _is_marked(line),
        f"{100 * line.estimate.detectable(line.level):.2f}",
    ]


def _interval(line: ComparisonLine) -> str:
    """The difference with its interval, in points."""
    low, high = line.estimate.interval(line.level)
    return f"{100 * line.estimate.value:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]"


def _is_marked(line: ComparisonLine) -> bool:
    """Whether the difference is surely not 0, and yet the verdict is "same"."""
    low, high = line.estimate.interval(line.level)
    return line.verdict == "same" and not low <= 0 <= high
