"""Outlined icons: everyday things, drawn as outlines.

A task of analogies.
"""

from __future__ import annotations

from tangent_bench.tasks import Images, Task
from tangent_bench.tasks._icon_pictures import LICENCE, SOURCE
from tangent_bench.tasks._icon_styles import classes, load_style

TASK = Task(
    title="Outlined icons",
    class_names=classes("icons"),
    templates=("an icon of a {}", "a {}", "a sign with a {}", "a pictogram that shows a {}"),
    kind="rendered",
    source=f"{SOURCE}of the task `icons` the outlined drawings",
    licence=LICENCE,
    block="drawing, with its near copies",
)


def load(split: str) -> Images:
    """The images of `split` (3,000, and two of each drawing of validation and test).

    Raises:
        ValueError: an unknown split.
    """
    return load_style("icons", "outline", __name__, split)
