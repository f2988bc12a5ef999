"""StreetNumbers: digits between clipped neighbours on crops of a real photograph (as in SVHN)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._colours import contrasting
from tangent_bench.tasks._crops import SIX, Region, draw_crop, tiles
from tangent_bench.tasks._files import package_file
from tangent_bench.tasks._glyphs import LICENCE, MONO, SANS, SERIF, fitted
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._warp import rotated

TASK = Task(
    title="StreetNumbers",
    class_names=("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    templates=(
        "a house number with the digit {}",
        "a street number with the {}",
        "a photo of the digit {}",
    ),
    kind="rendered",
    source="DejaVu digits, with clipped neighbours, on crops of scikit-image's motorcycle "
    "photograph, which no other "
    "task uses. Train: Sans and upright Sans Mono; validation: slanted Sans Mono; test: Serif. The "
    "splits' crops come "
    "from tiles of the photograph that are further apart than a crop is wide",
    licence=f"{LICENCE}; photograph CC0 (Middlebury Stereo 2014)",
)
FACES = {"train": SANS + MONO[:2], "val": MONO[2:], "test": SERIF}
NUM_IMAGES = {"train": 2500, "val": 500, "test": 1500}
SIDES = (40, 80)  # of a background crop, pixels of the photograph
CANVAS = 64  # the digits are drawn at twice the size of the image


@lru_cache(maxsize=1)
def _photograph() -> Image.Image:
    return Image.open(package_file("skimage", "data/motorcycle_left.png")).convert("RGB")


def _background(rng: np.random.Generator, own: list[Region]) -> Image.Image:
    box = draw_crop(rng, own, SIDES).box
    return _photograph().resize((CANVAS, CANVAS), Image.Resampling.BILINEAR, box=box)


def _ink(digits: tuple[int, int, int], face: str, rng: np.random.Generator) -> Image.Image:
    """Three digits side by side; the middle one is centred, its neighbours are cut by the edge."""
    height = int(rng.integers(38, 53))
    space = int(rng.integers(2, 7))
    before, centre, after = (fitted(str(digit), face, height) for digit in digits)
    ink = Image.new("L", (CANVAS, CANVAS))
    left = (CANVAS - centre.width) // 2
    top = (CANVAS - height) // 2
    ink.paste(centre, (left, top))
    # Not every street number has a digit on both sides.
    if rng.integers(0, 4):
        ink.paste(before, (left - space - before.width, top))
    if rng.integers(0, 4):
        ink.paste(after, (left + centre.width + space, top))
    shift = (int(rng.integers(-3, 4)), int(rng.integers(-4, 5)))
    return rotated(ink, int(rng.integers(-24, 25)) / 128, 1.0, shift)


def _image(digit: int, face: str, own: list[Region], rng: np.random.Generator) -> np.ndarray:
    picture = _background(rng, own)
    before, after = rng.integers(0, 10, 2).tolist()
    ink = _ink((before, digit, after), face, rng)
    mean = np.asarray(picture.resize((1, 1), Image.Resampling.BOX))[0, 0]
    red, green, blue = mean.tolist()
    picture.paste(contrasting(rng, (red, green, blue), 90), mask=ink)
    return np.asarray(picture.reduce(2))


def load(split: str) -> Images:
    """The images of `split` (2,500, 500 and 1,500).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "street_numbers", split)
    regions = tiles(_photograph().size, SIDES[1] + 1, SIX)
    own = [region for region in regions if region.split == split]
    labels = balanced_labels(NUM_IMAGES[split], 10, rng)
    faces = [FACES[split][i] for i in rng.integers(0, len(FACES[split]), len(labels))]
    images = np.stack([_image(int(label), face, own, rng) for label, face in zip(labels, faces)])
    images = jitter(images, rng, contrast=(44, 72), brightness=20, noise=10)
    return Images(images, labels, np.arange(len(labels)))
