"""Panels of a figure: a row for each model, and one note about n, seeds and intervals."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

NOTE_SIZE = 6.5  # points
LETTERS_PER_INCH = 17  # of the note
ABREAST = 4  # panels in a line that can still be read on a page
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


def columns(num_models: int, num_parts: int) -> int:
    """Returns how many panels stand in a line.

    All `num_parts` of a model; with `num_models` 1, as many of them as can be read.

    >>> columns(1, 3), columns(1, 8), columns(2, 8)
    (3, 4, 8)
    """
    return num_parts if num_models > 1 else min(num_parts, ABREAST)


def annotate(axes: np.ndarray, note: str, ax) -> None:
    """Puts the note below a figure of our own; a caller (`ax`) annotates its own `axes`."""
    if ax is None:
        figure = axes.flat[0].figure
        width = int(LETTERS_PER_INCH * figure.get_figwidth())
        lines = textwrap.wrap(note, width=width, break_on_hyphens=False)
        figure.supxlabel("\n".join(lines), fontsize=NOTE_SIZE, color="#444444")


def title(axis, *parts: str, **options) -> None:
    """A panel's title from the parts that say something."""
    axis.set_title(" · ".join(part for part in parts if part), **options)


def beside(num_lines: int) -> float:
    """Inches that a legend of so many lines needs beside its panel."""
    return BESIDE if num_lines > MOST_INSIDE else 0.0


def legend(axis, **options) -> None:
    """Draws a translucent legend where there is something to explain; a long one stands beside."""
    labels = axis.get_legend_handles_labels()[1]
    if not labels:
        return
    if options.get("loc") == "best" and beside(len(labels)):
        options |= {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    axis.legend(**{**LEGEND, **options})
