"""Terrain: landforms in shaded relief of two real elevation models (as in EuroSAT)."""

from __future__ import annotations

import math
from collections.abc import Iterator
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
    kind="rendered",
    source="hillshades (light from the north-west) of the elevation models that matplotlib ships, "
    "jacksboro_fault "
    "and topobathy; landforms by rules on the heights (_landforms.py); the splits' tiles of a "
    "model are further "
    "apart than an image is wide",
    licence="elevation: public domain (USGS and other agencies), as shipped by matplotlib",
    block="square of an elevation model, as wide as an image",
)
NUM_IMAGES = {"train": 2400, "val": 500, "test": 1200}
# The split of each tile, as on the map; the orders give each split every landform.
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


class ElevationModel(NamedTuple):
    """An elevation model in pictures.

    Attributes:
        shade: hillshade, grey.
        sea: depth of the sea, grey; 0 on land.
        labels: landform of the window at each corner, as `landforms`.
        tiles: the parts of the splits.
    """

    shade: Image.Image
    sea: Image.Image
    labels: np.ndarray
    tiles: list[Region]


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


@lru_cache(maxsize=1)
def models() -> tuple[ElevationModel, ...]:
    """Both elevation models; the sea is level in the pictures, but darker where it is deep."""
    ready = []
    for height, rise, order in ((jacksboro(), 400, JACKSBORO), (salish_sea(), 2000, SALISH_SEA)):
        shade = Image.fromarray(hillshade(np.maximum(height, 0), rise))
        deep = np.clip(255 + height // 60, 140, 255).astype(np.uint8)
        sea = Image.fromarray(np.where(height <= 0, deep, 0).astype(np.uint8))
        regions = tiles(shade.size, WINDOW + 1, order)
        ready.append(ElevationModel(shade, sea, landforms(height, rise), regions))
    return tuple(ready)


@lru_cache(maxsize=3)
def _corners(split: str) -> tuple[list[tuple[int, Crop]], ...]:
    """For each class all its windows in the split: number of the model, and the window."""
    corners: tuple[list[tuple[int, Crop]], ...] = tuple([] for _ in NAMES)
    for number, model in enumerate(models()):
        for region in model.tiles:
            if region.split == split:
                for label, crop in _windows(model, region):
                    corners[label].append((number, crop))
    return corners


def _windows(model: ElevationModel, region: Region) -> Iterator[tuple[int, Crop]]:
    """The label and the place of each window inside a region that shows a landform."""
    rows = slice(region.top, region.bottom - WINDOW + 1)
    columns = slice(region.left, region.right - WINDOW + 1)
    labels = model.labels[rows, columns]
    for y, x in np.argwhere(labels >= 0).tolist():
        yield labels[y, x], Crop(region.left + x, region.top + y, WINDOW)


def _image(model: ElevationModel, crop: Crop, rng: np.random.Generator) -> np.ndarray:
    """The window in a map's two colours, the sea in blue."""
    darker, lighter = sorted((any_colour(rng), any_colour(rng)), key=luma)
    dark = np.array(darker) // 3
    light = np.array(lighter) // 3 + 170
    shade = cut(model.shade, crop).astype(np.int64)[..., None]
    sea = cut(model.sea, crop).astype(np.int64)[..., None]
    land = (dark * (255 - shade) + light * shade) // 255
    blue = np.array((40, 90, 170)) + rng.integers(-30, 31, 3)
    return np.where(sea > 90, blue * np.maximum(sea, 140) // 255, land).astype(np.uint8)


def load(split: str) -> Images:
    """The images of `split` (2,400, 500 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "terrain", split)
    labels = balanced_labels(NUM_IMAGES[split], len(NAMES), rng)
    corners = _corners(split)
    images = []
    blocks = []
    for label in labels:
        windows = corners[label]
        number, crop = windows[rng.integers(0, len(windows))]
        model = models()[number]
        images.append(_image(model, crop, rng))
        blocks.append(1000 * number + crop.cell(WINDOW, model.shade.width))
    pixels = jitter(np.stack(images), rng, contrast=(48, 72), brightness=20, noise=6)
    return Images(pixels, labels, np.array(blocks, dtype=np.int64))
