"""A line for each method, in the order of its accuracy, with the interval of its rows."""

from __future__ import annotations

import pandas as pd
import pytest

from tangent_bench.figures import merging_methods
from tangent_bench.figures.merging_methods import draw
from tests import synthetic

SHIFTS = {
    ("ties", ""): 0.05,
    ("tsv_m", ""): 0.1,
    ("ties", "0123abcd"): -0.1,
    ("somebody_else", ""): -0.2,
}


def rows():
    table = synthetic.make(tasks=("mnist", "icons", "terrain"))
    added = table[table["experiment"] == "task_addition"]
    more = [
        added.assign(
            method=m,
            params_id=p,
            value=added["value"] + s,
            low=added["low"] + s,
            high=added["high"] + s,
        )
        for (m, p), s in SHIFTS.items()
    ]
    return pd.concat([table, *more], ignore_index=True)


def test_methods_are_in_the_order_of_their_accuracy():
    axis = draw(rows()).item()
    labels = [text.get_text() for text in axis.get_yticklabels()]
    assert labels == ["somebody_else", "TIES (0123abcd)", "Task arithmetic", "TIES", "TSV-M"]


def test_points_are_the_rows_and_bars_their_intervals():
    table = rows()
    axis = draw(table).item()
    where = {
        "experiment": "task_addition",
        "metric": "accuracy_tuned",
        "task": "all",
        "split": "test",
    }
    where |= {
        "sources": "mnist+icons+terrain",
        "training": "linear",
        "evaluation": "tangent",
        "method": "tsv_m",
    }
    for column, value in where.items():
        table = table[table[column] == value]
    bars = next(c for c in axis.containers if c.get_label() == "Linear FT")
    points = dict(zip((round(y) for y in bars[0].get_ydata()), bars[0].get_xdata(), strict=True))
    assert len(points) == 5 and points[4] == pytest.approx(100 * table["value"].item())
    ends = bars[2][0].get_segments()[list(points).index(4)]
    assert ends[:, 0] == pytest.approx([100 * table["low"].item(), 100 * table["high"].item()])


def test_the_pretrained_model_is_a_rule():
    table = rows()
    zero = table[
        (table["training"] == "none") & (table["task"] == "all") & (table["split"] == "test")
    ]
    axis = draw(table).item()
    (rule,) = (line for line in axis.lines if line.get_label() == "Pre-trained")
    assert rule.get_xdata() == pytest.approx([100 * zero["value"].iloc[0]] * 2)


def test_a_method_that_is_not_installed_has_its_name():
    assert (
        merging_methods.label("nowhere", "") == "nowhere"
        and merging_methods.label("ties", "") == "TIES"
    )


def test_a_transductive_method_says_so():
    assert (
        merging_methods.label("adamerging", "0123abcd")
        == "AdaMerging (sees test images) (0123abcd)"
    )
