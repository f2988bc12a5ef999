"""Scripts: the writing system of three letters; no letter occurs in two splits."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import any_colour, contrasting
from tangent_bench.tasks._glyphs import LICENCE, SANS, glyph
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._warp import rotated


def _range(*parts: tuple[int, int]) -> list[str]:
    """The characters from the first to the last code point of each part."""
    characters = []
    for first, last in parts:
        characters += map(chr, range(first, last + 1))
    return characters


# Letters that both faces draw. Of Cyrillic, those that neither Latin nor Greek shares; of Braille,
# those with more than one dot.
LETTERS = {
    "armenian": _range((0x0531, 0x0556), (0x0561, 0x0586)),
    "georgian": _range((0x10D0, 0x10F6)),
    "hebrew": _range((0x05D0, 0x05EA)),
    "arabic": [*_range((0x0627, 0x063A), (0x0641, 0x064A)), *"\u0679\u0686\u0698\u06af"],
    "lao": [
        *"\u0e81\u0e82\u0e84\u0e87\u0e88\u0e8a\u0e8d",
        *_range((0xE94, 0xE97), (0xE99, 0xE9F)),
        *"\u0ea1\u0ea2\u0ea3\u0ea5\u0ea7\u0eaa\u0eab\u0ead\u0eae",
    ],
    "cyrillic": list("бвджзийклфцчшщъыьэюяБДЖЗИЙЛЦЧШЩЪЫЭЮЯЂЄЉЊЋЏђєљњћџѢѣѦѧѪѫѴѵ"),
    "braille": [dots for dots in _range((0x2801, 0x283F)) if (ord(dots) - 0x2800).bit_count() > 1],
    "nko": _range((0x07CA, 0x07E7)),
    "cree": list("ᐁᐃᐅᐊᐯᐱᐳᐸᑌᑎᑐᑕᑫᑭᑯᑲᒉᒋᒍᒐᒣᒥᒧᒪᓀᓂᓄᓇᓓᓕᓗᓚᓭᓯᓱᓴᔦᔨᔪᔭᕃᕆᕈᕋ"),
    "ogham": _range((0x1681, 0x169A)),
}
TASK = Task(
    title="Scripts",
    class_names=tuple(LETTERS),
    templates=(
        "{} letters",
        "letters of the {} alphabet",
        "three {} letters",
        "a photo of {} writing",
    ),
    kind="rendered",
    source="DejaVu Sans and Sans Bold letters, three to an image; a split's letters occur in no "
    "other split (of each "
    "script 60 % train, 15 % validation, 25 % test, at random). Validation and test letters come "
    "in groups of three "
    "that share none, training letters in any three",
    licence=LICENCE,
    block="group of three letters, and typeface",
)
FACES = SANS[:2]
NUM_IMAGES = {"train": 3000, "val": 500, "test": 1500}
NUM_LETTERS = 3  # in an image
SHARES = {"train": (0, 60), "val": (60, 75), "test": (75, 100)}  # of a script's letters, in %
CANVAS = 64  # twice the size of the image


def letters(split: str) -> list[list[str]]:
    """For each class the letters that `split` may use."""
    start, stop = SHARES[split]
    pools = []
    for script, known in LETTERS.items():
        order = generator("tasks", "scripts", "letters", script).permutation(len(known))
        first = len(known) * start // 100
        pools.append([known[i] for i in order[first : len(known) * stop // 100]])
    return pools


def _text(pool: list[str], split: str, rng: np.random.Generator) -> list[str]:
    """Three letters: any for training, else those of one of the groups, which share no letter."""
    if split != "train":
        group = NUM_LETTERS * int(rng.integers(0, len(pool) // NUM_LETTERS))
        pool = pool[group : group + NUM_LETTERS]
    return [pool[i] for i in rng.permutation(len(pool))[:NUM_LETTERS]]


def _word(text: list[str], face: str, rng: np.random.Generator) -> Image.Image:
    """Letters beside each other, centred on the canvas, together at most as wide as it."""
    size = int(rng.integers(28, 41))
    space = int(rng.integers(2, 6))
    room = CANVAS - 4 - space * (len(text) - 1)
    inks = [glyph(letter, face, size) for letter in text]
    wide = sum(ink.width for ink in inks)
    if wide > room:
        inks = [ink.resize((max(1, ink.width * room // wide), ink.height)) for ink in inks]
    wide = sum(ink.width for ink in inks) + space * (len(text) - 1)
    word = Image.new("L", (CANVAS, CANVAS))
    left = (CANVAS - wide) // 2
    for ink in inks:
        word.paste(ink, (left, (CANVAS - ink.height) // 2))
        left += ink.width + space
    return word


def _image(text: list[str], face: str, rng: np.random.Generator) -> np.ndarray:
    shift = (int(rng.integers(-2, 3)), int(rng.integers(-5, 6)))
    word = rotated(_word(text, face, rng), int(rng.integers(-10, 11)) / 128, 1.0, shift)
    paper = any_colour(rng)
    picture = blurry(rng, CANVAS, paper, spread=20)
    picture.paste(contrasting(rng, paper, 100), mask=word)
    return np.asarray(picture.reduce(2))


def load(split: str) -> Images:
    """The images of `split` (3,000, 500 and 1,500).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "scripts", split)
    pools = letters(split)
    labels = balanced_labels(NUM_IMAGES[split], len(LETTERS), rng)
    images = []
    blocks = []
    for label in labels:
        pool = pools[label]
        face = int(rng.integers(0, len(FACES)))
        text = _text(pool, split, rng)
        images.append(_image(text, FACES[face], rng))
        blocks.append(len(FACES) * min(map(ord, text)) + face)
    pixels = jitter(np.stack(images), rng, contrast=(54, 70), brightness=14, noise=8)
    return Images(pixels, labels, np.array(blocks))
