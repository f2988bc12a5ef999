"""Tasks of outlined and of filled icons, which are an analogy."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench import registry
from tangent_bench.tasks import SPLITS
from tangent_bench.tasks._icon_styles import classes, drawings
from tangent_bench.typefaces import glyphs, icon_parts

STYLES = ("outline", "fill")
KINDS = ("icons", "pictograms")


@pytest.mark.parametrize("kind", KINDS)
def test_both_styles_have_the_same_heads(kind):
    outlined, filled = (
        registry.load("tasks", f"{style}_{kind}").TASK for style in ("outlined", "filled")
    )
    assert outlined.class_names == filled.class_names and outlined.templates == filled.templates


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", KINDS)
def test_drawings_are_of_their_style_and_class(kind, style, split):
    icons = glyphs("icons")
    part = drawings(kind, style, split)
    assert set(icons.variants[part.rows]) == {style}
    for row, label in zip(part.rows, part.labels, strict=True):
        reading = icon_parts.read(str(icons.names[row]), str(icons.families[row]))
        assert (reading.task, reading.label) == (kind, classes(kind)[label])


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_that_either_style_trains_on_is_tested_in_the_other(kind):
    inks = glyphs("icons").inks
    seen = {}
    for split in SPLITS:
        parts = [drawings(kind, style, split) for style in STYLES]
        units = np.concatenate([part.units for part in parts])
        rows = np.concatenate([part.rows for part in parts])
        seen[split] = ({*units.tolist()}, {inks[row].tobytes() for row in rows})
    for mine, theirs in ((0, 1), (0, 2), (1, 2)):
        for found, other in zip(seen[SPLITS[mine]], seen[SPLITS[theirs]], strict=True):
            assert found and other and not found & other
