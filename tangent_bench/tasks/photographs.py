"""Photographs: which of ten colour pictures is this a crop of?"""

from __future__ import annotations

from functools import lru_cache

from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._crops import TWELVE
from tangent_bench.tasks._files import package_file
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._pictures import Gallery, cut_split

SOURCES = {  # class name: package, file
    "face of a cat": ("skimage", "data/chelsea.png"),
    "cup of coffee": ("skimage", "data/coffee.png"),
    "rocket on its launch pad": ("skimage", "data/rocket.jpg"),
    "medical image of a retina": ("skimage", "data/retina.jpg"),
    "microscope image of stained tissue": ("skimage", "data/ihc.png"),
    "galaxies in deep space": ("skimage", "data/hubble_deep_field.jpg"),
    "temple with a curved roof": ("sklearn", "datasets/images/china.jpg"),
    "flower with leaves": ("sklearn", "datasets/images/flower.jpg"),
    "astronaut in a space suit": ("skimage", "data/astronaut.png"),
    "portrait of an officer in uniform": ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
}
TASK = Task(
    title="Photographs",
    class_names=tuple(SOURCES),
    templates=(
        "a photo of a {}",
        "a close view of a {}",
        "a blurry photo of a {} in dim light",
        "a {}",
    ),
    kind="real",
    source="crops of ten colour photographs of scikit-image, scikit-learn and matplotlib: the "
    "identification of a "
    "picture from a crop, not the recognition of a kind of object. Train, validation and test "
    "crops come from tiles "
    "of the same picture that are further apart than a crop is wide",
    licence="CC0 or public domain; temple and flower CC BY 2.0 (danielbuechele, vultilion)",
    block="cell of the picture, as wide as the largest crop",
)
NUM_IMAGES = {"train": 2400, "val": 500, "test": 1200}
SIDES = (48, 66)  # of a crop, pixels of a picture whose longer side is LONGER
LONGER = 640
LEAST_RANGE = 40  # grey levels


def _open(package: str, file: str) -> Image.Image:
    picture = Image.open(package_file(package, file)).convert("RGB")
    width, height = picture.size
    size = (width * LONGER // max(width, height), height * LONGER // max(width, height))
    return picture.resize(size, Image.Resampling.BICUBIC)


@lru_cache(maxsize=1)
def _photographs() -> tuple[Image.Image, ...]:
    return tuple(_open(package, file) for package, file in SOURCES.values())


GALLERY = Gallery(
    pictures=_photographs,
    sides=(SIDES,) * len(SOURCES),
    order=TWELVE,
    least_range=(LEAST_RANGE,) * len(SOURCES),
)


def load(split: str) -> Images:
    """The images of `split` (2,400, 500 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "photographs", split)
    crops = cut_split(GALLERY, split, NUM_IMAGES[split], rng)
    pixels = jitter(crops.images, rng, contrast=(52, 76), brightness=20, noise=4)
    return crops._replace(images=pixels)
