"""Scripts: the writing system of one to three letters, in typefaces that differ by split."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from PIL import Image

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._backgrounds import blurry
from tangent_bench.tasks._colours import any_colour, contrasting
from tangent_bench.tasks._inks import scaled
from tangent_bench.tasks._labels import balanced_labels
from tangent_bench.tasks._photometric import jitter
from tangent_bench.tasks._warp import rotated
from tangent_bench.typefaces import glyphs, letter_parts

TASK = Task(
    title="Scripts",
    class_names=tuple(letter_parts.SCRIPTS),
    templates=(
        "{} letters",
        "letters of the {} alphabet",
        "some {} letters",
        "a photo of {} writing",
    ),
    kind="rendered",
    source="letters of fourteen writing systems in 83 typefaces (sheets in "
    "tangent_bench/typefaces), one to three to an image; a typeface is in one split of its writing "
    "system only. Validation and test letters come in groups that share none, training letters in "
    "any three",
    licence="OFL 1.1 and the DejaVu licence, by typeface (typefaces/assets/LICENCES.md)",
    block="group of one to three letters of a typeface",
)
NUM_TRAIN = 3000
PER_GROUP = 2  # images of a group in validation and test
SIZES = (1, 2, 1, 3)  # of the groups, one after the other
LONGER = {1: (34, 47), 2: (28, 37), 3: (22, 31)}  # side of a letter in pixels of the canvas
CANVAS = 64  # twice the size of the image
Letters = dict[str, list[int]]  # letter → its glyphs, one of each weight


def pools(split: str) -> dict[tuple[int, str], Letters]:
    """Class and typeface → the letters that a split may use."""
    drawn = glyphs("scripts")
    part = letter_parts.scripts(split)
    found: dict[tuple[int, str], Letters] = defaultdict(lambda: defaultdict(list))
    for row, label in zip(part.rows.tolist(), part.labels.tolist()):
        found[label, str(drawn.families[row])][str(drawn.names[row])].append(row)
    return found


def groups(split: str) -> list[tuple[int, list[list[int]]]]:
    """Class and letters of each group of a split; a letter has one glyph or more."""
    made = []
    for (label, family), letters in sorted(pools(split).items()):
        names = sorted(letters)
        order = generator("tasks", "scripts", "groups", label, family).permutation(len(names))
        first = 0
        while first < len(names):
            size = SIZES[len(made) % len(SIZES)]
            members = order[first : first + size]
            made.append((label, [letters[names[member]] for member in members]))
            first += size
    return made


def _training_groups(rng: np.random.Generator) -> list[tuple[int, list[list[int]]]]:
    """NUM_TRAIN groups of any letters of a typeface, every class equally often."""
    made = []
    own = pools("train")
    for label in balanced_labels(NUM_TRAIN, len(TASK.class_names), rng).tolist():
        families = [key for key in own if key[0] == label]
        letters = list(own[families[rng.integers(0, len(families))]].values())
        members = rng.permutation(len(letters))[: rng.integers(1, 4)]
        made.append((label, [letters[member] for member in members]))
    return made


def _word(letters: list[list[int]], rng: np.random.Generator) -> Image.Image:
    """Letters beside each other, centred on the canvas, together at most as wide as it."""
    smallest, largest = LONGER[len(letters)]
    longer = int(rng.integers(smallest, largest))
    space = int(rng.integers(2, 6))
    weight = int(rng.integers(0, 2))
    sheet = glyphs("scripts").inks
    inks = [scaled(sheet[glyph[weight % len(glyph)]], longer) for glyph in letters]
    room = CANVAS - 4 - space * (len(inks) - 1)
    wide = sum(ink.width for ink in inks)
    if wide > room:
        longer = longer * room // wide
        inks = [scaled(sheet[glyph[weight % len(glyph)]], longer) for glyph in letters]
    wide = sum(ink.width for ink in inks) + space * (len(inks) - 1)
    word = Image.new("L", (CANVAS, CANVAS))
    left = (CANVAS - wide) // 2
    for ink in inks:
        word.paste(ink, (left, (CANVAS - ink.height) // 2))
        left += ink.width + space
    return word


def _image(letters: list[list[int]], rng: np.random.Generator) -> np.ndarray:
    shift = (int(rng.integers(-2, 3)), int(rng.integers(-4, 5)))
    word = rotated(_word(letters, rng), int(rng.integers(-10, 11)) / 128, 1.0, shift)
    paper = any_colour(rng)
    picture = blurry(rng, CANVAS, paper, spread=20)
    picture.paste(contrasting(rng, paper, 100), mask=word)
    return np.asarray(picture.reduce(2))


def load(split: str) -> Images:
    """The images of `split` (3,000, and two of each group of validation and test).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "scripts", split)
    if split == "train":
        chosen = list(enumerate(_training_groups(rng)))
    else:
        known = groups(split)
        chosen = [
            (block, known[block]) for block in rng.permutation(len(known) * PER_GROUP) // PER_GROUP
        ]
    images = np.stack([_image(letters, rng) for _, (_, letters) in chosen])
    images = jitter(images, rng, contrast=(54, 70), brightness=14, noise=8)
    labels = np.array([label for _, (label, _) in chosen], dtype=np.int64)
    first = 10_000 * ("train", "val", "test").index(split)  # blocks of two splits differ
    return Images(images, labels, first + np.array([block for block, _ in chosen], dtype=np.int64))
