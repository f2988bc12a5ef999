"""One letter on a blurred ground."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from PIL import Image

from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import any_colour, contrasting
from tangent_bench.tasks._inks import scaled
from tangent_bench.tasks._warp import rotated

CANVAS = 64  # twice the size of the image


class Spread(NamedTuple):
    """How much letters differ.

    Attributes:
        sizes: bounds of the letter's longer side in pixels of the canvas.
        lean: largest tangent of the angle, in 128ths.
        shift: largest displacement in pixels of the canvas.
    """

    sizes: tuple[int, int]
    lean: int
    shift: int


def lettering(ink_HW: np.ndarray, spread: Spread, rng: np.random.Generator) -> np.ndarray:
    """A letter, of which a sheet has the ink, in the middle but for what `rng` draws.

    It stays within `spread`.
    """
    paper = any_colour(rng)
    picture = blurry(rng, CANVAS, paper)
    smallest, largest = spread.sizes
    mask = scaled(ink_HW, int(rng.integers(smallest, largest + 1)))
    ink = Image.new("L", picture.size)
    ink.paste(mask, ((CANVAS - mask.width) // 2, (CANVAS - mask.height) // 2))
    right = int(rng.integers(-spread.shift, spread.shift + 1))
    down = int(rng.integers(-spread.shift, spread.shift + 1))
    colour = contrasting(rng, paper, 90)
    lean = int(rng.integers(-spread.lean, spread.lean + 1)) / 128
    picture.paste(colour, mask=rotated(ink, lean, 1.0, (right, down)))
    return np.asarray(picture.reduce(2))
