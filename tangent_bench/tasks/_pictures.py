"""Tasks whose classes are pictures: an image is a crop of the picture that its label names."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from tangent_bench.tasks import Images
from tangent_bench.tasks._crops import Region, cut, draw_crop, tiles
from tangent_bench.tasks._labels import balanced_labels

MAX_CELLS = 1000  # of a picture: block = label · MAX_CELLS + number of the cell


class Gallery(NamedTuple):
    """The pictures of a task and how they are cut.

    Attributes:
        pictures: returns one for each class, in the order of the labels; all grey, or all in
            colour.
        sides: bounds of a crop's side in pixels, for each picture.
        order: splits of the tiles that a picture is cut into.
        least_range: least span of grey levels of a crop, for each picture; a crop of bare sky shows
            nothing.
    """

    pictures: Callable[[], tuple[Image.Image, ...]]
    sides: tuple[tuple[int, int], ...]
    order: tuple[tuple[str, ...], ...]
    least_range: tuple[int, ...]

    def own(self, label: int, split: str) -> list[Region]:
        """The regions of picture `label` that belong to `split`."""
        gap = self.sides[label][1] + 1  # wider than a crop: no crop reaches across
        regions = tiles(self.pictures()[label].size, gap, self.order)
        return [region for region in regions if region.split == split]


def _one(
    gallery: Gallery, label: int, split: str, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """A crop of picture `label` that shows something, and the grid cell it lies in."""
    picture = gallery.pictures()[label]
    own = gallery.own(label, split)
    while True:
        crop = draw_crop(rng, own, gallery.sides[label])
        pixels = cut(picture, crop, mirror=bool(rng.integers(0, 2)))
        green = pixels if pixels.ndim == 2 else pixels[..., 1]
        if int(green.max()) - int(green.min()) >= gallery.least_range[label]:
            return pixels, crop.cell(gallery.sides[label][1], picture.width)


def cut_split(gallery: Gallery, split: str, num_images: int, rng: np.random.Generator) -> Images:
    """`num_images` crops of a `split`, equally many of each picture of a `gallery`, drawn by `rng`.

    A block is a cell of a grid as wide as the picture's largest crop.
    """
    labels = balanced_labels(num_images, len(gallery.pictures()), rng)
    crops = []
    cells = []
    for label in labels.tolist():
        pixels, cell = _one(gallery, label, split, rng)
        crops.append(pixels)
        cells.append(cell)
    images = np.stack(crops)
    if images.ndim == 3:  # grey
        images = np.repeat(images[..., None], 3, axis=-1)
    return Images(images, labels, labels * MAX_CELLS + np.array(cells))
