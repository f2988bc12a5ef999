"""Badges: the mark that an icon of something carries.

A task of the development world, which chooses settings.
"""

from __future__ import annotations

from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._icon_pictures import LICENCE, SOURCE, load_icons
from tangent_bench.typefaces import icon_parts

TASK = Task(
    title="Badges",
    class_names=icon_parts.classes("badges"),
    templates=("an icon with a {}", "a {}", "a small {} in a corner", "something with a {}"),
    kind="rendered",
    source=f"{SOURCE}"
    "what carries the mark is in one split only, and is in no class of the task `icons`",
    licence=LICENCE,
    block="drawing, with its near copies",
)


def load(split: str) -> Images:
    """The images of `split` (3,000, and two of each drawing of validation and test).

    Raises:
        ValueError: an unknown split.
    """
    return load_icons("badges", __name__, split)
