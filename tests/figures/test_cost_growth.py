"""Growth of costs: what stands where, in which unit, and what is said where the system told no
memory.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from tangent_bench.figures import cost_growth
from tangent_bench.judging.pooling import summarize
from tangent_bench.report import published
from tests import synthetic
from tests.figures.test_published import FOLDER

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
        assert found[:, 1] == pytest.approx(expected.to_numpy())
        # Shifted sideways by the same small factor, nearer to their value than to the next one.
        (shift,) = set((found[:, 0] / expected.index).round(12))
        assert 1 <= shift < 1.1


def rounds_of(costs_VK, values):
    lines = [
        {"coefficient": value, "coefficient2": float(k), "value": cost}
        for value, costs in zip(values, costs_VK, strict=True)
        for k, cost in enumerate(costs)
    ]
    return pd.DataFrame(lines).sample(frac=1.0, random_state=0)  # in any order


def test_local_exponents_of_a_power_are_its_exponent():
    values = [1.0, 2.0, 8.0, 16.0]
    costs = np.outer(0.3 * np.array(values) ** 1.7, [1.0, 1.1, 0.9])
    found = cost_growth.local_exponents(rounds_of(costs, values))
    assert found == pytest.approx(np.full((3, 3), 1.7))


def test_local_exponents_of_fixed_costs_rise_to_that_of_the_law():
    """1 + 2T, as J τ of T tasks: the logarithmic slopes of each step, in float64."""
    values = np.array([1.0, 2, 4, 8, 16])
    costs = np.outer(1 + 2 * values, [1.0, 1.0])
    found = cost_growth.local_exponents(rounds_of(costs, values))
    expected = np.log2([5 / 3, 9 / 5, 17 / 9, 33 / 17])
    assert found == pytest.approx(np.stack([expected, expected], 1))
    assert (np.diff(found, axis=0) > 0).all() and (found < 1).all()
    assert cost_growth._exponents(rounds_of(costs, values)) == "0.74 → 0.96 [0.96, 0.96]"


def test_the_interval_of_the_last_exponent_is_students_over_rounds():
    values = [2.0, 4.0, 8.0]
    costs = np.array([[1.0, 1.0, 1.0], [2.0, 2.2, 1.9], [4.4, 4.0, 4.1]])
    last = np.log2(costs[2] / costs[1])
    half = t.ppf(0.975, 2) * last.std(ddof=1) / np.sqrt(3)
    text = cost_growth._exponents(rounds_of(costs, values)).replace("−", "-")
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", text)]
    first = np.log2(costs[1] / costs[0]).mean()
    expected = [first, last.mean(), last.mean() - half, last.mean() + half]
    assert numbers == pytest.approx(expected, abs=0.0051)


def test_published_last_exponents_are_those_of_the_experiment():
    """Computed again from the rounds, they are the rows that the experiment left."""
    rows = published.read(FOLDER / "cost/rows.csv.gz")
    ends = summarize(rows[rows["metric"] == "time_exponent_end"])
    assert len(ends) > 15
    seconds = rows[rows["metric"] == "seconds"].dropna(subset=["coefficient2"])
    for line in ends.itertuples():
        exponents_VK = cost_growth.local_exponents(seconds[seconds["params_id"] == line.params_id])
        last = cost_growth.mean_and_interval(exponents_VK[-1])
        assert last == pytest.approx([line.value, line.low, line.high])


def test_lines_join_medians_and_nothing_is_fitted(rows):
    for axis in cost_growth.draw(rows).flat:
        drawn = [line.get_xydata() for line in axis.get_lines() if line.get_linestyle() == "-"]
        medians = marks(axis).values()
        assert all(any(np.array_equal(line, points) for points in medians) for line in drawn)


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
