"""Icons in colour, on plates or on blurred grounds."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import SIDE, Images
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import Colour, any_colour, contrasting
from tangent_bench.tasks._inks import scaled
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import blurred, jitter
from tangent_bench.tasks._warp import rotated
from tangent_bench.typefaces import glyphs, icon_parts
from tangent_bench.typefaces.parts import GlyphPart

CANVAS = 64  # twice the size of the image
PLATES = ("none", "none", "round", "square")
NUM_TRAIN = 3000
PER_UNIT = 2  # images of a unit in validation and test
SOURCE = (
    "icons of Material Design, Font Awesome, Phosphor, Remix, Elusive and Codicons (sheets in "
    "tangent_bench/typefaces), drawn in colour on plates and blurred grounds; "
)
LICENCE = "Apache 2.0, OFL 1.1, MIT and CC BY 4.0, by designer (typefaces/assets/LICENCES.md)"


def load_icons(task: str, module: str, split: str) -> Images:
    """The images of a `split` of a `task` that `icon_parts` knows.

    Training images show each class equally often, and its units at random. In validation and test
    each unit has PER_UNIT images, and is a block.

    Args:
        task: "icons", "pictograms" or "badges".
        module: `__name__` of the task's module, for the error.
        split: the split.

    Raises:
        ValueError: an unknown split.
    """
    check_split(module, split)
    part = icon_parts.part(task, split)
    num_classes = len(icon_parts.classes(task))
    return draw_icons(part, num_classes, split, generator("tasks", task, split))


def draw_icons(part: GlyphPart, num_classes: int, split: str, rng: np.random.Generator) -> Images:
    """Images of a `part` of the icons, as `rng` draws them and as `load_icons` says."""
    if split == "train":
        chosen = _balanced(part, num_classes, rng)
    else:
        chosen = _each_unit(part, rng)
    inks = glyphs("icons").inks[part.rows[chosen]]
    images = np.stack([picture(ink, rng) for ink in inks])
    images = jitter(images, rng, contrast=(44, 72), brightness=20, noise=6)
    return Images(images, part.labels[chosen], part.units[chosen])


def _balanced(part: GlyphPart, num_classes: int, rng: np.random.Generator) -> np.ndarray:
    """Places in `part`, every class equally often and in it every unit."""
    chosen = []
    for label in balanced_labels(NUM_TRAIN, num_classes, rng):
        units = np.unique(part.units[part.labels == label])
        unit = units[rng.integers(0, len(units))]
        chosen.append(rng.choice(np.flatnonzero(part.units == unit)))
    return np.array(chosen)


def _each_unit(part: GlyphPart, rng: np.random.Generator) -> np.ndarray:
    """Places in `part`, PER_UNIT of every unit, in a random order; of variants different ones."""
    chosen = []
    for unit in np.unique(part.units):
        places = rng.permutation(np.flatnonzero(part.units == unit))
        chosen += [places[number % len(places)] for number in range(PER_UNIT)]
    return rng.permutation(np.array(chosen))


def picture(ink_HW: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ink of an icon in a colour on a ground, as `rng` draws them: uint8 [SIDE, SIDE, 3]."""
    ground = any_colour(rng)
    scene = blurry(rng, CANVAS, ground, spread=int(rng.integers(5, 41)))
    plate = PLATES[rng.integers(0, len(PLATES))]
    turn = int(rng.integers(-20, 21)) / 128
    shift = (int(rng.integers(-3, 4)), int(rng.integers(-3, 4)))
    under = ground
    longer = int(rng.integers(46, 59))
    if plate != "none":
        under = contrasting(rng, ground, 40)
        scene.paste(under, mask=rotated(_silhouette(plate), turn, 1.0, shift))
        longer = int(rng.integers(38, 47))
    scene.paste(_ink_colour(rng, under), mask=rotated(_centred(ink_HW, longer), turn, 1.0, shift))
    return blurred(scene, rng, 29, SIDE)


def _ink_colour(rng: np.random.Generator, under: Colour) -> Colour:
    """A colour that stands out from what is `under` it."""
    return contrasting(rng, under, 100)


def _centred(ink_HW: np.ndarray, longer: int) -> Image.Image:
    ink = scaled(ink_HW, longer)
    canvas = Image.new("L", (CANVAS, CANVAS))
    canvas.paste(ink, ((CANVAS - ink.width) // 2, (CANVAS - ink.height) // 2))
    return canvas


def _silhouette(plate: str) -> Image.Image:
    """A plate that nearly fills the canvas."""
    silhouette = Image.new("L", (CANVAS, CANVAS))
    pen = ImageDraw.Draw(silhouette)
    if plate == "round":
        pen.ellipse((1, 1, CANVAS - 2, CANVAS - 2), fill=255)
    else:
        pen.rounded_rectangle((4, 4, CANVAS - 5, CANVAS - 5), radius=8, fill=255)
    return silhouette
