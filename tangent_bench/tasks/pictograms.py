"""Pictograms: the kind of thing that an icon shows; no thing is in two splits."""

from __future__ import annotations

from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._icon_pictures import LICENCE, SOURCE, load_icons
from tangent_bench.typefaces import icon_parts

TASK = Task(
    title="Pictograms",
    class_names=icon_parts.classes("pictograms"),
    templates=("a pictogram of {}", "{}", "an icon that shows {}", "a sign with {}"),
    kind="rendered",
    source=f"{SOURCE}"
    "things picked by hand (typefaces/concepts.py), each in one split with all of its drawings. "
    "Drawings of one thing by two designers are two blocks",
    licence=LICENCE,
    block="drawing, with its near copies",
)


def load(split: str) -> Images:
    """The images of `split` (3,000, and two of each drawing of validation and test).

    Raises:
        ValueError: an unknown split.
    """
    return load_icons("pictograms", __name__, split)
