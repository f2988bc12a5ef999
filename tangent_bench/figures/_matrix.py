"""A matrix of numbers as coloured cells, each number written in its cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

CELL = 0.28  # inches of one cell


class Scale(NamedTuple):
    """Colours of the numbers from `low` to `high`, and how a number is printed."""

    colours: str
    low: float
    high: float
    spec: str


def matrix(axis, values: np.ndarray, names: tuple[list[str], list[str]], scale: Scale) -> None:
    """Draws a matrix; NaN leaves a cell empty.

    Args:
        axis: where it is drawn.
        values: [rows, columns].
        names: of the rows, of the columns.
        scale: colours and format of the numbers.
    """
    import numpy as np

    image = axis.imshow(values, cmap=scale.colours, vmin=scale.low, vmax=scale.high, aspect="equal")
    for (i, j), value in np.ndenumerate(values):
        if np.isnan(value):
            continue
        red, green, blue, _ = image.cmap(image.norm(value))
        ink = "black" if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"
        axis.text(j, i, _number(value, scale.spec), ha="center", va="center", fontsize=6, color=ink)
    axis.set_yticks(range(len(names[0])), names[0])
    axis.set_xticks(range(len(names[1])), names[1], rotation=45, ha="right", rotation_mode="anchor")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)


def _number(value: float, spec: str) -> str:
    text = format(value, spec)
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")
