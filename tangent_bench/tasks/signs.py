"""Signs: the shape and the colour of a plate under a letter.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

import string

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import Colour, any_colour, near
from tangent_bench.tasks._glyphs import LICENCE, SANS, fitted
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._warp import rotated

# Corners in pixels of the canvas; a circle has none.
SHAPES: dict[str, tuple[tuple[int, int], ...]] = {
    "circle": (),
    "square": ((12, 12), (52, 12), (52, 52), (12, 52)),
    "triangle": ((32, 8), (57, 52), (7, 52)),
    "hexagon": ((32, 7), (54, 19), (54, 45), (32, 57), (10, 45), (10, 19)),
}
COLOURS: dict[str, Colour] = {
    "red": (200, 40, 40),
    "yellow": (225, 200, 50),
    "green": (40, 150, 60),
    "blue": (40, 70, 200),
}
TASK = Task(
    title="Signs",
    class_names=tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS),
    templates=("a {}", "a {} sign", "a photo of a {}", "a letter on a {}"),
    kind="generated",
    source="drawn plates under DejaVu Sans letters; the splits differ in their random numbers only",
    licence=LICENCE,
)
NUM_IMAGES = {"train": 2400, "val": 512, "test": 1200}
CANVAS = 64  # twice the size of the image


def _silhouette(shape: str) -> Image.Image:
    image = Image.new("L", (CANVAS, CANVAS))
    if SHAPES[shape]:
        ImageDraw.Draw(image).polygon(SHAPES[shape], fill=255)
    else:
        ImageDraw.Draw(image).ellipse((9, 9, 55, 55), fill=255)
    return image


def _image(sign: tuple[str, str], rng: np.random.Generator) -> np.ndarray:
    shape, colour = sign
    turn = int(rng.integers(-50, 51)) / 128
    zoom = int(rng.integers(60, 125)) / 100
    shift = (int(rng.integers(-6, 7)), int(rng.integers(-6, 7)))
    plate = Image.new("RGB", (CANVAS, CANVAS), near(rng, COLOURS[colour], 40))
    text = string.ascii_uppercase[rng.integers(0, 26)]
    face = SANS[rng.integers(0, 4)]
    letter = fitted(text, face, int(rng.integers(14, 31)))
    corner = ((CANVAS - letter.width) // 2, (CANVAS - letter.height) // 2)
    plate.paste(any_colour(rng), corner, letter)
    scene = blurry(rng, CANVAS, any_colour(rng), spread=60)
    silhouette = rotated(_silhouette(shape), turn, zoom, shift)
    scene.paste(rotated(plate, turn, zoom, shift), mask=silhouette)
    return np.asarray(scene.reduce(2))


def load(split: str) -> Images:
    """The images of `split` (2,400, 512 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "signs", split)
    signs = [(shape, colour) for shape in SHAPES for colour in COLOURS]
    labels = balanced_labels(NUM_IMAGES[split], len(signs), rng)
    images = np.stack([_image(signs[label], rng) for label in labels])
    pixels = jitter(images, rng, contrast=(36, 64), brightness=25, noise=12)
    return Images(pixels, labels, np.arange(len(labels)))
