"""Symbols: pictograms of a typeface on coloured sign plates (as in GTSRB)."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import SIDE, Images, Task
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import Colour, any_colour, contrasting, near
from tangent_bench.tasks._glyphs import LICENCE, MONO, SANS, fitted
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import blurred, jitter
from tangent_bench.tasks._warp import rotated

# fmt: off
SYMBOLS = {
    "sun": "☀", "cloud": "☁", "umbrella": "☂", "snowman": "☃", "star": "★", "telephone": "☎",
    "cup": "☕", "skull": "☠", "radioactive": "☢", "peace": "☮", "yin yang": "☯",
    "smiling face": "☻", "crescent moon": "☾", "king": "♚", "rook": "♜", "knight": "♞",
    "spade": "♠", "heart": "♥", "diamond": "♦", "club": "♣", "music note": "♫", "recycling": "♻",
    "wheelchair": "♿", "flag": "⚑", "anchor": "⚓", "gear": "⚙", "lightning": "⚡",
    "scissors": "✂", "plane": "✈", "envelope": "✉", "check mark": "✔", "snowflake": "❄",
}
# fmt: on
TASK = Task(
    title="Symbols",
    class_names=tuple(SYMBOLS),
    templates=(
        "a {}",
        "a {} on a round sign",
        "a {} on a square sign",
        "a photo of a {} on a diamond sign",
    ),
    kind="rendered",
    source="DejaVu symbols (U+2600 to U+27BE) on drawn plates. Train and validation: Sans and Sans "
    "Bold (whose symbols "
    "are alike); test: Sans Mono and Sans Mono Bold, which draw most of them anew but alike",
    licence=LICENCE,
)
FACES = {"train": SANS[:2], "val": SANS[:2], "test": MONO[:2]}
NUM_IMAGES = {"train": 3000, "val": 512, "test": 1504}
CANVAS = 64  # twice the size of the image
PLATES = {  # corners in pixels of the canvas, and the glyph's size and centre on the plate
    "round": (None, 40, (32, 32)),
    "square": (((5, 5), (59, 5), (59, 59), (5, 59)), 48, (32, 32)),
    "triangle": (((32, 2), (63, 58), (1, 58)), 32, (32, 41)),
    "diamond": (((32, 0), (64, 32), (32, 64), (0, 32)), 36, (32, 32)),
}
PAINTS: tuple[Colour, ...] = (
    (200, 30, 30),
    (30, 70, 180),
    (240, 200, 30),
    (240, 240, 240),
    (30, 130, 60),
    (240, 130, 20),
    (120, 70, 40),
)


def _plate(shape: str, fill: Colour, rim: Colour) -> tuple[Image.Image, Image.Image]:
    """A plate, "RGB", and its silhouette, "L"."""
    corners = PLATES[shape][0]
    plate = Image.new("RGB", (CANVAS, CANVAS))
    silhouette = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(plate)
    cutter = ImageDraw.Draw(silhouette)
    if corners is None:
        pen.ellipse((3, 3, 60, 60), fill=fill, outline=rim, width=4)
        cutter.ellipse((3, 3, 60, 60), fill=255)
    else:
        pen.polygon(corners, fill=fill, outline=rim, width=4)
        cutter.polygon(corners, fill=255)
    return plate, silhouette


def _sign(symbol: str, face: str, rng: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """A plate with its symbol, and its silhouette."""
    shape = list(PLATES)[rng.integers(0, len(PLATES))]
    fill = near(rng, PAINTS[rng.integers(0, len(PAINTS))])
    ink = contrasting(rng, fill, 120)
    plate, silhouette = _plate(shape, fill, ink if rng.integers(0, 2) else fill)
    _, size, (x, y) = PLATES[shape]
    mask = fitted(symbol, face, size + int(rng.integers(-2, 4)))
    plate.paste(ink, (x - mask.width // 2, y - mask.height // 2), mask)
    return plate, silhouette


def _image(symbol: str, face: str, rng: np.random.Generator) -> np.ndarray:
    plate, silhouette = _sign(symbol, face, rng)
    turn = int(rng.integers(-20, 21)) / 128
    zoom = int(rng.integers(98, 122)) / 100
    shift = (int(rng.integers(-4, 5)), int(rng.integers(-4, 5)))
    scene = blurry(rng, CANVAS, any_colour(rng))
    scene.paste(rotated(plate, turn, zoom, shift), mask=rotated(silhouette, turn, zoom, shift))
    if rng.integers(0, 6) == 0:  # something stands before a corner of the sign
        left, top = rng.choice((-44, 44), 2).tolist()
        scene.paste(any_colour(rng), (left, top, left + CANVAS, top + CANVAS))
    return blurred(scene, rng, 27, SIDE)


def load(split: str) -> Images:
    """The images of `split` (3,000, 512 and 1,504).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "symbols", split)
    labels = balanced_labels(NUM_IMAGES[split], len(SYMBOLS), rng)
    symbols = tuple(SYMBOLS.values())
    faces = [FACES[split][i] for i in rng.integers(0, len(FACES[split]), len(labels))]
    images = np.stack([_image(symbols[label], face, rng) for label, face in zip(labels, faces)])
    images = jitter(images, rng, contrast=(40, 72), brightness=25, noise=8)
    return Images(images, labels, np.arange(len(labels)))
