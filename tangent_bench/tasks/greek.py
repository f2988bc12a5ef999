"""Greek: the letters but omicron, capital and small, in typefaces that differ by split.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._cased_letters import draw_letters
from tangent_bench.typefaces import letter_parts

# fmt: off
NAMES = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega",
)
# fmt: on
TASK = Task(
    title="Greek",
    class_names=NAMES,
    templates=(
        "the greek letter {}",
        "a greek {}",
        "a photo of the letter {}",
        "the letter {} in greek writing",
    ),
    kind="rendered",
    source="capital and small letters of 25 typefaces (sheets in tangent_bench/typefaces) on "
    "blurred colours: 7 for training, 6 for validation, 12 for test; without omicron, whose two "
    "forms are one circle",
    licence="OFL 1.1, Apache 2.0, DejaVu licence, by typeface (typefaces/assets/LICENCES.md)",
    block="letter of a typeface, all weights together",
)


def load(split: str) -> Images:
    """The images of `split` (3,000, and two of each letter of a typeface).

    Raises:
        ValueError: an unknown split.
    """
    check_split(__name__, split)
    rng = generator("tasks", "greek", split)
    return draw_letters("scripts", letter_parts.greek(split), split, rng)
