"""Numbers in coloured cells can be read, and a bar says what the colours mean."""

from __future__ import annotations

import matplotlib
import numpy as np
import pytest

from tangent_bench import registry
from tangent_bench.figures._matrix import ink, luminance
from tests import synthetic

READABLE = 4.5  # contrast that WCAG 2 asks of small text
BARS = {
    "vector_cosines": "Cosine of two task vectors",
    "task_matrix": "Test accuracy (%)",
    "disentanglement_maps": "ξ, sum of both tasks' disagreement (%)",
}


@pytest.mark.parametrize("colours", ["PuOr", "cividis"])
def test_ink_is_read_on_every_colour(colours):
    for colour in matplotlib.colormaps[colours](np.linspace(0, 1, 256))[:, :3]:
        light = 1.0 if ink(colour) == "white" else 0.0
        dark, bright = sorted([luminance(colour), light])
        assert (bright + 0.05) / (dark + 0.05) > READABLE


def test_luminance_is_that_of_the_standard():
    assert luminance((1.0, 1.0, 1.0)) == pytest.approx(1.0)
    assert luminance((0.0, 0.0, 0.0)) == 0.0
    assert luminance((0.5, 0.5, 0.5)) == pytest.approx(0.2140, abs=1e-4)


@pytest.mark.parametrize("name", BARS)
def test_a_bar_has_the_quantity_and_the_range_of_all_panels(name):
    rows = synthetic.make(tasks=("mnist", "icons", "terrain"))
    axes = registry.load("figures", name).draw(rows)
    figure = axes.flat[0].figure
    (bar,) = (axis for axis in figure.axes if axis not in list(axes.flat))
    assert bar.get_xlabel() == BARS[name]
    for axis in axes.flat:
        for image in [*axis.images, *axis.collections]:
            assert image.get_clim() == bar.get_xlim()


def test_lengths_stand_at_the_end_of_each_line():
    rows = synthetic.make(tasks=("mnist", "icons"))
    norms = rows[(rows["metric"] == "norm") & (rows["training"] == "standard")]
    axis = registry.load("figures", "vector_cosines").draw(rows).flat[0]
    found = [text.get_text() for text in axis.texts]
    for norm in norms["value"]:
        assert any(text.startswith(f"{norm:.2f} (") for text in found), found


@pytest.mark.parametrize("best", [1.0, 0.0])
def test_a_star_is_explained_where_one_is_drawn(best):
    rows = synthetic.make(tasks=("mnist", "icons"))
    rows.loc[rows["metric"] == "best_on_own_task", "value"] = best
    axes = registry.load("figures", "task_matrix").draw(rows)
    names = [tick.get_text() for tick in axes.flat[0].get_yticklabels()]
    assert any("*" in name for name in names) == (best == 0.0), names
    assert axes.flat[0].figure.get_supxlabel().startswith("*: another vector") == (best == 0.0)


def test_the_note_on_cosines_counts_the_parameters_of_every_model():
    rows = synthetic.make(models=("tiny", "small"), tasks=("mnist", "icons"))
    rows.loc[rows["model"] == "tiny", "num_samples"] = 1_000
    rows.loc[rows["model"] == "small", "num_samples"] = 20_000
    figure = registry.load("figures", "vector_cosines").draw(rows).flat[0].figure
    assert "n = 1,000 and 20,000 parameters" in figure.get_supxlabel().replace("\n", " ")
