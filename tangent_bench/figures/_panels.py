"""Panels of a figure: a row for each model, and one note about n, seeds and intervals."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

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
    from matplotlib.figure import Figure

    if ax is None:
        figure = Figure(figsize=(size[0] * num_columns, size[1] * num_rows), layout="constrained")
        return figure.subplots(num_rows, num_columns, squeeze=False)
    axes = np.atleast_1d(np.asarray(ax, dtype=object))
    if axes.size != num_rows * num_columns:
        raise ValueError(
            f"The rows need {num_rows} × {num_columns} panels (models × parts), but `ax` holds "
            f"{axes.size}; give as many axes, or none, or the rows of one model."
        )
    return axes.reshape(num_rows, num_columns)


def columns(num_models: int, num_parts: int, width: float) -> int:
    """Returns how many panels stand in a line.

    All `num_parts` of a model; with `num_models` 1, as many of them as a page holds.

    >>> columns(1, 2, 2.3), columns(1, 8, 2.3), columns(2, 8, 2.3)
    (2, 3, 8)

    Args:
        num_models: how many models there are.
        num_parts: panels of a model.
        width: inches of a panel.
    """
    return num_parts if num_models > 1 else max(1, min(num_parts, int(PAGE / width)))


def annotate(axes: np.ndarray, note: str, ax) -> None:
    """Puts the note below a figure of our own; a caller (`ax`) annotates its own `axes`."""
    if ax is None:
        figure = axes.flat[0].figure
        width = int(LETTERS_PER_INCH * figure.get_figwidth())
        held = note.replace("n = ", f"n{HELD}={HELD}").replace(" %", f"{HELD}%")
        lines = textwrap.wrap(held, width=width, break_on_hyphens=False)
        text = "\n".join(lines).replace(HELD, " ")
        figure.supxlabel(text, fontsize=NOTE_SIZE, color="#444444")


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
    bar = figure.colorbar(image, ax=shown, location="bottom", shrink=0.5, aspect=35, pad=0.01)
    bar.set_label(label)
    bar.locator = MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])
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
