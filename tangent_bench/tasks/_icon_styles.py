"""Icons that are drawn in one style: as outlines, or filled.

The four tasks are an analogy: outlined icons are to filled ones as outlined pictograms are to
filled ones. Prompts name the thing alone, so that the heads of the two styles are the same.
"""

from __future__ import annotations

import numpy as np

from tangent_bench.images.splits import check_split
from tangent_bench.seeds import generator
from tangent_bench.tasks import Images
from tangent_bench.tasks._icon_pictures import draw_icons
from tangent_bench.typefaces import glyphs, icon_parts
from tangent_bench.typefaces.parts import GlyphPart

HARDLY_OUTLINED = ("computer", "table")  # three outlined drawings of training, and one


def classes(task: str) -> tuple[str, ...]:
    """The class names of "icons" or "pictograms" of which there are outlined drawings."""
    return tuple(name for name in icon_parts.classes(task) if name not in HARDLY_OUTLINED)


def drawings(task: str, style: str, split: str) -> GlyphPart:
    """The drawings of a `split` of "icons" or "pictograms" in a style, labelled by `classes`.

    A unit has the same number in both styles.
    """
    part = icon_parts.part(task, split)
    own = classes(task)
    label_of = np.array([own.index(n) if n in own else -1 for n in icon_parts.classes(task)])
    labels = label_of[part.labels]
    kept = (glyphs("icons").variants[part.rows] == style) & (labels >= 0)
    return GlyphPart(part.rows[kept], labels[kept], part.units[kept])


def load_style(task: str, style: str, module: str, split: str) -> Images:
    """The images of a `split` of a task, of its drawings in one style.

    Args:
        task: "icons" or "pictograms".
        style: "outline" or "fill", as the designer calls the drawing.
        module: `__name__` of the task's module, for the error.
        split: the split.

    Raises:
        ValueError: an unknown split.
    """
    check_split(module, split)
    rng = generator("tasks", task, style, split)
    return draw_icons(drawings(task, style, split), len(classes(task)), split, rng)
