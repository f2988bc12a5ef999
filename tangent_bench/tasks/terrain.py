"""Terrain: shaded relief of two real elevation models; which landform is in the middle? (as in EuroSAT)"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._colours import any_colour, luma
from tangent_bench.tasks._crops import Crop, Region, cut, tiles
from tangent_bench.tasks._elevation import jacksboro, salish_sea
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._landforms import NAMES, WINDOW, landforms
from tangent_bench.tasks._photometric import jitter

WORDS = {
    "plain": "flat plain",
    "peak": "mountain peak",
    "water": "calm water",
}  # as captions say it
TASK = Task(
    title="Terrain",
    class_names=tuple(WORDS.get(name, name.replace("slope", "steep slope")) for name in NAMES),
    templates=(
        "a {} in shaded relief",
        "a {} in green shaded relief",
        "an image of a {} in grey terrain",
    ),
    kind="rendered",
    source="hillshades (light from the north-west) of the elevation models that matplotlib ships, jacksboro_fault "
    "and topobathy; landforms by rules on the heights (_landforms.py); the splits' tiles of a model are further "
    "apart than an image is wide",
    licence="elevation: public domain (USGS and other agencies), as shipped by matplotlib",
    block="square of an elevation model, as wide as an image",
)
NUM_IMAGES = {"train": 2400, "val": 500, "test": 1200}
# The split of each tile of a model as one looks at the map; such that each split has every landform.
JACKSBORO = (
    ("train", "test", "train", "val"),
    ("test", "val", "train", "train"),
    ("train", "test", "train", "test"),
)
SALISH_SEA = (
    ("train", "test", "train", "val"),
    ("test", "train", "val", "train"),
    ("train", "test", "train", "test"),
)
LIGHT = (-1.0, 1.0, 1.2)  # to the east, to the north, up


class Model(NamedTuple):
    """An elevation model made ready: shade and sea (grey pictures), the label of each window's corner, its tiles."""

    shade: Image.Image
    sea: Image.Image
    labels: np.ndarray
    tiles: list[Region]


def hillshade(height_HW: np.ndarray, rise: int) -> np.ndarray:
    """shade_HW uint8: n · l of the surface's normal n and the light l, 0 where it is turned away.

    Only + − × ÷ and square roots, so that every machine rounds alike.
    """
    east, north = np.zeros(height_HW.shape), np.zeros(height_HW.shape)
    east[:, 1:-1] = (height_HW[:, 2:] - height_HW[:, :-2]) / (2 * rise)
    north[1:-1] = (height_HW[:-2] - height_HW[2:]) / (2 * rise)
    x, y, z = (v / math.sqrt(sum(w * w for w in LIGHT)) for v in LIGHT)
    shade = (z - east * x - north * y) / np.sqrt(1.0 + east * east + north * north)
    return (np.clip(shade, 0.0, 1.0) * 255.0).astype(np.uint8)


@lru_cache(maxsize=1)
def models() -> tuple[Model, ...]:
    """Both elevation models; the sea is level in the pictures, but darker where it is deep."""
    ready = []
    for height, rise, order in ((jacksboro(), 400, JACKSBORO), (salish_sea(), 2000, SALISH_SEA)):
        shade = Image.fromarray(hillshade(np.maximum(height, 0), rise))
        deep = np.clip(255 + height // 60, 140, 255).astype(np.uint8)
        sea = Image.fromarray(np.where(height <= 0, deep, 0).astype(np.uint8))
        ready.append(
            Model(shade, sea, landforms(height, rise), tiles(shade.size, WINDOW + 1, order))
        )
    return tuple(ready)


@lru_cache(maxsize=3)
def _corners(split: str) -> tuple[list[tuple[int, Crop]], ...]:
    """For each class all its windows in the split: number of the model, and the window."""
    found: tuple[list[tuple[int, Crop]], ...] = tuple([] for _ in NAMES)
    for number, model in enumerate(models()):
        for region in model.tiles:
            if region.split == split:
                inside = model.labels[
                    region.top : region.bottom - WINDOW + 1, region.left : region.right - WINDOW + 1
                ]
                for y, x in zip(*np.nonzero(inside >= 0)):
                    crop = Crop(region.left + int(x), region.top + int(y), WINDOW)
                    found[inside[y, x]].append((number, crop))
    return found


def _image(model: Model, crop: Crop, rng: np.random.Generator) -> np.ndarray:
    """The window in a map's two colours, the sea in blue."""
    dark, light = sorted((any_colour(rng), any_colour(rng)), key=luma)
    dark, light = tuple(v // 3 for v in dark), tuple(170 + v // 3 for v in light)
    shade, sea = (
        cut(picture, crop).astype(np.int64)[..., None] for picture in (model.shade, model.sea)
    )
    land = (np.array(dark) * (255 - shade) + np.array(light) * shade) // 255
    blue = np.array((40, 90, 170)) + rng.integers(-30, 31, 3)
    return np.where(sea > 90, blue * np.maximum(sea, 140) // 255, land).astype(np.uint8)


def load(split: str) -> Images:
    """The images of `split` (2,400, 500 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "terrain", split)
    labels, found = balanced_labels(NUM_IMAGES[split], len(NAMES), rng), _corners(split)
    images, blocks = [], []
    for label in labels:
        number, crop = found[label][rng.integers(0, len(found[label]))]
        model = models()[number]
        images.append(_image(model, crop, rng))
        blocks.append(1000 * number + crop.cell(WINDOW, model.shade.width))
    pixels = jitter(np.stack(images), rng, contrast=(48, 72), brightness=20, noise=6)
    return Images(pixels, labels, np.array(blocks, dtype=np.int64))
