"""Icons: everyday things as different designers draw them."""

from __future__ import annotations

from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._icon_pictures import LICENCE, SOURCE, load_icons
from tangent_bench.typefaces import icon_parts

TASK = Task(
    title="Icons",
    class_names=icon_parts.classes("icons"),
    templates=("an icon of a {}", "a {}", "a sign with a {}", "a pictogram that shows a {}"),
    kind="rendered",
    source=f"{SOURCE}"
    "no drawing is in two splits, near copies (other directions, numbers, marks such as a plus) "
    "are with their original",
    licence=LICENCE,
    block="drawing, with its near copies",
)


def load(split: str) -> Images:
    """The images of `split` (3,000, and two of each drawing of validation and test).

    Raises:
        ValueError: an unknown split.
    """
    return load_icons("icons", __name__, split)
