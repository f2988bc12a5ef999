"""Letters: the 26 letters, capital and small, in typefaces that differ by split."""

from __future__ import annotations

import string

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._cased_letters import draw_letters
from tangent_bench.typefaces import letter_parts

TASK = Task(
    title="Letters",
    class_names=tuple(string.ascii_lowercase),
    templates=(
        "the letter {}",
        "a photo of the letter {}",
        "a large letter {}",
        "the letter {} of the alphabet",
    ),
    kind="rendered",
    source="letters of 46 typefaces (sheets in tangent_bench/typefaces) on blurred colours: 18 for "
    "training, 8 for validation, 20 for test, of six kinds each; without capital I and small l, "
    "which look alike",
    licence="OFL 1.1 and Apache 2.0, by typeface (typefaces/assets/LICENCES.md)",
    block="letter of a typeface, all weights together",
)


def load(split: str) -> Images:
    """The images of `split` (3,000, and two of each letter of a typeface).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "letters", split)
    return draw_letters("letters", letter_parts.letters(split), split, rng)
