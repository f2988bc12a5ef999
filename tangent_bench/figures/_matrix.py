"""A matrix of numbers as coloured cells, each number written in its cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.figures._page import points

if TYPE_CHECKING:
    import numpy as np


class Scale(NamedTuple):
    """Colours of the numbers from `low` to `high`, and how a number is printed."""

    colours: str
    low: float
    high: float
    spec: str


def matrix(axis, values: np.ndarray, names: tuple[list[str], list[str]], scale: Scale):
    """Draws a matrix, and returns its image; NaN leaves a cell empty.

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
        colour = ink(image.cmap(image.norm(value))[:3])
        number = _number(value, scale.spec)
        axis.text(j, i, number, ha="center", va="center", fontsize=points(6), color=colour)
    axis.set_yticks(range(len(names[0])), names[0])
    axis.set_xticks(range(len(names[1])), names[1], rotation=45, ha="right", rotation_mode="anchor")
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return image


def luminance(colour: Sequence[float]) -> float:
    """Returns the relative luminance of a colour, as WCAG 2 defines it, from 0 to 1.

    Args:
        colour: red, green and blue from 0 to 1, in sRGB.
    """
    red, green, blue = map(_linear, colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


def ink(colour: Sequence[float]) -> str:
    """Returns the ink with the higher contrast on a colour.

    Contrasts are (light + 0.05) / (dark + 0.05), and those of black and white are the same where
    the luminance is √(1.05 · 0.05) − 0.05 = 0.179.

    >>> ink((1.0, 1.0, 0.0)), ink((0.2, 0.2, 0.6))
    ('black', 'white')
    """
    return "black" if (luminance(colour) + 0.05) ** 2 > 1.05 * 0.05 else "white"


def _number(value: float, spec: str) -> str:
    """Returns a number without its leading 0, which takes as much room as a digit.

    >>> _number(-0.013, ".2f"), _number(-0.001, ".2f"), _number(0.4, ".0f")
    ('−.01', '.00', '0')
    """
    text = format(value, spec)
    sign = "−" if float(text) < 0 else ""
    digits = text.lstrip("-")
    return sign + (digits[1:] if digits.startswith("0.") else digits)
