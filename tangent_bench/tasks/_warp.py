"""Affine distortion without trigonometry: the pixels may not depend on a machine's sine."""

from __future__ import annotations

import math

from PIL import Image


def rotated(
    image: Image.Image, tangent: float, zoom: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
):
    """`image` turned about its centre, magnified, then shifted; what comes in from outside is black.

    Args:
        image: mode "L" or "RGB".
        tangent: of the angle, positive clockwise; the angle lies within a right angle.
        zoom: 2.0 makes things twice as large.
        shift: to the right and down, in pixels of `image`.
    """
    cosine = 1.0 / math.sqrt(1.0 + tangent * tangent)
    sine = tangent * cosine
    a, b = cosine / zoom, sine / zoom
    x, y = image.width / 2, image.height / 2
    left, top = x + shift[0], y + shift[1]
    matrix = (a, b, x - a * left - b * top, -b, a, y + b * left - a * top)
    return image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
