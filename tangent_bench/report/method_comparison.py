"""A comparison of merging methods as text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from tangent_bench import merging
from tangent_bench.judging import methods
from tangent_bench.judging.comparison import MARGIN, Comparison, ComparisonLine
from tangent_bench.judging.outcomes import Place
from tangent_bench.report.text_table import aligned

MARK = "*"  # of a difference that is real and within the margin


def text(comparisons: Mapping[Place, Comparison]) -> str:
    """Returns a table for each place, and below them the verdicts over all tasks."""
    tables = [
        f"{place}\n{comparison_text(comparison)}\n" for place, comparison in comparisons.items()
    ]
    verdicts = [
        f"{verdict:9}  {method}  ({place})"
        for (place, method), verdict in methods.verdicts(comparisons).items()
    ]
    compared = next(iter(comparisons.values()))
    heading = f"Over all tasks, against {compared.baseline}:"
    return "\n".join([*tables, heading, *verdicts, *_unequal(compared)])


def _unequal(comparison: Comparison) -> list[str]:
    """Returns a sentence for each method that saw the test images."""
    names = [comparison.baseline, *dict.fromkeys(line.method for line in comparison.lines)]
    return [
        f"{name} sees the test images, without labels: this is no comparison on equal terms."
        for name in names
        if merging.sees_test_images(name.removesuffix(methods.BEFORE))
    ]


def comparison_text(comparison: Comparison) -> str:
    """Returns one comparison as a table in points (hundredths of accuracy), with notes."""
    lines = aligned([_heads(comparison), *map(_cells, comparison.lines)])
    lines.append(_seeds(comparison))
    if any(map(_is_marked, comparison.lines)):
        lines.append(f"{MARK} not 0, but within ±{100 * MARGIN:g} point.")
    for name, count in comparison.at_edge.items():
        if count:
            lines.append(
                f"{name}: the best coefficient is at the edge of its grid in "
                f"{count} of {comparison.num_seeds} seeds; widen the grid."
            )
    return "\n".join(lines)


def _heads(comparison: Comparison) -> list[str]:
    return [
        "candidate",
        "task",
        comparison.baseline,
        "candidate",
        "difference [interval]",
        "verdict",
        "detectable",
    ]


def _seeds(comparison: Comparison) -> str:
    plural = "s" if comparison.num_seeds > 1 else ""
    note = ""
    if comparison.conditional:
        note = ", conditional on these seeds: images alone were resampled"
    return f"{comparison.num_seeds} seed{plural}{note}."


def _cells(line: ComparisonLine) -> list[str]:
    low, high = line.estimate.interval(line.level)
    return [
        line.method,
        line.task,
        f"{100 * line.baseline:.1f}",
        f"{100 * line.candidate:.1f}",
        f"{100 * line.estimate.value:+.2f} [{100 * low:+.2f}, {100 * high:+.2f}]",
        line.verdict + MARK * _is_marked(line),
        f"{100 * line.estimate.detectable(line.level):.2f}",
    ]


def _is_marked(line: ComparisonLine) -> bool:
    """Whether the difference is surely not 0, and yet the verdict is "same"."""
    low, high = line.estimate.interval(line.level)
    return line.verdict == "same" and not low <= 0 <= high
