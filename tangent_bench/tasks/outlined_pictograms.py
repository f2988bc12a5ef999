"""Outlined pictograms: the kind of thing that an icon shows, drawn as outlines.

A task of analogies.
"""

from __future__ import annotations

from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._icon_pictures import LICENCE, SOURCE
from tangent_bench.tasks._icon_styles import classes, load_style

TASK = Task(
    title="Outlined pictograms",
    class_names=classes("pictograms"),
    templates=("a pictogram of {}", "{}", "an icon that shows {}", "a sign with {}"),
    kind="rendered",
    source=f"{SOURCE}of the task `pictograms` the outlined drawings",
    licence=LICENCE,
    block="drawing, with its near copies",
)


def load(split: str) -> Images:
    """The images of `split` (3,000, and two of each drawing of validation and test).

    Raises:
        ValueError: an unknown split.
    """
    return load_style("pictograms", "outline", __name__, split)
