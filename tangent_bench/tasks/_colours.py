"""Colours that can be told apart."""

from __future__ import annotations

import numpy as np

Colour = tuple[int, int, int]


def luma(colour: Colour) -> int:
    """Brightness in [0, 255] as the eye weighs the channels (ITU-R BT.601)."""
    red, green, blue = colour
    return (299 * red + 587 * green + 114 * blue) // 1000


def any_colour(rng: np.random.Generator) -> Colour:
    """A colour that `rng` draws uniformly from the RGB cube."""
    red, green, blue = rng.integers(0, 256, 3).tolist()
    return red, green, blue


def contrasting(rng: np.random.Generator, other: Colour, least: int = 80) -> Colour:
    """A colour, drawn by `rng`, whose luma differs from that of `other` by at least `least`.

    `least` is at most 127, so that such a colour exists.
    """
    assert least <= 127, least
    while True:
        colour = any_colour(rng)
        if abs(luma(colour) - luma(other)) >= least:
            return colour


def near(rng: np.random.Generator, colour: Colour, spread: int = 24) -> Colour:
    """A shade of `colour`, drawn by `rng`: each channel differs by at most `spread`."""
    red, green, blue = np.clip(colour + rng.integers(-spread, spread + 1, 3), 0, 255).tolist()
    return red, green, blue
