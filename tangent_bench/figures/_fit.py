"""Fits a drawn figure into panels of another width than it was laid out for.

Legends that lie beside a panel, or hide it, move above it; titles, labels and the note are broken
into lines; the figure becomes as much higher. Nothing here knows a single figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tangent_bench.figures import _page, _words
from tangent_bench.figures._panels import LEGEND, NOTE_SIZE, place_of, room, wrapped

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axis import Axis
    from matplotlib.legend import Legend
    from matplotlib.text import Text

POINTS = 72.0  # in an inch
MARGIN = 0.15  # inches beside what may be as wide as its panel
LABELS = 0.55  # inches of the words beside an axis
SHARE = 0.85  # of the distance between ticks, that a word there may take
NAMES = 0.4  # of a panel's width, that names along y may take
WIDEST = 0.6  # of a panel's inside, that a legend there may take
HIGHEST = 0.4
MOST_COLUMNS = 4  # of a legend
NOTE_LINES = 2  # for which figures have room
LINE = 1.25  # of the size of letters, from line to line
PAD = 4.0  # points between a title and what is below it
SIDES = ("left", "center", "right")


def panels_of(axes: np.ndarray) -> list:
    """Returns all axes of a figure of our own, or those of the caller's that are still there."""
    figure = axes.flat[0].figure
    if not _page.current().is_foreign:
        return list(figure.axes)
    return [axis for axis in axes.flat if axis in figure.axes]


def fit(panels: Sequence) -> None:
    """Fits a figure, of which these are the axes."""
    looks = _looks(panels)
    added: dict[int, float] = {}
    for axis in panels:
        _break_labels(axis)
        above = _move_legend(axis, looks)
        above += _break_titles(axis, above)
        line = place_of(axis)[0]
        added[line] = max(added.get(line, 0.0), above)
    page = _page.current()
    if page.is_foreign:
        return
    figure = panels[0].figure
    more = sum(added.values()) + _fit_legends(figure, looks) + _break_note(figure)
    if page.height is None:
        figure.set_figheight(figure.get_figheight() + more)


def _looks(panels: Sequence) -> dict[str, object]:
    """Returns what legends explain: words → a line, or marks."""
    told = _words.current().told
    looks: dict[str, object] = {}
    for axis in panels:
        for mark, words in zip(*axis.get_legend_handles_labels(), strict=True):
            looks.setdefault(told(words), mark)
    return looks


def _move_legend(axis, looks: dict[str, object]) -> float:
    """Moves a legend above its panel where it takes too much; returns its height in inches."""
    legend = axis.get_legend()
    if legend is None:
        return 0.0
    texts = [text.get_text() for text in legend.get_texts()]
    known = looks | _looks([axis])
    if not set(texts) <= set(known) or _lies_well(axis, legend):
        return 0.0
    marks = [known[words] for words in texts]
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0)}
    options = {**_options(legend), **place}
    for num in range(min(len(texts), MOST_COLUMNS), 0, -1):
        made = axis.legend(marks, texts, ncols=num, **options)
        if _inches(made)[0] <= room(axis)[0] - MARGIN:
            break
    return _inches(axis.get_legend())[1]


def _lies_well(axis, legend: Legend) -> bool:
    """Whether a legend is inside of its panel and leaves most of it free."""
    anchor = legend.get_bbox_to_anchor().transformed(axis.transAxes.inverted())
    if anchor.x0 > 0.9 or anchor.y0 > 0.9:
        return False
    across, up = _inches(legend)
    width, height = room(axis)
    return across <= WIDEST * (width - LABELS) and up <= HIGHEST * (height - LABELS)


def _options(legend: Legend) -> dict:
    """The options of a legend, for another one like it."""
    return {
        **LEGEND,
        "handletextpad": legend.handletextpad,
        "columnspacing": min(legend.columnspacing, 1.2),
        "fontsize": legend.get_texts()[0].get_fontsize(),
        "title": legend.get_title().get_text() or None,
        "title_fontsize": legend.get_title().get_fontsize(),
    }


def _fit_legends(figure, looks: dict[str, object]) -> float:
    """Gives legends of a whole figure as many columns as fit; returns the inches of more lines."""
    more = 0.0
    for legend in list(figure.legends):
        before = _inches(legend)[1]
        texts = [text.get_text() for text in legend.get_texts()]
        marks = [looks[words] for words in texts]
        options = _options(legend)
        made = legend
        for num in range(len(texts), 0, -1):
            made.remove()
            made = figure.legend(marks, texts, loc="outside upper center", ncols=num, **options)
            if _inches(made)[0] <= figure.get_figwidth() - MARGIN:
                break
        more += max(0.0, _inches(made)[1] - before)
    return more


def _break_titles(axis, above: float) -> float:
    """Breaks titles and puts them above the legend; returns the inches of further lines."""
    more = 0.0
    for side in SIDES:
        text = axis.get_title(loc=side)
        if not text:
            continue
        found = _title_of(axis, side)
        _break(found, room(axis)[0] - MARGIN - _beside(axis) * (side == "left"))
        broken = found.get_text()
        letters = {"fontsize": found.get_fontsize(), "fontweight": found.get_fontweight()}
        axis.set_title(broken, loc=side, pad=POINTS * above + PAD, **letters)
        num_lines = broken.count("\n") - text.count("\n")
        more = max(more, num_lines * LINE * found.get_fontsize() / POINTS)
    return more


def _beside(axis) -> float:
    """Inches that the words along y take, right of which a title at the left begins."""
    widths = [_inches(text)[0] for text in axis.get_yticklabels() if text.get_text()]
    return max([LABELS, *widths])


def _title_of(axis, side: str) -> Text:
    """The artist of a title."""
    return {"left": axis._left_title, "center": axis.title, "right": axis._right_title}[side]


def _break_labels(axis) -> None:
    """Breaks the words along both sides of a panel."""
    width, height = room(axis)
    _break(axis.xaxis.label, width - MARGIN)
    _break(axis.yaxis.label, height - MARGIN)
    _break_ticks(axis.xaxis, SHARE * (width - LABELS) / max(1, len(axis.get_xticks())))
    _break_ticks(axis.yaxis, NAMES * width)
    for text in axis.texts:
        _break(text, width - MARGIN)


def _break_ticks(side: Axis, limit: float) -> None:
    """Breaks words at the ticks that would meet, or take too much of the panel."""
    from matplotlib.ticker import FixedLocator

    if not isinstance(side.get_major_locator(), FixedLocator):
        return
    labels = side.get_ticklabels()
    if not labels or labels[0].get_rotation():
        return
    texts = [text.get_text() for text in labels]
    for text in labels:
        _break(text, limit)
    broken = [text.get_text() for text in labels]
    if broken != texts:
        side.set_ticks(side.get_ticklocs(), labels=broken)


def _break_note(figure) -> float:
    """Breaks the note below a figure; returns the inches of lines for which there is no room."""
    note = figure.get_supxlabel()
    if not note:
        return 0.0
    broken = wrapped(" ".join(note.split("\n")), figure.get_figwidth())
    size = _page.points(NOTE_SIZE)
    figure.supxlabel(broken, fontsize=size)
    lines = broken.count("\n") + 1
    return max(0, lines - NOTE_LINES) * LINE * size / POINTS


def _break(text: Text, limit: float) -> None:
    """Breaks a text into lines that are at most `limit` inches long."""
    words = text.get_text()
    if not words.strip():
        return
    length = max(_inches(text)) if text.get_rotation() else _inches(text)[0]
    if length <= limit:
        return
    lines = words.split("\n")
    letters = max(1, int(max(map(len, lines)) * limit / length))
    broken = []
    for line in lines:
        broken += textwrap.wrap(line, letters, break_long_words=False, break_on_hyphens=False)
    text.set_text("\n".join(broken))


def _inches(artist) -> tuple[float, float]:
    """Width and height of an artist."""
    box = artist.get_window_extent()
    dpi = artist.get_figure(root=True).dpi
    return box.width / dpi, box.height / dpi
