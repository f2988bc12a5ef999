"""Clocks: a face with two hands at a full hour.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import SIDE, Images, Task
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import Colour, any_colour, contrasting, near
from tangent_bench.tasks._glyphs import LICENCE, SANS, glyph
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import blurred, jitter
from tangent_bench.tasks._warp import rotated

# fmt: off
HOURS = (
    "one", "two", "three", "four", "five", "six",
    "seven", "eight", "nine", "ten", "eleven", "twelve",
)
# fmt: on
TASK = Task(
    title="Clocks",
    class_names=tuple(f"{hour} o'clock" for hour in HOURS),
    templates=(
        "a clock showing {}",
        "a clock at {}",
        "a photo of a clock that says {}",
        "a clock face, {}",
    ),
    kind="generated",
    source="drawn faces with an hour hand, a minute hand and, on some, a second hand; tilted by up "
    "to 18 degrees, so "
    "that the angle between the hands tells the hour; the splits differ in their random numbers "
    "only",
    licence=f"MIT (this project); numerals: {LICENCE}",
)
NUM_IMAGES = {"train": 2400, "val": 504, "test": 1200}
CANVAS = 128  # four times the size of the image
MIDDLE = CANVAS // 2
RADIUS = 52  # of the face, in pixels of the canvas
SLANT = math.sqrt(0.75)
UPWARDS = ((0.0, 1.0), (0.5, SLANT), (SLANT, 0.5))  # right and up, at twelve, one and two o'clock


def _direction(hour: int) -> tuple[float, float]:
    """The unit vector (right, down) from the middle to the mark of `hour`."""
    right, up = UPWARDS[hour % 3]
    for _ in range(hour // 3 % 4):  # a quarter turn clockwise each
        right, up = up, -right
    return right, -up


def _hand(
    pen: ImageDraw.ImageDraw,
    way: tuple[float, float],
    span: tuple[int, int],
    width: int,
    ink: Colour,
) -> None:
    """A bar along `way` from span[0] to span[1] pixels off the middle, narrower at its end."""
    x, y = way
    start, stop = span
    corners = []
    for a, b in ((start, width), (stop, width * 0.6), (stop, -width * 0.6), (start, -width)):
        corners.append((round(MIDDLE + x * a - y * b / 2), round(MIDDLE + y * a + x * b / 2)))
    pen.polygon(corners, fill=ink)


def _marks(face: Image.Image, ink: Colour, rng: np.random.Generator) -> None:
    """Nothing, bars, dots or numerals along the rim; at all hours or at every third."""
    pen = ImageDraw.Draw(face)
    kind = int(rng.integers(0, 4))
    step = (1, 3)[rng.integers(0, 2)]
    for hour in range(step, 13, step):
        way = _direction(hour)
        x, y = (round(MIDDLE + (RADIUS - 11) * part) for part in way)
        if kind == 1:
            _hand(pen, way, (RADIUS - 13, RADIUS - 5), 5 if hour % 3 == 0 else 3, ink)
        elif kind == 2:
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=ink)
        elif kind == 3:
            mask = glyph(str(hour), SANS[1], 14 if step == 1 else 20)
            face.paste(ink, (x - mask.width // 2, y - mask.height // 2), mask)


def _clock(hour: int, rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """A clock, "RGB", and its silhouette, "L"."""
    paint = any_colour(rng)
    ink = contrasting(rng, paint, 90)
    rim = any_colour(rng)
    face = Image.new("RGB", (CANVAS, CANVAS))
    silhouette = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(face)
    cutter = ImageDraw.Draw(silhouette)
    edge = MIDDLE - RADIUS - 6
    thick = int(rng.integers(2, 9))
    box = (edge, edge, CANVAS - edge, CANVAS - edge)
    if rng.integers(0, 4):
        pen.ellipse(box, fill=paint, outline=rim, width=thick)
        cutter.ellipse(box, fill=255)
    else:
        pen.rectangle(box, fill=paint, outline=rim, width=thick)
        cutter.rectangle(box, fill=255)
    _marks(face, near(rng, ink, 60), rng)
    _hands(pen, hour, ink, rim, rng)
    return face, silhouette


def _hands(
    pen: ImageDraw.ImageDraw, hour: int, ink: Colour, second: Colour, rng: np.random.Generator
) -> None:
    """The hands of a full hour, and now and then a second hand."""
    tail = int(rng.integers(0, 13))
    width = int(rng.integers(6, 12))
    length = int(rng.integers(22, 31))
    _hand(pen, _direction(hour), (-tail, length), width + int(rng.integers(0, 4)), ink)
    length = int(rng.integers(40, 51))
    _hand(pen, _direction(12), (-tail, length), width - 2, near(rng, ink))
    if rng.integers(0, 4) == 0:
        x, y = rng.integers(-40, 41, 2).tolist()
        base = ((MIDDLE - y // 20, MIDDLE + x // 20), (MIDDLE, MIDDLE))
        pen.polygon(((MIDDLE + x, MIDDLE + y), *base), fill=second)


def _image(hour: int, rng: np.random.Generator) -> np.ndarray:
    turn = int(rng.integers(-42, 43)) / 128
    zoom = int(rng.integers(85, 121)) / 100
    shift = (int(rng.integers(-8, 9)), int(rng.integers(-8, 9)))
    scene = blurry(rng, CANVAS, any_colour(rng), spread=60)
    size = rng.integers(100, CANVAS + 1, 2).tolist()  # seen from aside
    face, silhouette = _clock(hour, rng)
    face = rotated(_squeezed(face, *size), turn, zoom, shift)
    silhouette = rotated(_squeezed(silhouette, *size), turn, zoom, shift)
    scene.paste(face, mask=silhouette)
    return blurred(scene, rng, 24, SIDE)


def _squeezed(image: Image.Image, width: int, height: int) -> Image.Image:
    """The image at another width and height, in the middle of the canvas."""
    left = (width - CANVAS) // 2
    top = (height - CANVAS) // 2
    return image.resize((width, height)).crop((left, top, left + CANVAS, top + CANVAS))


def load(split: str) -> Images:
    """The images of `split` (2,400, 504 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "clocks", split)
    labels = balanced_labels(NUM_IMAGES[split], len(HOURS), rng)
    images = np.stack([_image(int(label) + 1, rng) for label in labels])
    pixels = jitter(images, rng, contrast=(40, 72), brightness=25, noise=10)
    return Images(pixels, labels, np.arange(len(labels)))
