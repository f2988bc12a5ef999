"""Every mode's marks are seen, at the heights that validation and test have at its coefficient."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tangent_bench.figures import accuracy_vs_coefficient
from tangent_bench.figures._panels import PAGE
from tangent_bench.report import published
from tests.figures.test_published import FOLDER

SIZE = 4.0  # points of a mark
PRESETS = "tiny", "training_modes"
pytestmark = pytest.mark.slow


def panel(preset):
    """The axis of a published preset, in its final layout, and the rows of its longest sum."""
    rows = published.read(FOLDER / preset / "rows.csv.gz")
    axis = accuracy_vs_coefficient.draw(rows).item()
    axis.figure.draw_without_rendering()
    added = rows[(rows["experiment"] == "task_addition") & (rows["task"] == "all")]
    return axis, added[added["sources"].str.count(r"\+") == 7]


def marks(axis):
    """Where the marks of test accuracies are, [modes, 2], in data."""
    filled = [bars[0].get_xydata() for bars in axis.containers if len(bars[0].get_xdata())]
    return np.concatenate(filled)


@pytest.mark.parametrize("preset", PRESETS)
def test_no_mark_covers_another(preset):
    axis, _ = panel(preset)
    points = axis.transData.transform(marks(axis)) * 72 / axis.figure.dpi
    assert len(points) >= 3
    for one, other in combinations(points, 2):
        assert np.hypot(*(one - other)) >= SIZE


@pytest.mark.parametrize("preset", PRESETS)
def test_heights_are_test_accuracies_and_places_near_the_chosen_coefficients(preset):
    axis, rows = panel(preset)
    tuned = rows[rows["metric"] == "accuracy_tuned"]
    found = marks(axis)
    assert sorted(found[:, 1]) == pytest.approx(sorted(100 * tuned["value"]))
    order = np.argsort(found[:, 0])
    chosen = np.sort(tuned["coefficient"])
    assert np.abs(found[order, 0] - chosen).max() < 0.06


@pytest.mark.parametrize("preset", PRESETS)
def test_the_legend_says_which_coefficient_was_chosen(preset):
    axis, rows = panel(preset)
    chosen = rows[rows["metric"] == "selected_coefficient"]["value"]
    labels = " ".join(axis.get_legend_handles_labels()[1])
    for value in chosen:
        assert f"α* = {value:.2f}" in labels
    assert labels.count("α* =") == len(chosen)


def test_towers_that_a_page_does_not_hold_abreast_stand_in_lines():
    rows = published.read(FOLDER / "emergence/rows.csv.gz")
    axes = accuracy_vs_coefficient.draw(rows)
    figure = axes.flat[0].figure
    assert axes.shape == (3, 2) and figure.get_figwidth() <= PAGE
    titles = [axis.get_title() for axis in axes.flat]
    assert titles[0] == "Tiny ViT/8 (random)" and titles[-1] == "Tiny ViT/8"
    five = rows[rows["init"] != "random"]
    shown = [axis for axis in accuracy_vs_coefficient.draw(five).flat if axis.figure is not None]
    assert [axis.get_title() for axis in shown] == titles[1:]
    given = figure.__class__().subplots(1, 5)
    assert accuracy_vs_coefficient.draw(five, given).shape == (1, 5)
