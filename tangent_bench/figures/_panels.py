"""Panels of a figure: a row for each model, and one note about n, seeds and intervals."""

from __future__ import annotations

import math
import textwrap
from typing import TYPE_CHECKING

from tangent_bench.figures import _page

if TYPE_CHECKING:
    import numpy as np

NOTE_SIZE = 6.5  # points
HELD = "\N{NO-BREAK SPACE}"
LETTERS_PER_INCH = 17  # of the note
BAR = 0.75  # inches of height of a colour bar
PAGE = 7.2  # inches: the widest figure of one model, which a page of print still holds
MOST_INSIDE = 6  # lines of a legend; more of them hide the curves
LEGEND = {
    "handlelength": 1.6,
    "borderaxespad": 0.3,
    "frameon": True,
    "edgecolor": "none",
    "framealpha": 0.75,
}
BESIDE = 1.8  # inches of a legend beside them


def panels(num_rows: int, num_columns: int, ax, size: tuple[float, float]) -> np.ndarray:
    """Returns axes [num_rows, num_columns], of a new figure or the caller's own.

    Args:
        num_rows: rows of panels.
        num_columns: panels in a row.
        ax: the caller's axes, or None for a new figure.
        size: inches of one panel.

    Raises:
        ValueError: the caller's axes are too few or too many.
    """
    import numpy as np

    if ax is None:
        return _own_panels(num_rows, num_columns, size)
    axes = np.atleast_1d(np.asarray(ax, dtype=object))
    if axes.size != num_rows * num_columns:
        raise ValueError(
            f"The rows need {num_rows} × {num_columns} panels (models × parts), but `ax` holds "
            f"{axes.size}; give as many axes, or none, or the rows of one model."
        )
    return axes.reshape(num_rows, num_columns)


def _own_panels(num_rows: int, num_columns: int, size: tuple[float, float]) -> np.ndarray:
    """Axes [num_rows, num_columns] of a new figure; a narrow page breaks its rows into lines."""
    import numpy as np
    from matplotlib.figure import Figure

    page = _page.current()
    abreast = page.abreast(num_columns, size[0])
    lines = math.ceil(num_columns / abreast)
    width = page.width or narrowed(size[0] * num_columns)
    height = page.height or size[1] * num_rows * lines
    figure = Figure(figsize=(width, height), layout="constrained")
    if lines == 1:
        return figure.subplots(num_rows, num_columns, squeeze=False)
    grid = figure.add_gridspec(num_rows * lines, abreast)
    axes = np.empty((num_rows, num_columns), dtype=object)
    for row, column in np.ndindex(num_rows, num_columns):
        line = row * lines + column // abreast
        axes[row, column] = figure.add_subplot(grid[line, column % abreast])
    return axes


def room(axis) -> tuple[float, float]:
    """Inches that a panel has across and up, what stands beside it included."""
    figure = axis.figure
    width = figure.bbox.width / axis.get_figure(root=True).dpi
    height = figure.bbox.height / axis.get_figure(root=True).dpi
    spec = axis.get_subplotspec()
    if spec is None:
        box = axis.get_position()
        return width * box.width, height * box.height
    num_rows, num_columns = spec.get_gridspec().get_geometry()
    return width * len(spec.colspan) / num_columns, height * len(spec.rowspan) / num_rows


def place_of(axis) -> tuple[int, int]:
    """Line and column of a panel; (0, 0) where it stands in no grid."""
    spec = axis.get_subplotspec()
    return (0, 0) if spec is None else (spec.rowspan.start, spec.colspan.start)


def narrowed(width: float) -> float:
    """Returns the inches of a figure's own width: those of a page, where a little less will do.

    >>> narrowed(4.0), narrowed(7.8), narrowed(16.0)
    (4.0, 7.2, 16.0)
    """
    return PAGE if PAGE < width <= PAGE / _page.LEAST else width


def columns(num_models: int, num_parts: int, width: float) -> int:
    """Returns how many panels stand in a line.

    All `num_parts` of a model, if a page holds them; else as many of all models' as it holds.

    >>> columns(1, 2, 2.3), columns(1, 8, 2.3), columns(2, 3, 2.3), columns(6, 1, 2.3)
    (2, 3, 3, 3)

    Args:
        num_models: how many models there are.
        num_parts: panels of a model.
        width: inches of a panel.
    """
    page = _page.current().width or PAGE
    if num_models > 1 and num_parts > 1:
        width *= _page.LEAST
        if num_parts * width <= page:
            return num_parts
    return max(1, min(num_models * num_parts, int(page / width)))


def annotate(axes: np.ndarray, note: str, ax) -> None:
    """Puts the note below a figure of our own; a caller (`ax`) annotates its own `axes`."""
    if ax is None and _page.current().has_note:
        figure = axes.flat[0].figure
        text = wrapped(note, figure.get_figwidth())
        figure.supxlabel(text, fontsize=_page.points(NOTE_SIZE), color="#444444")


def wrapped(note: str, width: float) -> str:
    """Returns a note in lines of a `width` in inches."""
    letters = int(LETTERS_PER_INCH * width * NOTE_SIZE / _page.points(NOTE_SIZE))
    held = note.replace("n = ", f"n{HELD}={HELD}").replace(" %", f"{HELD}%")
    lines = textwrap.wrap(held, width=letters, break_on_hyphens=False)
    return "\n".join(lines).replace(HELD, " ")


def title(axis, *parts: str, **options) -> None:
    """A panel's title from the parts that say something."""
    axis.set_title(" · ".join(part for part in parts if part), **options)


def beside(num_lines: int) -> float:
    """Inches that a legend of so many lines needs beside its panel."""
    return BESIDE if num_lines > MOST_INSIDE else 0.0


def label_lowest(axes: np.ndarray) -> None:
    """Hides the words along x of each of the `axes` that stand below the next one as well."""
    figure = axes.flat[0].figure
    for upper, lower in zip(axes[:-1].flat, axes[1:].flat):
        is_there = lower in figure.axes  # others were removed
        if is_there and _words(upper) == _words(lower):
            upper.tick_params(labelbottom=False)
            upper.set_xlabel("")


def _words(axis) -> list[str]:
    return [label.get_text() for label in axis.get_xticklabels()]


def colour_bar(axes: np.ndarray, image, label: str) -> None:
    """Draws what the colours mean: one bar below all panels, whose range is the same.

    Args:
        axes: the panels.
        image: one of their images.
        label: the quantity, with its unit.
    """
    from matplotlib.ticker import MaxNLocator

    figure = axes.flat[0].figure
    shown = [axis for axis in axes.flat if axis in figure.axes]  # others were removed
    # numbers below a short bar would meet
    shrink = 0.5 if _page.current().is_own else 0.9
    bar = figure.colorbar(image, ax=shown, location="bottom", shrink=shrink, aspect=35, pad=0.01)
    bar.set_label(label)
    bar.locator = MaxNLocator(5, steps=[1, 2, 5, 10])
    bar.update_ticks()
    bar.outline.set_linewidth(0.6)


def legend_of_all(axes: np.ndarray, ax, **options) -> None:
    """Draws one legend for all panels, where it hides nothing.

    It stands above a figure of our own; a caller (`ax`) has it beside the last of its `axes`.
    """
    looks = {}
    for axis in axes.flat:
        for mark, word in zip(*axis.get_legend_handles_labels(), strict=True):
            looks.setdefault(word, mark)
    given = {**LEGEND, **options}
    if ax is None:
        axes.flat[0].figure.legend(
            looks.values(), looks.keys(), loc="outside upper center", **given
        )
    else:
        given |= {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "ncols": 1}
        axes.flat[-1].legend(looks.values(), looks.keys(), **given)


def legend(axis, **options) -> None:
    """Draws a translucent legend where there is something to explain; a long one stands beside."""
    labels = axis.get_legend_handles_labels()[1]
    if not labels:
        return
    if options.get("loc") == "best" and beside(len(labels)):
        options |= {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    axis.legend(**{**LEGEND, **options})
