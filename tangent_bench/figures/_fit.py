"""Fits a drawn figure into panels of another width than it was laid out for.

Legends that lie beside a panel, or hide it, move above it; titles, labels and the note are broken
into lines; the figure becomes as much higher. Nothing here knows a single figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tangent_bench.figures import _page, _words
from tangent_bench.figures._lines import box_of, break_at, inches
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
DEEPER = 1.0  # points further below a title in several lines
EDGE = 0.04  # inches between words and the end of the page
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
    if _page.current().is_foreign:
        return
    figure = panels[0].figure
    _heighten(figure, sum(added.values()) + _fit_legends(figure, looks) + _break_note(figure))
    _break_at_ends(figure, panels)


def _heighten(figure, more: float) -> None:
    """Makes a figure so many inches higher, unless its height was asked for."""
    if more and _page.current().height is None:
        figure.set_figheight(figure.get_figheight() + more)


def _break_at_ends(figure, panels: Sequence) -> None:
    """Breaks words along a panel that leave the page, or meet a legend above.

    How far they may reach is known only where everything else has its place.
    """
    figure.draw_without_rendering()
    if sum(map(_break_below_legend, panels)):  # panels are narrower then
        figure.draw_without_rendering()
    added: dict[int, float] = {}
    for axis in panels:
        line = place_of(axis)[0]
        added[line] = max(added.get(line, 0.0), _break_within_page(axis))
    _heighten(figure, sum(added.values()))


def _break_below_legend(axis) -> int:
    """Breaks the words along y that meet a legend above them; returns how many lines more."""
    legend = axis.get_legend()
    words = axis.yaxis.label
    if legend is None or not box_of(words).overlaps(box_of(legend)):
        return 0
    return break_at(words, inches(axis)[1])


def _break_within_page(axis) -> float:
    """Breaks the words along x that leave the page; returns the inches of further lines."""
    figure = axis.figure
    box = axis.get_window_extent()
    middle = (box.x0 + box.x1) / 2 / figure.dpi
    reach = min(middle, figure.get_figwidth() - middle) - EDGE
    words = axis.xaxis.label
    return break_at(words, 2 * reach) * LINE * words.get_fontsize() / POINTS


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
        if inches(made)[0] <= room(axis)[0] - MARGIN:
            break
    return inches(axis.get_legend())[1]


def _lies_well(axis, legend: Legend) -> bool:
    """Whether a legend is inside of its panel and leaves most of it free."""
    anchor = legend.get_bbox_to_anchor().transformed(axis.transAxes.inverted())
    if anchor.x0 > 0.9 or anchor.y0 > 0.9:
        return False
    across, up = inches(legend)
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
        before = inches(legend)[1]
        texts = [text.get_text() for text in legend.get_texts()]
        marks = [looks[words] for words in texts]
        options = _options(legend)
        made = legend
        for num in range(len(texts), 0, -1):
            made.remove()
            made = figure.legend(marks, texts, loc="outside upper center", ncols=num, **options)
            if inches(made)[0] <= figure.get_figwidth() - MARGIN:
                break
        more += max(0.0, inches(made)[1] - before)
    return more


def _break_titles(axis, above: float) -> float:
    """Breaks titles and puts them above the legend; returns the inches of further lines."""
    more = 0.0
    for side in SIDES:
        text = axis.get_title(loc=side)
        if not text:
            continue
        found = _title_of(axis, side)
        break_at(found, room(axis)[0] - MARGIN - _beside(axis) * (side == "left"))
        broken = found.get_text()
        letters = {"fontsize": found.get_fontsize(), "fontweight": found.get_fontweight()}
        axis.set_title(broken, loc=side, pad=POINTS * above + _pad(found), **letters)
        num_lines = broken.count("\n") - text.count("\n")
        more = max(more, num_lines * LINE * found.get_fontsize() / POINTS)
    return more


def _pad(title: Text) -> float:
    """Points below a title, for which the letters of several lines reach deeper."""
    return PAD + DEEPER * ("\n" in title.get_text())


def _beside(axis) -> float:
    """Inches that the words along y take, right of which a title at the left begins."""
    widths = [inches(text)[0] for text in axis.get_yticklabels() if text.get_text()]
    return max([LABELS, *widths])


def _title_of(axis, side: str) -> Text:
    """The artist of a title."""
    return {"left": axis._left_title, "center": axis.title, "right": axis._right_title}[side]


def _break_labels(axis) -> None:
    """Breaks the words along both sides of a panel."""
    width, height = room(axis)
    break_at(axis.xaxis.label, width - MARGIN)
    break_at(axis.yaxis.label, height - MARGIN)
    _break_ticks(axis.xaxis, SHARE * (width - LABELS) / max(1, len(axis.get_xticks())))
    _break_ticks(axis.yaxis, NAMES * width)
    for text in axis.texts:
        if " " in text.get_text():  # not a number
            _break_inside(axis, text)


def _break_inside(axis, text: Text) -> None:
    """Breaks words that would leave their panel; those at an arrow go to its other side first."""
    limit = _reach(axis, text)
    has_arrow = getattr(text, "arrow_patch", None) is not None
    if has_arrow and inches(text)[0] > limit:
        _turn(text)
        limit = _reach(axis, text)
    if not has_arrow and text.get_horizontalalignment() == "right":
        limit += _beside(axis)
    break_at(text, limit)


def _turn(text: Text) -> None:
    """Moves words to the other side of what their arrow points to."""
    across, up = text.get_position()
    text.set_position((-across, up))
    text.set_horizontalalignment("left" if text.get_horizontalalignment() == "right" else "right")


def _reach(axis, text: Text) -> float:
    """Inches from where a text begins to the end of its panel that it runs to."""
    width = room(axis)[0] - MARGIN
    axis.get_xlim()  # which are those of what was drawn only when they are asked for
    box = box_of(text)
    start = {"left": box.x0, "right": box.x1}.get(text.get_horizontalalignment())
    if start is None:
        return width
    share = (start - axis.bbox.x0) / axis.bbox.width
    if not 0 <= share <= 1:  # beside the panel
        return width
    free = share if text.get_horizontalalignment() == "right" else 1 - share
    return free * (width - _beside(axis))


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
        break_at(text, limit)
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
