"""Greek: the 24 lower-case letters in typefaces that differ by split.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

import numpy as np

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._glyphs import LICENCE, SANS, SERIF
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._lettering import Spread, lettering
from tangent_bench.tasks._photometric import jitter

# fmt: off
LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
    "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ",
    "omicron": "ο", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ",
    "chi": "χ", "psi": "ψ", "omega": "ω",
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
    source="lower-case letters on blurred colours; no family of typefaces is in two splits. Train: "
    "STIX and Computer "
    "Modern; validation: DejaVu Sans; test: DejaVu Serif",
    licence=f"STIX font licence, BaKoMa fonts licence, {LICENCE}",
    block="letter and typeface",
)
# Computer Modern's mathematical italic has a code of its own; CODES are in the order of LETTERS.
MATH = "cmmi10"
CODES = '\xae\xaf\xb0\xb1"\xb3\xb4\xb5\xb6\u2219\xb8\xb9\xba\xbbo\xbc\xbd\xbe\xbf\xc0\xc1\xc2\xc3!'
STIX = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta")
FACES = {"train": (*STIX, MATH), "val": SANS, "test": SERIF}
NUM_IMAGES = {"train": 2400, "val": 504, "test": 1200}
SPREAD = Spread(sizes=(46, 64), lean=32, shift=5)


def _letter(label: int, face: str) -> str:
    """The character by which a typeface draws the letter."""
    return CODES[label] if face == MATH else tuple(LETTERS.values())[label]


def load(split: str) -> Images:
    """The images of `split` (2,400, 504 and 1,200).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "greek", split)
    labels = balanced_labels(NUM_IMAGES[split], len(LETTERS), rng)
    faces = rng.integers(0, len(FACES[split]), len(labels))
    images = []
    for label, number in zip(labels, faces):
        face = FACES[split][number]
        images.append(lettering(_letter(label, face), face, SPREAD, rng))
    pixels = jitter(np.stack(images), rng, contrast=(44, 72), brightness=20, noise=8)
    all_faces = [*FACES["train"], *FACES["val"], *FACES["test"]]
    first = all_faces.index(FACES[split][0])
    return Images(pixels, labels, labels * len(all_faces) + first + faces)
