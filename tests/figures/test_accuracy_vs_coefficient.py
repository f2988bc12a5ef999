"""Every mode's marks are seen, at the heights that validation and test have at its coefficient."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tangent_bench.figures import accuracy_vs_coefficient
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
