"""The preset of costs measures random networks: it needs no tower, head, vector or feature."""

from __future__ import annotations

import pytest

from tests.workflow.checkout import ROOT, Checkout, merged, preset

pytestmark = pytest.mark.slow


def test_nothing_is_built_for_the_preset_of_costs_but_its_rows_and_figure(tmp_path):
    finished = Checkout(ROOT).dry_run(*preset("cost", tmp_path, results=str(tmp_path / "results")))
    assert finished.status == 0, finished.output
    jobs = finished.jobs
    assert jobs["run_experiment"] == jobs["draw_figure_cost_growth"] == 1
    assert not {"finetune", "build_head", "encode_base", "encode_changes"} & set(jobs)
    assert [rule for rule in jobs if rule.startswith(("draw_figure", "make_table"))] == [
        "draw_figure_cost_growth"
    ]


def test_no_other_preset_has_numbers_that_do_not_repeat():
    having = {
        f.stem
        for f in (ROOT / "config").glob("*.yaml")
        if "cost_growth" in merged(f.stem)["experiments"]
    }
    assert having == {"cost"}
