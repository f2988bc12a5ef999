"""The leaderboard as a page of its own, which the results page includes: intervals are drawn.

Columns say what a method was allowed to see and to store: a method that tunes on more images, or
stores more, is not compared on equal terms. Those that see test images have a section of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path

from markupsafe import Markup

from tangent_bench.figures._entities import APART, FITTED, why_apart
from tangent_bench.jobs import provenance
from tangent_bench.report import leaderboard, pages
from tangent_bench.report.leaderboard import Entry, Interval
from tangent_bench.report.pages import DASH, HtmlCell
from tangent_bench.report.render import printed

TITLE = "Merging methods"
HEADS = (
    "Method",
    "Accuracy (%)",
    "95 % interval",
    "Behind the best (points)",
    "Against the baseline",
    "α*",
    "α rule",
    "Data at merge time",
    "Stored",
    "Merging (s)",
)
BEHIND = HEADS.index("Behind the best (points)")
WIDTH = 160  # pixels of a drawn interval


def page(
    ranked: Sequence[Entry], preset: str, seconds: Mapping[tuple[str, str], float], control: str
) -> str:
    """The whole page.

    Args:
        ranked: the methods, as `leaderboard.entries` orders them; those that see test images stand
            apart.
        preset: the preset's name, for the title and the note.
        seconds: (training, label) → seconds of the merging job, where there was one.
        control: title of the task that negation must not forget.
    """
    apart = [entry for entry in ranked if entry.sees_test_images]
    fitted = [entry for entry in ranked if why_apart(entry) == FITTED]
    others = [entry for entry in ranked if not why_apart(entry)]
    return pages.document(
        "templates/leaderboard.html.jinja",
        f"{TITLE}, preset {preset}",
        heading=TITLE,
        note=leaderboard.note(ranked, preset),
        lists=_titled_tables(others, seconds),
        negation=_negation(others, control),
        fitted_reason=FITTED,
        fitted=_titled_tables(fitted, seconds),
        fitted_negation=_negation(fitted, control),
        reason=APART,
        apart=_titled_tables(apart, seconds),
        apart_negation=_negation(apart, control),
        agreements=leaderboard.agreements(ranked),
    )


def _titled_tables(part: Sequence[Entry], seconds: Mapping) -> list[tuple[str, Markup]]:
    """Title and table of the list of each place."""
    lists: dict[str, list[Entry]] = {}
    for entry in part:
        lists.setdefault(leaderboard.group_title(entry.place), []).append(entry)
    return [(title, _table(title, listed, seconds)) for title, listed in lists.items()]


def _table(title: str, listed: Sequence[Entry], seconds: Mapping) -> Markup:
    low = min(map(attrgetter("low"), listed))
    high = max(map(attrgetter("high"), listed))
    rows = [_row(entry, low, high, seconds) for entry in listed]
    heads = list(HEADS)
    if why_apart(listed[0]):  # none of them is the best, or behind it
        title += ", methods that see " + ("test images", "labels")[listed[0].sees_labels]
        for line in (heads, *rows):
            del line[BEHIND]
    return pages.table(heads, rows, title)


def _row(entry: Entry, low: float, high: float, seconds: Mapping) -> list[HtmlCell]:
    css = "best" if entry.best else ""
    method = entry.merger.method
    return [
        HtmlCell(entry.title, css=css),
        HtmlCell(_tenths(entry.accuracy), entry.accuracy, css),
        _interval(entry, low, high),
        _behind(entry),
        HtmlCell(entry.verdict),
        _coefficients(entry),
        HtmlCell(rule(entry)),
        HtmlCell(method.data),
        HtmlCell(method.storage),
        _seconds(entry, seconds),
    ]


def _behind(entry: Entry) -> HtmlCell:
    if entry.behind is None:
        return HtmlCell(DASH)
    estimate = entry.behind.estimate
    low, high = estimate.interval(entry.behind.level)
    points = [printed(100 * value, "+.1f") for value in (estimate.value, low, high)]
    return HtmlCell(f"{points[0]} [{points[1]}, {points[2]}]", estimate.value)


def _coefficients(entry: Entry) -> HtmlCell:
    edge = " (edge of its grid)" if entry.tuned.at_edge else ""
    mean = sum(entry.tuned.coefficients) / entry.num_seeds
    return HtmlCell(entry.coefficient_range + edge, mean)


def _seconds(entry: Entry, seconds: Mapping[tuple[str, str], float]) -> HtmlCell:
    training = entry.place.mode.rpartition("-")[0]
    cost = seconds.get((training, entry.merger.label))
    return HtmlCell(DASH) if cost is None else HtmlCell(f"{cost:.1f}", cost)


def rule(entry: Entry) -> str:
    """How α was chosen: "validation, 0 to 3 in 31", or "none" where α is fixed."""
    grid = entry.merger.method.coefficients
    if not grid:
        return "validation, the config's grid"
    first, last, num_points = grid
    if num_points == 1:
        return f"none (α = {first:g})"
    return f"validation, {first:g} to {last:g} in {num_points}"


def _interval(entry: Entry, low: float, high: float) -> HtmlCell:
    """The 95 % interval as a drawing, on the scale that its list shares."""
    words = f"{_tenths(entry.low)} to {_tenths(entry.high)} %"
    drawing = pages.render(
        "templates/interval.html.jinja",
        words=words,
        width=WIDTH + 8,
        low=_pixels(entry.low, low, high),
        mean=_pixels(entry.accuracy, low, high),
        high=_pixels(entry.high, low, high),
    )
    return HtmlCell(words, entry.accuracy, drawing=drawing)


def _pixels(value: float, low: float, high: float) -> str:
    return f"{WIDTH * (value - low) / ((high - low) or 1.0):.1f}"


def _negation(ranked: Sequence[Entry], control: str) -> Markup | None:
    heads = ("Method", "Mode", "Target ↓ (%)", "Forgets, against the baseline", f"{control} ↑ (%)")
    rows = []
    for entry, negation in leaderboard.by_target(ranked):
        row = [
            HtmlCell(entry.title),
            HtmlCell(leaderboard.group_title(entry.place)),
            _percent(negation.target),
            HtmlCell(leaderboard.verdict_of(negation.forgets)),
            _percent(negation.control),
        ]
        rows.append(row)
    return pages.table(heads, rows, "Negation") if rows else None


def _percent(accuracy: Interval) -> HtmlCell:
    interval = f"[{_tenths(accuracy.low)}, {_tenths(accuracy.high)}]"
    return HtmlCell(f"{_tenths(accuracy.value)} {interval}", accuracy.value)


def _tenths(fraction: float) -> str:
    """A fraction in percent, as tables print it."""
    return printed(100 * fraction, ".1f")


def seconds_of(logs: Path) -> dict[tuple[str, str], float]:
    """(training, label) → mean seconds of the merging jobs, from their records.

    Args:
        logs: the folder `logs` of a results folder.

    Raises:
        ValueError: a record is damaged.
    """
    seconds: dict[tuple[str, str], list[float]] = {}
    for path in sorted((logs / "merge").glob("*.json")):
        try:
            record = provenance.read_record(path)
            wildcards = record["wildcards"]
            key = (wildcards["training"], wildcards["method"])
            seconds.setdefault(key, []).append(float(record["seconds"]))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{path} is not the record of a job ({error}); delete it, and the next run goes "
                "without."
            ) from None
    return {key: sum(values) / len(values) for key, values in seconds.items()}
