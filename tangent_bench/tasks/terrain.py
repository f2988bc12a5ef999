"""Terrain: landforms in shaded relief of invented ground, every image a ground of its own."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import SIDE as IMAGE_SIDE
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._colours import any_colour, luma
from tangent_bench.tasks._ground import RISE, SIDE, Country, ground
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._landforms import NAMES, WINDOW, landforms
from tangent_bench.tasks._photometric import jitter

# As captions say it.
WORDS = {"plain": "flat plain", "peak": "mountain peak", "water": "calm water"}
TASK = Task(
    title="Terrain",
    class_names=tuple(WORDS.get(name, name.replace("slope", "steep slope")) for name in NAMES),
    templates=(
        "a {} in shaded relief",
        "a {} in green shaded relief",
        "an image of a {} in grey terrain",
    ),
    kind="generated",
    source="hillshades (light from the north-west) of random ground that running water has cut; "
    "landforms by rules on the heights (_landforms.py); every image is of another ground, the "
    "splits differ in their random numbers only",
    licence="MIT (this project)",
)
NUM_IMAGES = {"train": 2400, "val": 500, "test": 1200}
LIGHT = (-1.0, 1.0, 1.2)  # to the east, to the north, up
BATCH = 160  # pieces of ground at once


# What kind of ground a landform is looked for in. Gullies tell which way a slope falls.
SLOPE = Country(relief=(2, 9), rough=(28, 46), steps=(3, 8))
COUNTRIES = {
    "plain": Country(relief=(0, 2), south=(-4, 4), east=(-4, 4)),
    "slope facing north": SLOPE._replace(south=(30, 120)),
    "slope facing east": SLOPE._replace(east=(-120, -30)),
    "slope facing south": SLOPE._replace(south=(-120, -30)),
    "slope facing west": SLOPE._replace(east=(30, 120)),
    "coast": Country(sea=(35, 65)),
    "water": Country(sea=(60, 95)),
}


class Window(NamedTuple):
    """heights_HW int64 of the cells around a window, and the window's corner in them."""

    heights: np.ndarray
    top: int
    left: int


def hillshade(height_HW: np.ndarray, rise: int) -> np.ndarray:
    """shade_HW uint8 of `height_HW`, in which a slope of 45 degrees rises by `rise` per cell.

    It is n · l of the surface's normal n and the light l, and 0 where the surface is turned away.

    Only + − × ÷ and square roots, so that every machine rounds alike.
    """
    east = np.zeros(height_HW.shape)
    north = np.zeros(height_HW.shape)
    east[:, 1:-1] = (height_HW[:, 2:] - height_HW[:, :-2]) / (2 * rise)
    north[1:-1] = (height_HW[:-2] - height_HW[2:]) / (2 * rise)
    x, y, z = LIGHT
    length = math.sqrt(x * x + y * y + z * z)
    x, y, z = x / length, y / length, z / length
    shade = (z - east * x - north * y) / np.sqrt(1.0 + east * east + north * north)
    return (np.clip(shade, 0.0, 1.0) * 255.0).astype(np.uint8)


def windows(name: str, number: int, rng: np.random.Generator) -> list[Window]:
    """`number` windows that show the landform `name`, each of a ground of its own."""
    found: list[Window] = []
    while len(found) < number:
        heights = ground(rng, BATCH, COUNTRIES.get(name, Country()))
        found += _windows(heights, NAMES.index(name), rng)
    return found[:number]


def _windows(heights_GHW: np.ndarray, label: int, rng: np.random.Generator) -> list[Window]:
    """A window of each piece of ground that shows a landform, where there is one."""
    # The pieces stand below one another; what reaches from one into the next does not count, nor
    # what touches an edge, where the light is not known.
    labels = landforms(heights_GHW.reshape(-1, SIDE), RISE)
    found = []
    for number, heights in enumerate(heights_GHW):
        first = number * SIDE + 1
        own = labels[first : first + SIDE - WINDOW - 1, 1:-1]
        places = np.argwhere(own == label)
        if len(places):
            top, left = places[rng.integers(0, len(places))].tolist()
            found.append(Window(heights, top + 1, left + 1))
    return found


def _image(window: Window, rng: np.random.Generator) -> np.ndarray:
    """The window in a map's two colours, the sea in blue and darker where it is deep."""
    heights, top, left = window
    box = (left, top, left + WINDOW, top + WINDOW)
    darker, lighter = sorted((any_colour(rng), any_colour(rng)), key=luma)
    dark = np.array(darker) // 3
    light = np.array(lighter) // 3 + 170
    shade = _enlarged(hillshade(np.maximum(heights, 0), RISE), box)
    deep = np.clip(255 + heights // 20, 140, 255).astype(np.uint8)
    sea = _enlarged(np.where(heights <= 0, deep, 0).astype(np.uint8), box)
    land = (dark * (255 - shade) + light * shade) // 255
    blue = np.array((40, 90, 170)) + rng.integers(-30, 31, 3)
    return np.where(sea > 90, blue * np.maximum(sea, 140) // 255, land).astype(np.uint8)


def _enlarged(cells_HW: np.ndarray, box: tuple[int, int, int, int]) -> np.ndarray:
    """The cells in a box as pixels of an image, int64 [IMAGE_SIDE, IMAGE_SIDE, 1]."""
    size = (IMAGE_SIDE, IMAGE_SIDE)
    part = Image.fromarray(cells_HW).resize(size, Image.Resampling.BICUBIC, box=box)
    return np.asarray(part).astype(np.int64)[..., None]


def load(split: str) -> Images:
    """The images of `split` (2,400, 500 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "terrain", split)
    labels = balanced_labels(NUM_IMAGES[split], len(NAMES), rng)
    own = []
    for label, name in enumerate(NAMES):
        own.append(iter(windows(name, int((labels == label).sum()), rng)))
    images = np.stack([_image(next(own[label]), rng) for label in labels])
    pixels = jitter(images, rng, contrast=(48, 72), brightness=20, noise=6)
    return Images(pixels, labels, np.arange(len(labels)))
