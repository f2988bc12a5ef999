"""Growth of costs: what stands where, in which unit, and what is said where the system told no
memory.
"""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.figures import cost_growth
from tests import synthetic

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rows():
    return synthetic.make(tasks=("mnist", "icons"))


def marks(axis) -> dict[str, np.ndarray]:
    """Name of a verb → its medians, [values, 2]."""
    handles, labels = axis.get_legend_handles_labels()
    names = (label.partition("\n")[0] for label in labels)
    return {
        name: np.array(handle.lines[0].get_xydata())
        for name, handle in zip(names, handles, strict=True)
    }


def test_a_row_of_panels_for_each_factor_with_the_verbs_that_depend_on_it(rows):
    axes = cost_growth.draw(rows)
    assert axes.shape == (5, 2)
    found = [[len(marks(axis)) for axis in line] for line in axes]
    assert found == [[3, 2], [2, 1], [5, 4], [4, 4], [4, 4]]
    assert [line[0].get_xlabel() for line in axes] == list(cost_growth.FACTORS.values())
    assert all(axis.get_xscale() == axis.get_yscale() == "log" for axis in axes.flat)


def test_marks_are_medians_in_milliseconds_and_megabytes(rows):
    axes = cost_growth.draw(rows)
    for column, metric, unit in ((0, "seconds", 1e-3), (1, "peak_bytes", 1e6)):
        rounds = rows[
            (rows["params_id"] == "linear step/width") & (rows["metric"] == metric)
        ].dropna(subset=["coefficient2"])
        expected = rounds.groupby("coefficient")["value"].median() / unit
        found = marks(axes[3, column])["step, linear"]
        assert found[:, 0].tolist() == list(expected.index) and found[:, 1] == pytest.approx(
            expected.to_numpy()
        )


def test_lines_have_the_exponent_of_the_rows(rows):
    axis = cost_growth.draw(rows)[3, 0]
    for line in axis.get_lines():
        if line.get_linestyle() == "-":
            logs = np.log(line.get_xydata())
            assert np.polyfit(logs[:, 0], logs[:, 1], 1)[0] == pytest.approx(0.9)
    assert "0.90 [0.87, 0.93]" in axis.get_legend_handles_labels()[1][0]


def test_note_compares_the_grids_and_gives_the_fixed_part(rows):
    axis = cost_growth.draw(rows).flat[0]
    note = " ".join(axis.figure.get_supxlabel().split())
    assert (
        "1 + 1.10 T" in note
        and "16 coefficients" in note
        and " 1,200 times" in note.replace("1,300", "1,200")
    )


def test_without_memory_the_panels_say_so(rows):
    told = rows[~rows["metric"].isin(["peak_bytes", "memory_exponent"])]
    axes = cost_growth.draw(told)
    assert all("not told" in axis.texts[0].get_text() and not marks(axis) for axis in axes[:, 1])
    assert "of memory" not in axes.flat[0].figure.get_supxlabel()
