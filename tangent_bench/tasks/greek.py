"""Greek: the 24 lower-case letters in typefaces that differ by split. Of the development world: it chooses settings."""

from __future__ import annotations

import numpy as np

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import any_colour, contrasting
from tangent_bench.tasks._glyphs import LICENCE, SANS, SERIF, glyph
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._warp import rotated

# fmt: off
LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "omicron": "ο", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
}
# fmt: on
TASK = Task(
    title="Greek",
    class_names=tuple(LETTERS),
    templates=(
        "the greek letter {}",
        "a small greek {}",
        "a photo of the letter {}",
        "the letter {} in greek writing",
    ),
    kind="rendered",
    source="lower-case letters on blurred colours; no family of typefaces is in two splits. Train: STIX and Computer "
    "Modern; validation: DejaVu Sans; test: DejaVu Serif",
    licence=f"STIX font licence, BaKoMa fonts licence, {LICENCE}",
    block="letter and typeface",
)
MATH = "cmmi10"  # Computer Modern's mathematical italic has a code of its own: the letters, in the order of LETTERS
CODES = '\xae\xaf\xb0\xb1"\xb3\xb4\xb5\xb6\u2219\xb8\xb9\xba\xbbo\xbc\xbd\xbe\xbf\xc0\xc1\xc2\xc3!'
STIX = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta")
FACES = {"train": (*STIX, MATH), "val": SANS, "test": SERIF}
NUM_IMAGES = {"train": 2400, "val": 504, "test": 1200}
CANVAS = 64  # twice the size of the image


def _image(label: int, face: str, rng: np.random.Generator) -> np.ndarray:
    paper = any_colour(rng)
    letter = CODES[label] if face == MATH else tuple(LETTERS.values())[label]
    picture, mask = blurry(rng, CANVAS, paper), glyph(letter, face, int(rng.integers(46, 65)))
    ink = picture.convert("L").point([0] * 256)
    ink.paste(mask, ((CANVAS - mask.width) // 2, (CANVAS - mask.height) // 2))
    shift = (int(rng.integers(-5, 6)), int(rng.integers(-5, 6)))
    picture.paste(
        contrasting(rng, paper, 90), mask=rotated(ink, int(rng.integers(-32, 33)) / 128, 1.0, shift)
    )
    return np.asarray(picture.reduce(2))


def load(split: str) -> Images:
    """The images of `split` (2,400, 504 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "greek", split)
    labels = balanced_labels(NUM_IMAGES[split], len(LETTERS), rng)
    faces = rng.integers(0, len(FACES[split]), len(labels))
    images = [_image(int(label), FACES[split][face], rng) for label, face in zip(labels, faces)]
    pixels = jitter(np.stack(images), rng, contrast=(44, 72), brightness=20, noise=8)
    every = [face for known in FACES.values() for face in known]
    first = every.index(FACES[split][0])
    return Images(pixels, labels, labels * len(every) + first + faces)
