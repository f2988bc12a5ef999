"""Materials: grey photographs of surfaces (as in DTD), a crop of one of eight."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._crops import SIX
from tangent_bench.tasks._files import package_file
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._pictures import Gallery, cut_split


class Photograph(NamedTuple):
    """A photograph of scikit-image.

    Attributes:
        file: its file.
        sides: bounds of a crop's side in pixels.
        gain: factor of its contrast.
        least_range: as in `Gallery`.
    """

    file: str
    sides: tuple[int, int]
    gain: int = 1
    least_range: int = 0


SOURCES = {
    "a brick wall": Photograph("brick.png", (56, 80), least_range=40),
    "grass": Photograph("grass.png", (56, 80)),
    "gravel": Photograph("gravel.png", (56, 80)),
    "craters on the moon": Photograph("moon.png", (40, 64), gain=2, least_range=40),
    "a page of text": Photograph("page.png", (36, 48), least_range=70),
    "coins": Photograph("coins.png", (44, 60), least_range=90),
    "handwriting": Photograph("text.png", (44, 52), least_range=60),
    "ripples": Photograph("cell.png", (48, 80), gain=5),
}
TASK = Task(
    title="Materials",
    class_names=tuple(SOURCES),
    templates=("{} in grey", "a photo of {} in grey", "a close view of {}", "an image of {}"),
    kind="real",
    source="crops of eight grey scikit-image photographs, one photograph a class (brick, grass, "
    "gravel, moon, page, "
    "coins, text, cell); the splits' tiles of a photograph are further apart than a crop is wide, "
    "so the task asks "
    "for the same photograph elsewhere, not for another photograph of the same material",
    licence="CC0 or public domain (scikit-image's data)",
    block="cell of the photograph, as wide as the largest crop",
)
NUM_IMAGES = {"train": 2400, "val": 504, "test": 1200}


@lru_cache(maxsize=1)
def _photographs() -> tuple[Image.Image, ...]:
    return tuple(_open(source) for source in SOURCES.values())


def _open(source: Photograph) -> Image.Image:
    """The grey photograph, its contrast about its median grey raised by the gain."""
    picture = Image.open(package_file("skimage", f"data/{source.file}")).convert("L")
    if source.gain == 1:
        return picture
    counts = picture.histogram()
    median = 0
    while sum(counts[: median + 1]) * 2 < picture.width * picture.height:
        median += 1
    levels = (np.arange(256) - median) * source.gain + 128
    return picture.point(np.clip(levels, 0, 255).tolist())


GALLERY = Gallery(
    pictures=_photographs,
    sides=tuple(source.sides for source in SOURCES.values()),
    order=SIX,
    least_range=tuple(source.least_range for source in SOURCES.values()),
)


def load(split: str) -> Images:
    """The images of `split` (2,400, 504 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "materials", split)
    crops = cut_split(GALLERY, split, NUM_IMAGES[split], rng)
    pixels = jitter(crops.images, rng, contrast=(28, 72), brightness=40, noise=6)
    return crops._replace(images=pixels)
