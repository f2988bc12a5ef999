"""Counting: one to six things that do not touch.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import Colour, any_colour, contrasting, near
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter

TASK = Task(
    title="Counting",
    class_names=("one", "two", "three", "four", "five", "six"),
    templates=(
        "{} objects",
        "a picture of {} things",
        "{} shapes",
        "{} small shapes on a background",
    ),
    kind="generated",
    source="drawn discs, squares and triangles; the splits differ in their random numbers only",
    licence="MIT (this project)",
)
NUM_IMAGES = {"train": 2400, "val": 504, "test": 1200}
CANVAS = 64  # twice the size of the image


def _places(count: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """Centres and radii of `count` things that keep apart, in pixels of the canvas."""
    while True:
        places: list[tuple[int, int, int]] = []
        for _ in range(60):
            radius = int(rng.integers(5, 9))
            x, y = rng.integers(radius + 1, CANVAS - radius - 1, 2).tolist()
            if all((x - u) ** 2 + (y - v) ** 2 >= (radius + r + 4) ** 2 for u, v, r in places):
                places.append((x, y, radius))
            if len(places) == count:
                return places


def _draw(
    pen: ImageDraw.ImageDraw, shape: int, place: tuple[int, int, int], colour: Colour
) -> None:
    x, y, r = place
    if shape == 0:
        pen.ellipse((x - r, y - r, x + r, y + r), fill=colour)
    elif shape == 1:
        pen.rectangle((x - r + 1, y - r + 1, x + r - 1, y + r - 1), fill=colour)
    else:
        pen.polygon(((x, y - r), (x + r, y + r), (x - r, y + r)), fill=colour)


def _image(count: int, rng: np.random.Generator) -> np.ndarray:
    paper = any_colour(rng)
    picture: Image.Image = blurry(rng, CANVAS, paper, spread=25)
    pen = ImageDraw.Draw(picture)
    colour = contrasting(rng, paper, 100)
    alike = int(rng.integers(0, 2))
    shape = int(rng.integers(0, 3))
    for place in _places(count, rng):
        _draw(pen, shape if alike else int(rng.integers(0, 3)), place, near(rng, colour))
    return np.asarray(picture.reduce(2))


def load(split: str) -> Images:
    """The images of `split` (2,400, 504 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "counting", split)
    labels = balanced_labels(NUM_IMAGES[split], 6, rng)
    images = np.stack([_image(int(label) + 1, rng) for label in labels])
    pixels = jitter(images, rng, contrast=(44, 72), brightness=20, noise=12)
    return Images(pixels, labels, np.arange(len(labels)))
