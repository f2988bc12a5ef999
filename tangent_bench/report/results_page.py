"""The results page: a run in one file, `results/<preset>/index.html`, which loads nothing else.

It combines what other jobs made: the pages of tables, the drawings of figures, the leaderboard and
the records of all jobs. Captions are those of the figures' own files (`Figure.caption`).
"""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import NamedTuple

import yaml
from markupsafe import Markup

from tangent_bench import registry
from tangent_bench.figures import INTERVALS
from tangent_bench.figures._entities import model_title, task_title
from tangent_bench.report import captions, pages, smoke_tests, times
from tangent_bench.report.summary import TABLES

TEMPLATE = "templates/results.html.jinja"
STYLE = "templates/results.css"  # the template includes it
# The categories that come first, in this order.
ORDER = (
    "Claims",
    "Tables",
    "Overview",
    "Single tasks",
    "Addition",
    "Negation",
    "Vectors",
)
METHODS = "Merging methods"  # the leaderboard's category
FORMATS = {"csv": "CSV", "md": "Markdown", "tex": "LaTeX", "svg": "SVG", "pdf": "PDF", "png": "PNG"}
LARGEST = 1_000_000  # bytes of a vector drawing; a larger one is shown as pixels
_SIZE = re.compile(rb'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"')
_PIXELS_PER_POINT = 4 / 3
# A figure's width on the screen as a multiple of its width in print. At the smallest, text of 8 pt
# is 12 px high.
SMALLEST = 1.15
WIDEST = 1.4


@dataclass(frozen=True)
class PresetRun:
    """The parts of a preset's run that the page shows.

    Attributes:
        folder: the results folder.
        shown: names of the figures and tables (files of `figures`) that the run made.
        sheets: tasks with a contact sheet.
        timed: whether the run made the table of times.
        methods: whether the run made the leaderboard.
        about: preset, seeds, models and tasks, those of joined presets included.
        config: the whole config, as Snakemake had it.
    """

    folder: Path
    shown: Sequence[str]
    sheets: Sequence[str]
    timed: bool
    methods: bool
    about: Mapping
    config: Mapping


class FileLink(NamedTuple):
    """A link to a file beside the page."""

    path: str
    words: str


@dataclass(frozen=True)
class ShownTable:
    """A table on the page."""

    name: str
    title: str
    content: Markup
    caption: Markup
    files: Sequence[FileLink]


@dataclass(frozen=True)
class ShownFigure:
    """A figure on the page.

    Attributes:
        name: of its file in `figures`.
        title: its heading.
        source: the drawing as a data URI.
        description: words for readers who cannot see it.
        width, height: of the drawing, in pixels.
        least, most: the smallest and largest width on the screen, in pixels.
        caption: its caption as HTML.
        files: links to its file formats.
    """

    name: str
    title: str
    source: str
    description: str
    width: str
    height: str
    least: int
    most: int
    caption: Markup
    files: Sequence[FileLink]


@dataclass
class Category:
    """A section of figures and tables; the leaderboard comes first, then tables, then figures."""

    title: str
    leaderboard: Markup | None = None
    tables: list[ShownTable] = field(default_factory=list)
    figures: list[ShownFigure] = field(default_factory=list)

    @property
    def is_filled(self) -> bool:
        """Whether there is something to show."""
        return self.leaderboard is not None or bool(self.tables or self.figures)


def page(run: PresetRun) -> str:
    """The whole page.

    Raises:
        ValueError: a part is missing or damaged.
    """
    preset = run.about["preset"]
    categories = _categories(run)
    return pages.document(
        TEMPLATE,
        f"Results of preset {preset}",
        preset=preset,
        warning=smoke_tests.banner(preset),
        models=list(map(model_title, run.about["models"])),
        tasks=list(map(task_title, run.about["tasks"])),
        seeds=run.about["seeds"],
        intervals=" ".join(INTERVALS.split()),
        found=_found(run.folder),
        contents=_contents(run, categories),
        anchor=_anchor,
        categories=categories,
        addition_files=_formats("tables/methods_addition", "csv", "md", "tex"),
        negation_files=_formats("tables/methods_negation", "csv", "md", "tex"),
        times=_included(run.folder / "tables/times.html") if run.timed else None,
        times_title=times.TITLE,
        times_files=_formats("tables/times", "csv", "md"),
        facts=_facts(run),
        config=_config_text(run),
        sheets=[FileLink(f"sheets/{task}.png", task_title(task)) for task in run.sheets],
    )


def _found(folder: Path) -> str:
    """How many primary claims have which verdict, as a sentence; "" without a table of claims."""
    file = folder / "tables/claims_table.csv"
    if not file.is_file():
        return ""
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.DictReader(lines) if row.get("Rank") == "primary"]
    verdicts = Counter(row["Verdict"] for row in rows)
    words = ", ".join(f"{number} {verdict}" for verdict, number in verdicts.most_common())
    return f"The {len(rows)} primary claims of the paper: {words}." if rows else ""


def _contents(run: PresetRun, categories: Sequence[Category]) -> list[str]:
    """The titles of all sections, in order."""
    titles = list(map(attrgetter("title"), categories))
    if run.timed:
        titles.append(times.TITLE)
    return [*titles, "Provenance", "Files"]


def _anchor(title: str) -> str:
    """The id of a section."""
    return "about-" + re.sub(r"\W+", "-", title.lower())


def _categories(run: PresetRun) -> list[Category]:
    """The categories that have something to show, the claims first."""
    categories = {title: Category(title) for title in ORDER}
    for name in sorted(run.shown, key=lambda name: name not in TABLES):
        title = registry.load("figures", name).FIGURE.category
        _show(run.folder, name, categories.setdefault(title, Category(title)))
    if run.methods:
        category = categories.setdefault(METHODS, Category(METHODS))
        category.leaderboard = _included(run.folder / "leaderboard.html")
    return [category for category in categories.values() if category.is_filled]


def _show(folder: Path, name: str, category: Category) -> None:
    """Adds a figure or table to its category."""
    if registry.load("figures", name).FIGURE.kind == "table":
        category.tables.append(_table(folder, name))
    else:
        category.figures.append(_figure(folder, name))


def _table(folder: Path, name: str) -> ShownTable:
    return ShownTable(
        name=name,
        title=registry.load("figures", name).FIGURE.title,
        content=_included(folder / f"tables/{name}.html"),
        caption=caption_of(name),
        files=_formats(f"tables/{name}", "csv", "md", "tex"),
    )


def _figure(folder: Path, name: str) -> ShownFigure:
    title = registry.load("figures", name).FIGURE.title
    caption = caption_of(name)
    drawing = _bytes(folder / f"figures/{name}.svg")
    width, height = _size(drawing, name)
    return ShownFigure(
        name=name,
        title=title,
        source=_source(folder, name, drawing),
        description=f"{title}. {captions.first_sentence(caption)}",
        width=f"{width:.0f}",
        height=f"{height:.0f}",
        least=round(width * SMALLEST),
        most=round(width * WIDEST),
        caption=caption,
        files=_formats(f"figures/{name}", "svg", "pdf", "png"),
    )


def _size(drawing: bytes, name: str) -> tuple[float, float]:
    """Width and height of a drawing, in pixels."""
    size = _SIZE.search(drawing)
    if not size:
        raise ValueError(f"{name}.svg has no width and height in points; delete it and run again.")
    return float(size[1]) * _PIXELS_PER_POINT, float(size[2]) * _PIXELS_PER_POINT


def _source(folder: Path, name: str, drawing: bytes) -> str:
    """The drawing, or its pixels if it is large, as a data URI."""
    kind = "svg+xml"
    content = drawing
    if len(drawing) > LARGEST:
        kind = "png"
        content = _bytes(folder / f"figures/{name}.png")
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def caption_of(name: str) -> Markup:
    """The caption of a figure or table as HTML, without what the page says once about intervals.

    Args:
        name: the figure's name, the stem of its file in `figures`.
    """
    caption = registry.load("figures", name).FIGURE.caption
    return captions.html(caption.replace(INTERVALS, ""))


def _facts(run: PresetRun) -> dict[str, list[str]]:
    """The facts of provenance: those of all jobs, and digests of rows and config."""
    facts = facts_of(times.records(run.folder))
    config = json.dumps(run.config, sort_keys=True, default=str)
    facts["sha256 of rows.csv"] = [hashlib.sha256(_bytes(run.folder / "rows.csv")).hexdigest()]
    facts["sha256 of the config"] = [hashlib.sha256(config.encode()).hexdigest()]
    return facts


def _config_text(run: PresetRun) -> str:
    """The config as YAML."""
    plain = json.loads(json.dumps(run.config, sort_keys=True, default=str))
    return yaml.safe_dump(plain, allow_unicode=True, width=100)


def facts_of(records: Sequence[Mapping]) -> dict[str, list[str]]:
    """Facts about all jobs together; where jobs differ, each variant with its number of jobs.

    Args:
        records: the jobs' records, as `times.records` returns them.
    """
    start = min(map(itemgetter("started"), records))
    end = max(record["started"] + record["seconds"] for record in records)
    return {
        "When": [f"{_date(start)} to {_date(end)}, {len(records):,} jobs"],
        "Code (commit)": _counted(map(itemgetter("commit"), records)),
        "System": _counted(map(_system, records)),
        "Device of networks": _counted(map(_device, records)),
        "Python": _counted(map(itemgetter("python"), records)),
        "Packages": [", ".join(_packages(records))],
        "Networks": _networks(records) or ["none"],
    }


def _system(record: Mapping) -> str:
    return f"{record['system']}, {record['processor']}"


def _device(record: Mapping) -> str:
    return record.get("gpu") or record["device"]


def _packages(records: Sequence[Mapping]) -> list[str]:
    packages = set()
    for record in records:
        for name, version in record["versions"].items():
            packages.add(f"{name} {version}")
    return sorted(packages)


def _networks(records: Sequence[Mapping]) -> list[str]:
    """A line for each network: the digests of θ0 and of the files that hold its weights."""
    lines = set()
    for record in records:
        for name, network in record.get("networks", {}).items():
            files = ", ".join(starmap(_weights, network["weights"].items()))
            lines.add(f"{name}: sha256 of θ0 {network['theta0'][:16]}…, {files}")
    return sorted(lines)


def _weights(path: str, digest: str) -> str:
    return f"of {Path(path).name} {digest[:16]}…"


def _date(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def _counted(words: Iterable[str]) -> list[str]:
    """The most frequent first, with numbers of jobs where there are several."""
    counts = Counter(words).most_common()
    if len(counts) == 1:
        return [counts[0][0]]
    return [f"{word} ({number:,} jobs)" for word, number in counts]


def _formats(path: str, *endings: str) -> list[FileLink]:
    """Links to the formats of a table or figure."""
    return [FileLink(f"{path}.{ending}", FORMATS[ending]) for ending in endings]


def _included(path: Path) -> Markup:
    """The content of another page of the run."""
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
