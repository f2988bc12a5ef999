"""Affine distortion without trigonometry: the pixels may not depend on a machine's sine."""

from __future__ import annotations

import math

from PIL import Image


def rotated(
    image: Image.Image, tangent: float, zoom: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> Image.Image:
    """`image` turned about its centre, magnified, then shifted; new pixels at its edges are black.

    Args:
        image: mode "L" or "RGB".
        tangent: tangent of the angle, positive clockwise; the angle is less than a right angle.
        zoom: 2.0 makes things twice as large.
        shift: to the right and down, in pixels of `image`.
    """
    cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
    sine = tangent * cosine
    a = cosine / zoom
    b = sine / zoom
    x = image.width / 2
    y = image.height / 2
    left = x + shift[0]
    top = y + shift[1]
    matrix = (a, b, x - a * left - b * top, -b, a, y + b * left - a * top)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
