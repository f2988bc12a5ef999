"""The leaderboard as a page of its own, which the results page takes in: intervals drawn. A function of entries.

Columns say what a method was allowed to see and to keep; whoever tunes on more, or stores more, plays another game.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from tangent_bench.jobs import provenance
from tangent_bench.report import leaderboard, pages
from tangent_bench.report.leaderboard import Entry
from tangent_bench.report.pages import DASH, Cell

TITLE = "Merging methods"
HEADS = (
    "Method", "Accuracy (%)", "95 % interval", "Behind the best (points)", "Against the baseline", "α*", "α rule",
    "Data at merge time", "Stored", "Merging (s)",
)  # fmt: skip
WIDTH = 160  # pixels of a drawn interval


def page(
    found: Sequence[Entry], preset: str, seconds: Mapping[tuple[str, str], float], control: str
) -> str:
    """The whole page.

    Args:
        found: the methods, as `leaderboard.entries` orders them.
        preset: name for the heading.
        seconds: (training, label) → seconds of the job that merged, where there was one.
        control: title of the task that negation must not forget.
    """
    groups: dict[tuple[str, bool], list[Entry]] = {}
    for entry in found:
        groups.setdefault((leaderboard.group_title(entry.place), entry.transductive), []).append(
            entry
        )
    parts = [
        _section(title + ", adapted on unlabelled test images (transductive)" * seen, part, seconds)
        for (title, seen), part in groups.items()
    ]
    sentences = "".join(f"<li>{escape(text)}</li>" for text in leaderboard.agreements(found))
    return pages.document(
        f"{TITLE}, preset {preset}",
        f"<h1>{TITLE}</h1>\n<p>{escape(leaderboard.note(found, preset))}</p>\n"
        f'<p class="note">{_PROTOCOL}</p>\n{"".join(parts)}{_negation(found, control)}'
        f"<h2>Does this ranking predict CLIP's?</h2>\n<ul>{sentences}</ul>",
    )


_PROTOCOL = (
    "α is chosen on the validation images of every task, never on test images; test accuracy is on all test images. "
    "Bold: the best of its list, where every other method is worse by Holm's procedure. A list without bold has no "
    "winner. Verdicts against the baseline: better, same (within ±0.5 point), worse, or undecided. A method makes one "
    "direction of a set of vectors; one that looks at images sees the network itself with them, not its expansion."
)


def _section(title: str, part: Sequence[Entry], seconds: Mapping) -> str:
    low, high = min(e.low for e in part), max(e.high for e in part)
    rows = [_row(e, low, high, seconds) for e in part]
    return f"<h2>{escape(title)}</h2>\n{pages.table(HEADS, rows, title)}\n"


def _row(e: Entry, low: float, high: float, seconds: Mapping) -> list[Cell]:
    training, method = e.place.mode.rpartition("-")[0], e.merger.method
    cost, best = seconds.get((training, e.merger.label)), "best" * e.best
    return [
        Cell(e.title, css=best),
        Cell(f"{100 * e.accuracy:.1f}", e.accuracy, best),
        _interval(e, low, high),
        _behind(e),
        Cell(e.versus.verdict if e.versus else "baseline"),
        _coefficients(e),
        Cell(rule(e)),
        Cell(method.data),
        Cell(method.storage),
        Cell(DASH) if cost is None else Cell(f"{cost:.1f}", cost),
    ]


def _behind(e: Entry) -> Cell:
    if e.behind is None:
        return Cell(DASH)
    low, high = e.behind.estimate.interval(e.behind.level)
    text = f"{100 * e.behind.estimate.value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]".replace(
        "-", "−"
    )
    return Cell(text, e.behind.estimate.value)


def _coefficients(e: Entry) -> Cell:
    ends = sorted({f"{min(e.tuned.coefficients):.2f}", f"{max(e.tuned.coefficients):.2f}"})
    edge = " (edge of its grid)" * bool(e.tuned.at_edge)
    return Cell("–".join(ends) + edge, sum(e.tuned.coefficients) / e.num_seeds)


def rule(e: Entry) -> str:
    """How α was found: "validation, 0 to 3 in 31", or that there is nothing to find."""
    own = e.merger.method.coefficients
    if own and own[2] == 1:
        return f"none (α = {own[0]:g})"
    return (
        f"validation, {own[0]:g} to {own[1]:g} in {own[2]}"
        if own
        else "validation, the config's grid"
    )


def _interval(e: Entry, low: float, high: float) -> Cell:
    """The 95 % interval on the common scale of its list, drawn."""
    reach = (high - low) or 1.0
    x = [WIDTH * (v - low) / reach for v in (e.low, e.accuracy, e.high)]
    words = f"{100 * e.low:.1f} to {100 * e.high:.1f} %"
    drawing = (
        f'<svg width="{WIDTH + 8}" height="16" role="img" aria-label="{words}"><title>{words}</title>'
        f'<g transform="translate(4,8)"><line x1="{x[0]:.1f}" x2="{x[2]:.1f}" stroke="#777" stroke-width="2"/>'
        f'<circle cx="{x[1]:.1f}" r="4" fill="#0072B2"/></g></svg>'
    )
    return Cell(words, e.accuracy, drawing=drawing)


def _negation(found: Sequence[Entry], control: str) -> str:
    heads = ("Method", "Mode", "Target ↓ (%)", "Forgets, against the baseline", f"{control} ↑ (%)")
    rows = [
        [
            Cell(e.title),
            Cell(leaderboard.group_title(e.place)),
            _percent(e.target),
            Cell(e.forgets.verdict if e.forgets else "baseline"),
            _percent(e.control),
        ]
        for e in leaderboard.by_target(found)
    ]
    if not rows:
        return ""
    return (
        '<h2>Negation</h2>\n<p class="note">Each vector by itself goes through the method and is subtracted. Methods '
        "that return a single vector as it is forget just as task arithmetic does and are not listed.</p>\n"
        + pages.table(heads, rows, "Negation")
    )


def _percent(estimate: tuple[float, float, float]) -> Cell:
    value, low, high = estimate
    return Cell(f"{100 * value:.1f} [{100 * low:.1f}, {100 * high:.1f}]", value)


def seconds_of(logs: Path) -> dict[tuple[str, str], float]:
    """(training, label) → mean seconds of the jobs that merged, from their records."""
    found: dict[tuple[str, str], list[float]] = {}
    for path in sorted((logs / "merge").glob("*.json")):
        try:
            record = provenance.read_record(path)
            where = record["wildcards"]["training"], record["wildcards"]["method"]
            found.setdefault(where, []).append(float(record["seconds"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is no record of a job ({error}); delete it and the next run does without."
            ) from None
    return {where: sum(values) / len(values) for where, values in found.items()}
