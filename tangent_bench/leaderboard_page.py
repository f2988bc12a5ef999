"""The leaderboard as one page: no network, sortable by its headings, intervals drawn. A function of entries.

Columns say what a method was allowed to see and to keep; whoever tunes on more, or stores more, plays another game.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from tangent_bench import leaderboard
from tangent_bench.leaderboard import Entry

TITLE = "Merging methods"
HEADS = (
    "Method", "Accuracy (%)", "95 % interval", "Behind the best (points)", "Against the baseline", "α*", "α rule",
    "Data at merge time", "Stored", "Merging (s)",
)  # fmt: skip
WIDTH = 220  # pixels of a drawn interval
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:1.5em auto;max-width:110em;padding:0 1em;color:#222}
h1{font-size:1.5em}h2{font-size:1.15em;margin-top:2em}.scroll{overflow-x:auto}
table{border-collapse:collapse;border-top:2px solid;border-bottom:2px solid}thead{border-bottom:1px solid}
td,th{padding:.3em .7em;text-align:right;white-space:nowrap}td:first-child,th:first-child,.text{text-align:left}
button{font:inherit;font-weight:bold;border:0;background:none;cursor:pointer;padding:0}
button:focus-visible{outline:2px solid #0072B2}th[aria-sort=ascending] button:after{content:" ▲"}
th[aria-sort=descending] button:after{content:" ▼"}.best{font-weight:bold}.note{color:#555}
"""
_SCRIPT = """
for (const table of document.querySelectorAll("table.sortable"))
  table.querySelectorAll("th button").forEach((button, k) => button.addEventListener("click", () => {
    const head = button.parentElement, down = head.getAttribute("aria-sort") !== "descending";
    const key = row => row.cells[k].dataset.value ?? row.cells[k].textContent;
    const order = (a, b) => isNaN(key(a)) || isNaN(key(b)) ? key(a).localeCompare(key(b)) : key(a) - key(b);
    table.querySelectorAll("th").forEach(each => each.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...table.tBodies[0].rows].sort((a, b) => down ? order(b, a) : order(a, b));
    table.tBodies[0].append(...rows);
  }));
"""


def page(found: Sequence[Entry], preset: str, seconds: Mapping[tuple[str, str], float], control: str) -> str:
    """The whole page.

    Args:
        seconds: (training, label) → seconds of the job that merged, where there was one.
        control: title of the task that negation must not forget.
    """
    groups: dict[tuple[str, bool], list[Entry]] = {}
    for entry in found:
        groups.setdefault((leaderboard.group_title(entry.place), entry.transductive), []).append(entry)
    parts = [
        _section(title + ", adapted on unlabelled test images (transductive)" * seen, part, seconds)
        for (title, seen), part in groups.items()
    ]
    sentences = "".join(f"<li>{escape(text)}</li>" for text in leaderboard.agreements(found))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{TITLE}</title>\n'
        f"<style>{_STYLE}</style>\n<h1>{TITLE}</h1>\n<p>{escape(leaderboard.note(found, preset))}</p>\n"
        f'<p class="note">{_PROTOCOL}</p>\n{"".join(parts)}{_negation(found, control)}'
        f"<h2>Does this ranking predict CLIP's?</h2>\n<ul>{sentences}</ul>\n<script>{_SCRIPT}</script></html>\n"
    )


_PROTOCOL = (
    "α is chosen on the validation images of every task, never on test images; test accuracy is on all test images. "
    "Bold: the best of its list, where every other method is worse by Holm's procedure. A list without bold has no "
    "winner. Verdicts against the baseline: better, same (within ±0.5 point), worse, or undecided. A method makes one "
    "direction of a set of vectors; one that looks at images sees the network itself with them, not its expansion."
)


def _section(title: str, part: Sequence[Entry], seconds: Mapping) -> str:
    low, high = min(e.low for e in part), max(e.high for e in part)
    rows = "\n".join(_row(e, low, high, seconds) for e in part)
    return f"<h2>{escape(title)}</h2>\n" + _sortable(HEADS, rows)


def _row(e: Entry, low: float, high: float, seconds: Mapping) -> str:
    training, method = e.place.mode.rpartition("-")[0], e.merger.method
    cost = seconds.get((training, e.merger.label))
    cells = [
        _cell(e.title, css="best text" if e.best else "text"),
        _cell(f"{100 * e.accuracy:.1f}", e.accuracy, "best" if e.best else ""),
        f'<td data-value="{e.accuracy:.6f}">{_interval(e, low, high)}</td>',
        _behind(e),
        _cell(e.versus.verdict if e.versus else "baseline", css="text"),
        _coefficients(e),
        _cell(rule(e), css="text"),
        _cell(method.data, css="text"),
        _cell(method.storage, css="text"),
        _cell("–" if cost is None else f"{cost:.1f}", cost or 0.0),
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _cell(text: str, value: float | None = None, css: str = "") -> str:
    attributes = f' class="{css}"' * bool(css)
    attributes += "" if value is None else f' data-value="{value:.6f}"'
    return f"<td{attributes}>{escape(text)}</td>"


def _behind(e: Entry) -> str:
    if e.behind is None:
        return _cell("–", 0.0)
    low, high = e.behind.estimate.interval(e.behind.level)
    text = f"{100 * e.behind.estimate.value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]".replace("-", "−")
    return _cell(text, e.behind.estimate.value)


def _coefficients(e: Entry) -> str:
    ends = sorted({f"{min(e.tuned.coefficients):.2f}", f"{max(e.tuned.coefficients):.2f}"})
    edge = " (edge of its grid)" * bool(e.tuned.at_edge)
    return _cell("–".join(ends) + edge, sum(e.tuned.coefficients) / e.num_seeds)


def rule(e: Entry) -> str:
    """How α was found: "validation, 0 to 3 in 31", or that there is nothing to find."""
    own = e.merger.method.coefficients
    if own and own[2] == 1:
        return f"none (α = {own[0]:g})"
    return f"validation, {own[0]:g} to {own[1]:g} in {own[2]}" if own else "validation, the config's grid"


def _interval(e: Entry, low: float, high: float) -> str:
    """The 95 % interval on the common scale of its list."""
    reach = (high - low) or 1.0
    x = [WIDTH * (v - low) / reach for v in (e.low, e.accuracy, e.high)]
    words = f"{100 * e.low:.1f} to {100 * e.high:.1f} %"
    return (
        f'<svg width="{WIDTH + 8}" height="16" role="img" aria-label="{words}"><title>{words}</title>'
        f'<g transform="translate(4,8)"><line x1="{x[0]:.1f}" x2="{x[2]:.1f}" stroke="#777" stroke-width="2"/>'
        f'<circle cx="{x[1]:.1f}" r="4" fill="#0072B2"/></g></svg>'
    )


def _negation(found: Sequence[Entry], control: str) -> str:
    entries = [e for e in found if e.target]
    if not entries:
        return ""
    rows = "\n".join(
        "<tr>"
        + _cell(f"{e.title}", css="text")
        + _cell(leaderboard.group_title(e.place), css="text")
        + "".join(_cell(f"{100 * v:.1f} [{100 * a:.1f}, {100 * b:.1f}]", v) for v, a, b in (e.target, e.control))
        + "</tr>"
        for e in entries
    )
    heads = ("Method", "Mode", "Target ↓ (%)", f"{control} ↑ (%)")
    return (
        '<h2>Negation</h2>\n<p class="note">Each vector by itself goes through the method and is subtracted. Methods '
        "that return a single vector as it is forget just as task arithmetic does and are not listed.</p>\n"
        + _sortable(heads, rows)
    )


def _sortable(heads: Sequence[str], rows: str) -> str:
    top = "".join(f'<th scope="col"><button type="button">{escape(head)}</button></th>' for head in heads)
    return (
        f'<div class="scroll"><table class="sortable"><thead><tr>{top}</tr></thead><tbody>\n{rows}\n</tbody></table>'
        "</div>\n"
    )


def seconds_of(logs: Path) -> dict[tuple[str, str], float]:
    """(training, label) → mean seconds of the jobs that merged, from their records."""
    found: dict[tuple[str, str], list[float]] = {}
    for path in sorted((logs / "merge").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        where = record["wildcards"]["training"], record["wildcards"]["method"]
        found.setdefault(where, []).append(float(record["seconds"]))
    return {where: sum(values) / len(values) for where, values in found.items()}
