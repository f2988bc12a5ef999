"""The analyses of the tiny preset against what was published."""

from __future__ import annotations

import pandas as pd
import pytest

from tangent_bench.store import rows
from tests.workflow.checkout import ROOT, Checkout, merged, preset

KEY = [column for column in rows.KEY if column not in ("coefficient", "coefficient2")]
# Absolute: shares of a few hundred images, where a processor may take another path in training (see
# tests/golden/make.py); theory is float64 on the same points everywhere.
TOLERANCES = {
    ("disentanglement", "mean_disentanglement_error"): 0.06,
    ("disentanglement_comparison", "disentanglement_error_tuned"): 0.15,
    ("kernel_gap", "nonlinear_advantage"): 0.06,
    ("kernel_gap", "kernel_alignment"): 0.1,
    ("ntk_localization", "localization_auroc"): 0.02,
    ("ntk_theory", "width_kernel_change_slope"): 1e-3,
    ("ntk_theory", "width_linearization_distance_slope"): 1e-3,
}


@pytest.fixture(scope="module")
def built() -> pd.DataFrame:
    """Rows of the analyses, built in place if they are not there yet (about seven minutes after the
    tiny preset).
    """
    here, config = Checkout(ROOT), merged("analyses")
    finished = here.run(*here.command(*preset("analyses"))[:-1], "all")
    assert finished.status == 0, finished.output
    table = rows.read(ROOT / config["results"] / "rows.csv")
    assert set(table["experiment"]) == set(config["experiments"])
    return table


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize(("experiment", "metric"), TOLERANCES)
def test_numbers_are_those_that_were_published(built, experiment, metric):
    published = pd.read_csv(
        ROOT / "results/published/tiny/rows.csv.gz", comment="#", keep_default_na=False
    )
    ours, theirs = (
        table[(table["experiment"] == experiment) & (table["metric"] == metric)]
        for table in (built, published)
    )
    both = ours.merge(theirs.astype({"value": float}), on=KEY, suffixes=("", "_published"))
    assert len(both) == len(ours) == len(theirs) > 0
    off = (both["value"] - both["value_published"]).abs()
    assert (off <= TOLERANCES[experiment, metric]).all(), both.assign(off=off)[
        [*KEY, "value", "off"]
    ].to_string()
