"""Merging methods through the DAG, on top of the micro preset: what they add and rerun, and a
verdict at the end.
"""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tangent_bench import merging
from tangent_bench.judging import outcomes
from tangent_bench.report.titles import place_title
from tangent_bench.store import rows
from tests.workflow.checkout import ROOT, merged

pytestmark = pytest.mark.full
CONFIG = merged("micro")
# Wrappers that change nothing: task arithmetic by the way of a method that is no fixed sum.
SAME = {"name": "lines+task_arithmetic", "lines.beta": 0.0, "lines.norm_ratio": False}
LABEL = merging.asked([SAME]).popitem()[0]
METHODS = ["task_arithmetic", "weight_average", SAME]
MERGING = [e for e in CONFIG["experiments"] if e in ("task_addition", "task_negation")]
NUM_MODES = sum(not mode.startswith("none") for mode in CONFIG["modes"])


@pytest.fixture(scope="module")
def with_methods(micro, tmp_path_factory):
    """A copy of micro with methods in it, and the config that made it."""
    folder = tmp_path_factory.mktemp("methods")
    checkout = micro.copy(folder / "checkout")
    file = config_of(folder, METHODS)
    finished = checkout.snakemake("--configfile", "config/micro.yaml", str(file))
    assert finished.status == 0, finished.output
    return checkout, folder, finished


def config_of(folder, methods):
    file = folder / "methods.yaml"
    file.write_text(yaml.safe_dump({"methods": methods}))
    return file


def test_methods_rerun_nothing_but_what_reads_all_rows(with_methods):
    _, _, finished = with_methods
    rules = {
        "merge",
        "encode_merged",
        "run_method",
        "collect_rows",
        "summarize",
        "make_times",
        "make_leaderboard",
    }
    rules |= {"make_results_page"}
    jobs = {
        name: n
        for name, n in finished.jobs.items()
        if not name.startswith(("make_table", "draw_figure"))
    }
    assert set(jobs) == rules
    assert jobs["merge"] == jobs["encode_merged"] == len(CONFIG["trainings"]), "sums are not merged"
    # The average adds; the wrapper adds and, since it may change a single vector, subtracts.
    assert jobs["run_method"] == NUM_MODES * (1 + len(MERGING))


def test_a_merged_sum_has_the_rows_of_the_sum(with_methods):
    checkout, _, _ = with_methods
    table = rows.read(checkout.path(f"{CONFIG['results']}/rows.csv"))
    whole = "+".join(CONFIG["tasks"])
    table = table[
        table["experiment"].isin(MERGING) & table["sources"].isin([whole, "each", *CONFIG["tasks"]])
    ]
    table = table[
        (table["experiment"] == "task_negation")
        | ((table["sources"] == whole) & (table["task"] != "own"))
    ]
    columns = [c for c in rows.COLUMNS if c not in ("method", "params_id")]
    key = [c for c in columns if c not in ("value", "low", "high", "num_samples")]
    sums, same = (
        table[table["method"] == method][columns].sort_values(key).reset_index(drop=True)
        for method in ("task_arithmetic", SAME["name"])
    )
    assert len(sums) > 250 and sums.equals(same)
    average = table[
        (table["method"] == "weight_average") & (table["metric"] == "selected_coefficient")
    ]
    assert set(average["value"]) == {1.0}


def test_a_second_run_has_nothing_to_do_and_another_method_reruns_none(with_methods, tmp_path):
    checkout, folder, _ = with_methods
    call = ["-n", "--configfile", "config/micro.yaml"]
    assert checkout.snakemake(*call, str(config_of(tmp_path, METHODS))).jobs == {}
    more = checkout.snakemake(*call, str(config_of(tmp_path, [*METHODS, "magmax"]))).jobs
    assert (more["merge"], more["encode_merged"], more["run_method"]) == (2, 2, NUM_MODES), (
        "it keeps one task: no negation"
    )
    assert not {"finetune", "encode_changes", "run_experiment"} & set(more)


def test_leaderboard_is_there(with_methods):
    checkout, _, _ = with_methods
    results = checkout.path(CONFIG["results"])
    page = (results / "leaderboard.html").read_text(encoding="utf-8")
    assert page.count("<h2>") == NUM_MODES + 2 and "Weight average" in page
    assert "Behind the best (points)" in (results / "index.html").read_text(encoding="utf-8")
    assert "Weight average" in (results / "tables/methods_addition.md").read_text(encoding="utf-8")
    negated = (results / "tables/methods_negation.csv").read_text(encoding="utf-8")
    assert "Task arithmetic" in negated and "Weight average" not in negated


def test_a_verdict_by_one_command(with_methods):
    checkout, _, _ = with_methods
    python = ".venv/bin/python", "-m", "tangent_bench.cli", "regress"
    where = "--configfile", "config/micro.yaml", "--cores", "2"
    done = checkout.run(
        *python,
        "lines+task_arithmetic",
        "--set",
        "lines.beta=0",
        "--set",
        "lines.norm_ratio=false",
        *where,
    )
    assert done.status == 0, done.output
    places = outcomes.places(checkout.path(CONFIG["results"]))
    assert len(places) == NUM_MODES
    last = done.output.split("Over all tasks, against task_arithmetic:\n")[1].splitlines()
    named = "lines+task_arithmetic (beta=0, norm_ratio=false)"
    assert last == [f"same       {named}  {place_title(place)}" for place in places]
    compare = ".venv/bin/python", "-m", "tangent_bench.cli", "compare", "task_arithmetic", LABEL
    done = checkout.run(*compare, "--results", CONFIG["results"], "--json", "--fail-on", "worse")
    assert done.status == 0 and {
        r["verdict"] for r in json.loads(done.output[done.output.index("[") :])
    } == {"same"}
    done = checkout.run(*compare, "--results", CONFIG["results"], "--fail-on", "same")
    assert done.status == 1 and f"{named} is same in" in done.output, "decoded by a record"


@pytest.mark.full
def test_ten_lines_of_the_page_get_a_verdict(with_methods):
    checkout, _, _ = with_methods
    page = (ROOT / "docs/how-to/your-own-method.md").read_text(encoding="utf-8")
    (code,) = (
        block
        for block in re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
        if "def prepare" in block
    )
    file = checkout.path("tangent_bench/methods/my_method.py")
    file.write_text(code, encoding="utf-8")
    done = checkout.run(
        ".venv/bin/python",
        "-m",
        "tangent_bench.cli",
        "regress",
        "my_method",
        "--configfile",
        "config/micro.yaml",
        "--verbose",
    )
    file.unlink()
    assert done.status == 0, done.output
    assert "Signed mean: 11 laws hold" in done.output
    assert done.jobs == {"merge": 2, "encode_merged": 2, "run_method": NUM_MODES}
    last = done.output.split("Over all tasks, against task_arithmetic:\n")[1].splitlines()
    assert len(last) == NUM_MODES and all(" my_method " in line for line in last)
