"""Negation: the limit on the control is drawn where the rows say it was, and nowhere else."""

from __future__ import annotations

import pytest

from tangent_bench import registry
from tests import synthetic

FEW = ("mnist", "terrain")


def limits(table):
    """Places of the dashed upright lines, in percent, with their labels."""
    (axis,) = registry.load("figures", "negation_tradeoff").draw(table).flat
    return {
        line.get_label(): line.get_xdata()[0] for line in axis.lines if line.get_linestyle() == "--"
    }


def test_limit_is_that_of_the_rows():
    table = synthetic.make(tasks=FEW)
    table.loc[table["metric"] == "control_threshold", "value"] = 0.8
    assert limits(table) == {"kept on validation: 0.8 × zero-shot": pytest.approx(100 * 0.8 * 0.71)}


def test_rows_that_name_no_limit_have_none_drawn():
    table = synthetic.make(tasks=FEW)
    assert limits(table[table["metric"] != "control_threshold"]) == {}
