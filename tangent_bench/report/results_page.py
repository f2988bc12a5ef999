"""The results page: a run in one file, `results/<preset>/index.html`, which needs no network and no other file.

It is put together from what other jobs made: the pages of tables, the drawings of figures, the leaderboard, and the
records of all jobs. Captions are those of Snakemake's report (`workflow/report`).
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import yaml

from tangent_bench import registry, suite
from tangent_bench.figures._entities import model_title, task_title
from tangent_bench.report import pages, times
from tangent_bench.report.summary import TABLES

CAPTIONS = suite.ROOT / "workflow/report"
ORDER = (
    "Claims",
    "Tables",
    "Overview",
    "Single tasks",
    "Addition",
    "Negation",
    "Vectors",
)  # then the others
METHODS = "Merging methods"  # the category that the leaderboard belongs to
FORMATS = {"csv": "CSV", "md": "Markdown", "tex": "LaTeX", "svg": "SVG", "pdf": "PDF", "png": "PNG"}
LARGEST = 1_000_000  # bytes of a vector drawing; a larger one is shown as pixels
_SIZE = re.compile(rb'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
PIXELS = (
    1.15,
    1.4,
)  # a figure's width on the screen, in its width in print: at least (8 pt are 12 px then), at most
_STYLE = """
.skip{position:absolute;left:-99em}.skip:focus{left:1rem;top:.5rem;background:#fff;padding:.4em .8em;z-index:1}
nav{padding:1rem 1rem 0;font-size:.95rem}nav p{font-weight:600}
nav ul{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.1em 1.1em}
nav a{display:inline-block;padding:.2em 0}
.figures{display:flex;flex-wrap:wrap;gap:0 3rem;align-items:flex-start}
figure{margin:0;max-width:100%;min-width:0}img{display:block;height:auto;width:100%}
figcaption p{margin:.4em 0}dt{font-weight:600;margin-top:.7em}dd{margin:0;overflow-wrap:anywhere}
pre{white-space:pre-wrap;background:var(--band);padding:1em}
@media(min-width:72rem){body{display:grid;grid-template-columns:13rem minmax(0,1fr)}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow-y:auto;padding:1.6rem .5rem 1rem 1.25rem}
nav ul{display:block}main{padding:1.25rem 2rem 4rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.35em 1.5em}dt{margin:0;grid-column:1}dd{grid-column:2}}
@media print{nav,.skip,.files{display:none}body{display:block}img{min-width:0!important}}
"""


@dataclass(frozen=True)
class Run:
    """What a preset made, and of what.

    Attributes:
        shown: names of the figures and tables (files of `figures`) that it made.
        sheets: tasks that there is a contact sheet of.
        timed, methods: whether it made the table of times, and the leaderboard.
        about: preset, seeds, models, tasks: those of joined presets too.
        config: all of it, as Snakemake had it.
    """

    folder: Path
    shown: Sequence[str]
    sheets: Sequence[str]
    timed: bool
    methods: bool
    about: Mapping
    config: Mapping


def page(run: Run) -> str:
    """The whole page.

    Raises:
        ValueError: a part is missing or damaged.
    """
    sections = [
        *_results(run),
        *_times(run),
        ("Provenance", _provenance(run)),
        ("Files", _files(run)),
    ]
    named = {title: "about-" + re.sub(r"\W+", "-", title.lower()) for title, _ in sections}
    links = "".join(
        f'<li><a href="#{named[title]}">{escape(title)}</a></li>' for title, _ in sections
    )
    body = "\n".join(
        f'<section id="{named[title]}"><h2>{escape(title)}</h2>\n{part}</section>'
        for title, part in sections
    )
    before = (
        '<a class="skip" href="#main">To the results</a>'
        f'<nav aria-label="Contents"><p>Contents</p><ul>{links}</ul></nav>'
    )
    return pages.document(
        f"Results of preset {run.about['preset']}", _header(run) + body, before, _STYLE
    )


def _header(run: Run) -> str:
    about, tasks = run.about, ", ".join(map(task_title, run.about["tasks"]))
    seeds = (
        f"fine-tuning seed{'s' * (len(about['seeds']) > 1)} {', '.join(map(str, about['seeds']))}"
    )
    facts = (
        f"Preset {about['preset']}: {', '.join(map(model_title, about['models']))}; {len(about['tasks'])} tasks "
        f"({tasks}); {seeds}. Every number is a row of"
    )
    return (
        f"<h1>Task arithmetic in the tangent space: results of preset {escape(about['preset'])}</h1>\n"
        f'<p>{escape(facts)} <a href="rows.csv">rows.csv</a>; intervals are 95 %, and each table says what they '
        "cover. The headings of a table sort it.</p>\n"
    )


def _results(run: Run) -> list[tuple[str, str]]:
    """(title, markup) of each category of figures and tables, the claims first."""
    parts: dict[str, list[str]] = {category: [] for category in ORDER}
    for name in sorted(run.shown, key=lambda name: name not in TABLES):
        about = registry.load("figures", name).FIGURE
        show = _table if about.kind == "table" else _figure
        parts.setdefault(about.category, []).append(show(run.folder, name, about.title))
    if run.methods:
        parts.setdefault(METHODS, []).insert(0, _leaderboard(run.folder))
    return [(category, _beside(found)) for category, found in parts.items() if found]


def _beside(parts: Sequence[str]) -> str:
    """Tables below one another; figures beside one another where there is room."""
    figures = [part for part in parts if part.startswith("<figure")]
    others = [part for part in parts if not part.startswith("<figure")]
    return "\n".join([*others, f'<div class="figures">{"".join(figures)}</div>' if figures else ""])


def _table(folder: Path, name: str, title: str) -> str:
    shown = _part(folder / f"tables/{name}.html")
    caption = "".join(f"<p>{words}</p>" for words in caption_of(name))
    return (
        f'<article id="{name}"><h3>{escape(title)}</h3>\n{shown}\n<div class="note">{caption}</div>'
        f"{_formats(f'tables/{name}', 'csv', 'md', 'tex')}</article>"
    )


def _figure(folder: Path, name: str, title: str) -> str:
    drawing = _bytes(folder / f"figures/{name}.svg")
    words = caption_of(name)
    first = re.sub("<.*?>", "", re.split(r"(?<=[.:]) ", words[0])[0]).replace('"', "&quot;")
    width, height = (float(number) * 4 / 3 for number in _SIZE.search(drawing).groups())
    least, most = (round(width * share) for share in PIXELS)
    kind = "svg+xml" if len(drawing) <= LARGEST else "png"
    content = drawing if len(drawing) <= LARGEST else _bytes(folder / f"figures/{name}.png")
    image = (
        f'<img src="data:image/{kind};base64,{base64.b64encode(content).decode()}" alt="{escape(title)}. {first}" '
        f'width="{width:.0f}" height="{height:.0f}" style="min-width:{least}px;max-width:{most}px">'
    )
    caption = "".join(f"<p>{paragraph}</p>" for paragraph in words)
    links = _formats(f"figures/{name}", "svg", "pdf", "png")
    return (
        f'<figure id="{name}" style="width:{most}px"><h3>{escape(title)}</h3>\n{pages.scrolling(image, title)}\n'
        f"<figcaption>{caption}{links}</figcaption></figure>\n"
    )


def _leaderboard(folder: Path) -> str:
    kinds = [
        _formats(f"tables/methods_{kind}", "csv", "md", "tex") for kind in ("addition", "negation")
    ]
    return (
        f"{_part(folder / 'leaderboard.html')}\n"
        f'<p class="files">This list <a href="leaderboard.html">alone</a>; cross tables: addition {kinds[0]}, '
        f"negation {kinds[1]}</p>"
    )


def _times(run: Run) -> list[tuple[str, str]]:
    table = run.folder / "tables/times.html"
    return (
        [(times.TITLE, _part(table) + _formats("tables/times", "csv", "md"))] if run.timed else []
    )


def caption_of(name: str) -> list[str]:
    """The paragraphs of a caption as markup, without those that quote the job of Snakemake's report."""
    text = (CAPTIONS / f"{name}.rst").read_text(encoding="utf-8")
    return [_inline(paragraph) for paragraph in text.strip().split("\n\n") if "{{" not in paragraph]


def _inline(text: str) -> str:
    """Words in reStructuredText, of which captions have code, bold and emphasis.

    >>> _inline("*Norm.* at ``α`` < **1** is α*, not *2*.")
    '<em>Norm.</em> at <code>α</code> &lt; <strong>1</strong> is α*, not <em>2</em>.'
    """
    text = escape(" ".join(text.split()), quote=False)
    text = re.sub(r"``(.+?)``", r"<code>\1</code>", text)
    text = re.sub(r"(?<!\w)\*\*(?=\S)(.+?)(?<=\S)\*\*(?!\w)", r"<strong>\1</strong>", text)
    return re.sub(r"(?<!\w)\*(?=\S)(.+?)(?<=\S)\*(?!\w)", r"<em>\1</em>", text)


def _provenance(run: Run) -> str:
    facts = facts_of(times.records(run.folder))
    text = json.dumps(run.config, sort_keys=True, default=str)
    rows = hashlib.sha256(_bytes(run.folder / "rows.csv")).hexdigest()
    facts["sha256 of rows.csv"], facts["sha256 of the config"] = (
        [rows],
        [hashlib.sha256(text.encode()).hexdigest()],
    )
    items = "".join(
        f"<dt>{escape(name)}</dt>" + "".join(f"<dd>{escape(line)}</dd>" for line in lines)
        for name, lines in facts.items()
    )
    config = yaml.safe_dump(json.loads(text), allow_unicode=True, width=100)
    return (
        f"<p>From the records that all jobs left beside their logs, in <code>logs/</code>.</p>\n<dl>{items}</dl>\n"
        f"<details><summary>The config in full</summary><pre>{escape(config)}</pre></details>"
    )


def facts_of(records: Sequence[Mapping]) -> dict[str, list[str]]:
    """What a reader wants to know of all jobs together; where they differ, how many had which.

    Args:
        records: as `times.records` has them.
    """
    start, end = (
        min(r["started"] for r in records),
        max(r["started"] + r["seconds"] for r in records),
    )
    versions = {
        f"{name} {version}" for record in records for name, version in record["versions"].items()
    }
    weights = {
        f"{name}: sha256 of θ0 {network['theta0'][:16]}…, {', '.join(_file(*f) for f in network['weights'].items())}"
        for record in records
        for name, network in record.get("networks", {}).items()
    }
    return {
        "When": [f"{_date(start)} to {_date(end)}, {len(records):,} jobs"],
        "Code (commit)": _each(record["commit"] for record in records),
        "System": _each(f"{record['system']}, {record['processor']}" for record in records),
        "Device of networks": _each(record.get("gpu") or record["device"] for record in records),
        "Python": _each(record["python"] for record in records),
        "Packages": [", ".join(sorted(versions))],
        "Networks": sorted(weights) or ["none"],
    }


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _file(path: str, digest: str) -> str:
    return f"of {Path(path).name} {digest[:16]}…"


def _each(words: Iterable[str]) -> list[str]:
    """The most frequent first, with numbers of jobs where there are several."""
    found = Counter(words).most_common()
    return [f"{word} ({number:,} jobs)" if len(found) > 1 else word for word, number in found]


def _files(run: Run) -> str:
    sheets = _links((task_title(task), f"sheets/{task}.png") for task in run.sheets)
    return (
        '<ul><li><a href="rows.csv">rows.csv</a>: every measured number with its coordinates</li>'
        '<li><a href="summary.csv">summary.csv</a>: means over seeds, with intervals</li>'
        + f"<li>Contact sheets, some images of every class: {sheets}</li>" * bool(run.sheets)
        + "</ul>"
    )


def _formats(path: str, *endings: str) -> str:
    return _links((FORMATS[ending], f"{path}.{ending}") for ending in endings)


def _links(files: Iterable[tuple[str, str]]) -> str:
    """Links to files beside the page."""
    links = (f'<a href="{escape(path)}">{escape(words)}</a>' for words, path in files)
    return f'<span class="files">{" · ".join(links)}</span>'


def _part(path: Path) -> str:
    try:
        return pages.included(_bytes(path).decode())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(
            f"Missing file {path}, a part of the results page; run the preset again."
        ) from None
