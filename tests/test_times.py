"""Where the time went: sums by hand, and records that cannot be read."""

from __future__ import annotations

import json

import pytest

from tangent_bench.report import times

MEGABYTES = 10**6


def record(folder, name, rule, seconds, megabytes, **wildcards):
    path = folder / "logs" / rule / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "rule": rule,
        "seconds": seconds,
        "peak_memory_bytes": megabytes * MEGABYTES,
        "wildcards": wildcards,
        "more": 1,
    }
    path.write_text(json.dumps(content, indent=1))


@pytest.fixture
def folder(tmp_path):
    addition = {"experiment": "task_addition", "mode": "standard-network", "seed": "0"}
    geometry = {"experiment": "vector_geometry", "mode": "standard-none", "seed": "0"}
    record(tmp_path, "a", "finetune", 2.0, 1000, training="linear", task="mnist")
    record(tmp_path, "b", "finetune", 6.0, 3000, training="linear", task="terrain")
    record(tmp_path, "c", "finetune", 1.0, 1000, training="standard", task="mnist")
    record(tmp_path, "d", "run_experiment", 90.0, 100, **addition)
    record(tmp_path, "e", "run_experiment", 1.0, 100, **geometry)
    record(tmp_path, "f", "draw_figure_overview", 0.0, 10)
    record(tmp_path, "g", "draw_figure_task_matrix", 0.0, 10)
    return tmp_path


def test_jobs_of_a_kind_are_added_and_the_most_expensive_comes_first(folder):
    kinds = times.read(folder)
    addition = "run experiment (task addition, network)"
    assert kinds[:2] == [
        times.JobKind(addition, 1, 90.0, 90.0, 100 * MEGABYTES),
        times.JobKind("finetune (linear)", 2, 8.0, 6.0, 3000 * MEGABYTES),
    ]
    assert {kind.name for kind in kinds[2:]} == {
        "finetune (standard)",
        "run experiment (vector geometry)",
        "draw figure",
    }


def test_the_table_ends_with_the_whole(folder):
    table = times.build(times.read(folder)).set_index(["row", "column"])["text"]
    assert table["all", "Jobs"] == "7"
    assert table["all", "Seconds"] == "100"
    assert table["all", "Share (%)"] == "100.0"
    assert table["finetune (linear)", "Share (%)"] == "8.0"
    assert table["finetune (linear)", "Peak memory (GB)"] == "3.00"


def test_a_folder_without_records_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="logs holds no records of jobs; run the preset first"):
        times.read(tmp_path / "nowhere")


@pytest.mark.parametrize("content", ["{", '{\n"rule": "finetune"}', '{\n"wildcards": 1}'])
def test_a_damaged_record_is_one_sentence(folder, content):
    (folder / "logs" / "bad.json").write_text(content)
    with pytest.raises(ValueError, match=r"bad\.json is not the record of a job .*; delete it"):
        times.read(folder)
