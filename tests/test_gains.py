"""A share of a gain that may be nothing is a dash, and a smoke test says that it is one."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from tangent_bench import cli, regress
from tangent_bench.figures import claims_table, table1_addition
from tangent_bench.judging import gains, methods
from tangent_bench.report import render, smoke_tests, summary
from tests import synthetic

CONFIG = Path(__file__).parents[1] / "config"
EXPERIMENTS = ("single_task", "task_addition", "posthoc_comparison")
SHARE = "Linear FT adds better, as a share of the gain"


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """With differences of shares between modes, as `posthoc_comparison` leaves them."""
    made = synthetic.make(tasks=("mnist", "terrain"))
    made = made[made["experiment"].isin(EXPERIMENTS)]
    added = made[made["metric"] == "task_addition/accuracy_tuned"]
    differences = added.assign(metric="task_addition/recovered_gain_tuned")
    return synthetic.with_replicates(pd.concat([made, differences], ignore_index=True))


def without_gain(table: pd.DataFrame, training: str, evaluation: str) -> pd.DataFrame:
    """The same run, as if single tasks of one mode were as good as zero-shot."""
    means = table["experiment"].eq("single_task") & table["metric"].eq("accuracy")
    means &= table["split"].eq("test") & table["task"].isin(["all", "own"])
    zero = means & table["training"].eq("none")
    single = means & table["training"].eq(training) & table["evaluation"].eq(evaluation)
    single &= table["sources"].eq("each")
    assert zero.sum() == single.sum() == 1
    table = table.copy()
    for column in ("value", "low", "high"):
        table.loc[single, column] = table.loc[zero, column].item()
    return table


def test_gains_that_are_real_stay(table):
    assert gains.defined(table) is table
    no_singles = table[table["experiment"] != "single_task"]
    assert gains.defined(no_singles) is no_singles, "nothing is known of the denominator"


@pytest.mark.parametrize("mode", [("linear", "tangent"), ("standard", "network")])
def test_shares_of_nothing_and_differences_to_them_are_left_out(table, mode):
    given = without_gain(table, *mode)
    left_out = given.loc[~given.index.isin(gains.defined(given).index)]
    assert len(left_out) and set(left_out["metric"]) <= set(gains.METRICS)
    found = set(zip(left_out["training"], left_out["evaluation"], left_out["params_id"]))
    shares = {each for each in found if not each[2]}
    assert shares <= {(*mode, "")}
    differences = found - shares
    if mode == ("standard", "network"):
        assert all(params == "minus standard-network" for _, _, params in differences)
        assert {training for training, _, _ in differences} >= {"linear"}
    else:
        assert all(each[:2] == mode for each in differences)


def cell(built: pd.DataFrame, row: str, column: str) -> pd.Series:
    (found,) = built.loc[(built["row"] == row) & (built["column"] == column)].iloc
    return found


def test_table_1_prints_a_dash(table):
    gain = table1_addition.COLUMNS[3]
    before = table1_addition.build(table)
    after = table1_addition.build(without_gain(table, "linear", "tangent"))
    assert pd.notna(cell(before, "Linear FT", gain)["value"])
    assert pd.isna(cell(after, "Linear FT", gain)["value"])
    assert cell(after, "Non-lin. FT", gain)["value"] == cell(before, "Non-lin. FT", gain)["value"]
    assert "–" in render.plain(after)


@pytest.mark.parametrize("shorten", [lambda built: built, claims_table.brief])
def test_a_claim_about_a_share_of_nothing_has_no_verdict(table, shorten):
    given = without_gain(table, "linear", "tangent")
    before = shorten(claims_table.build(table))
    after = shorten(claims_table.build(given))
    verdict = claims_table.VERDICT
    word, *_ = cell(before, SHARE, verdict)["text"].split()
    assert word in ("supported", "contradicted", "undecided")
    assert cell(after, SHARE, verdict)["text"] == claims_table.NOT_DEFINED
    assert pd.isna(cell(after, SHARE, claims_table.ESTIMATE)["value"])
    assert set(before["row"]) == set(after["row"])


@pytest.fixture
def folder(tmp_path, table) -> Path:
    synthetic.write(tmp_path / "micro", table)
    return tmp_path / "micro"


def test_the_names_are_those_of_the_presets_that_say_so():
    found = set()
    for file in CONFIG.glob("*.yaml"):
        comment = " ".join(re.findall(r"^# (.*)", file.read_text(encoding="utf-8"), re.MULTILINE))
        if "numbers mean nothing" in comment:
            found.add(file.stem)
    assert found == smoke_tests.NAMES


def test_a_summary_of_a_smoke_test_says_so_first(folder, monkeypatch):
    monkeypatch.setattr(summary, "_claims", lambda rows: [])
    monkeypatch.setattr(summary, "TABLES", ())
    first = summary.report(folder).splitlines()[0]
    assert first == smoke_tests.banner("micro") and "say nothing" in first
    tiny = folder.rename(folder.parent / "tiny")
    assert "smoke test" not in summary.report(tiny)
    assert summary.report(tiny, "paper-smoke").startswith("Preset paper-smoke is a smoke test")


def test_a_run_that_tests_no_claim_has_no_empty_table_of_them(folder, table):
    synthetic.write(folder, table[table["experiment"] != "posthoc_comparison"])
    text = summary.report(folder)
    assert "none of them was tested" in text and "posthoc_comparison" in text
    assert "Holm" not in text and "Table 1." in text


def test_verdicts_on_methods_of_a_smoke_test_say_so(monkeypatch, tmp_path):
    monkeypatch.setattr(methods, "compare", lambda *given: {})
    monkeypatch.setattr(regress, "regress", lambda *given, quick: {})
    file = tmp_path / "mine.yaml"
    file.write_text("preset: micro")
    for command in (
        ["compare", "ties", "tsv_m", "--results", "results/micro", "--json"],
        ["regress", "ties", "--configfile", str(file), "--json"],
    ):
        done = CliRunner().invoke(cli.app, command)
        assert done.exit_code == 0 and done.stdout.strip() == "[]", done.output
        assert done.stderr.strip() == smoke_tests.banner("micro")
