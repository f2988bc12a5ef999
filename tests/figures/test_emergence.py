"""Emergence: initialisations in the order of pre-training, each at its own value."""

import numpy as np
import pandas as pd
import pytest

from tangent_bench.figures import emergence
from tests import synthetic

SHARES = {"pretrained": 1.0, "step-11": 0.6, "random": 0.1, "step-3": 0.3}


@pytest.fixture(scope="module")
def table():
    rows = synthetic.make(tasks=("mnist", "symbols"))
    scaled = [
        rows.assign(init=init, **{column: rows[column] * share for column in ("value", "low", "high")})
        for init, share in SHARES.items()
    ]
    return pd.concat(scaled, ignore_index=True)


def test_lines_rise_with_the_share_of_the_steps(table):
    axes = emergence.draw(table)
    for axis in axes.flat:
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["none", "3 %", "11 %", "100 %"]
        for container in axis.containers:
            line = container.lines[0]
            assert list(line.get_xdata()) == [0, 1, 2, 3]
            assert np.allclose(line.get_ydata() / line.get_ydata()[-1], [0.1, 0.3, 0.6, 1.0])


def test_recovered_gain_is_that_of_the_sum_of_all_vectors(table):
    found = table[(table["experiment"] == "task_addition") & (table["metric"] == "recovered_gain_tuned")]
    found = found[(found["training"] == "linear") & (found["init"] == "pretrained") & (found["task"] == "all")]
    line = next(c for c in emergence.draw(table).flat[1].containers if c.get_label() == "Linear FT").lines[0]
    assert line.get_ydata()[-1] == pytest.approx(100 * found["value"].item())
