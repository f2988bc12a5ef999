"""Where the time went: sums by hand, and records that cannot be read."""

from __future__ import annotations

import json

import pytest

from tangent_bench.report import times


def record(folder, name, rule, seconds, peak, **wildcards):
    path = folder / "logs" / rule / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "rule": rule,
        "seconds": seconds,
        "peak_memory_bytes": peak,
        "wildcards": wildcards,
        "more": 1,
    }
    path.write_text(json.dumps(about, indent=1))
    return path


@pytest.fixture
def folder(tmp_path):
    record(tmp_path, "a", "finetune", 2.0, 10**9, training="linear", task="mnist")
    record(tmp_path, "b", "finetune", 6.0, 3 * 10**9, training="linear", task="terrain")
    record(tmp_path, "c", "finetune", 1.0, 10**9, training="standard", task="mnist")
    record(
        tmp_path,
        "d",
        "run_experiment",
        90.0,
        10**8,
        experiment="task_addition",
        mode="standard-network",
        seed="0",
    )
    record(
        tmp_path,
        "e",
        "run_experiment",
        1.0,
        10**8,
        experiment="vector_geometry",
        mode="standard-none",
        seed="0",
    )
    record(tmp_path, "f", "draw_figure_overview", 0.0, 10**7)
    record(tmp_path, "g", "draw_figure_task_matrix", 0.0, 10**7)
    return tmp_path


def test_jobs_of_a_kind_are_added_and_the_most_expensive_comes_first(folder):
    kinds = times.read(folder)
    assert kinds[:2] == [
        times.JobKind("run experiment (task addition, network)", 1, 90.0, 90.0, 10**8),
        times.JobKind("finetune (linear)", 2, 8.0, 6.0, 3 * 10**9),
    ]
    assert {kind.name for kind in kinds[2:]} == {
        "finetune (standard)",
        "run experiment (vector geometry)",
        "draw figure",
    }


def test_the_table_ends_with_the_whole(folder):
    table = times.build(times.read(folder)).set_index(["row", "column"])["text"]
    assert (
        table["all", "Jobs"] == "7"
        and table["all", "Seconds"] == "100"
        and table["all", "Share (%)"] == "100.0"
    )
    assert (
        table["finetune (linear)", "Share (%)"] == "8.0"
        and table["finetune (linear)", "Peak memory (GB)"] == "3.00"
    )


def test_what_cannot_be_read_is_one_sentence(tmp_path, folder):
    with pytest.raises(
        ValueError, match="nowhere/logs holds no records of jobs; run the preset first"
    ):
        times.read(tmp_path / "nowhere")
    (folder / "logs" / "bad.json").write_text("{")
    with pytest.raises(ValueError, match=r"bad\.json is not the record of a job"):
        times.read(folder)
