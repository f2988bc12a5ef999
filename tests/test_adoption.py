"""A results folder that was copied without Snakemake's memory gets one from the jobs' records."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from tangent_bench.jobs import adoption, provenance

FOLDER = Path("results/x")
LONG = f"{FOLDER}/{'long' * 40}/{'name' * 40}.csv"


def job(name: str, started: float, inputs: list[str], outputs: list[str]) -> Path:
    """Files of a job, and its record; returns the record's path."""
    for path in outputs:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"{name} made {path}", "utf-8")
    file = FOLDER / f"logs/{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "rule": name,
        "started": started,
        "seconds": 2.0,
        "remembered": ["'0123456789abcdef'", "{'b': 1, 'a': 2}"],
        "inputs": {path: provenance.sha256(path) for path in inputs},
        "outputs": {path: provenance.sha256(path) for path in outputs},
    }
    provenance.write_record(file, record)
    return file


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Results of two jobs, without memory: b reads what a made, and weights that nobody made."""
    monkeypatch.chdir(tmp_path)
    Path("weights.bin").write_text("weights", "utf-8")
    job("a", 10.0, ["weights.bin"], [f"{FOLDER}/a.csv", LONG])
    job("b", 20.0, [f"{FOLDER}/a.csv", "weights.bin"], [f"{FOLDER}/b.csv"])
    os.utime(f"{FOLDER}/b.csv", (1, 1))  # as `cp -r` may leave it: older than what it was made from
    return FOLDER


def memory(*paths: str) -> dict:
    """What Snakemake itself reads of its memory."""
    from snakemake.persistence.file import FilePersistence

    persistence = FilePersistence()
    return {path: persistence._read_record(path) for path in paths}


def is_to_run(path: str) -> bool:
    return memory(path)[path].params == adoption._OTHER


def test_memory_is_that_of_the_records(copied, caplog):
    adoption.adopt(copied)
    found = memory(f"{copied}/a.csv", LONG, f"{copied}/b.csv")
    assert found[LONG] == found[f"{copied}/a.csv"]
    of_b = found[f"{copied}/b.csv"]
    assert of_b.rule == "b" and of_b.incomplete is False
    assert of_b.params == ["'0123456789abcdef'", "{'b': 1, 'a': 2}"]
    assert of_b.input == ["results/x/a.csv", "weights.bin"]
    checksum = provenance.sha256("weights.bin")
    assert of_b.input_checksums["weights.bin"] == f"sha256:{checksum}"
    assert "the files of 2 jobs are compared" in caplog.text
    assert "run again" not in caplog.text


def test_format_is_that_of_snakemake():
    from snakemake.persistence import RECORD_FORMAT_VERSION

    assert adoption.FORMAT == RECORD_FORMAT_VERSION


def test_dates_are_in_the_order_of_the_jobs(copied):
    adoption.adopt(copied)
    first, second = (Path(f"{copied}/{name}.csv").stat().st_mtime_ns for name in "ab")
    assert Path("weights.bin").stat().st_mtime_ns <= first <= second


def test_what_is_remembered_is_left_alone(copied, caplog):
    adoption.adopt(copied)
    before = {path: path.read_bytes() for path in adoption.MEMORY.rglob("*") if path.is_file()}
    job("c", 30.0, [], [f"{copied}/c.csv"])
    Path(f"{copied}/a.csv").write_text("other", "utf-8")
    caplog.clear()
    adoption.adopt(copied)
    assert caplog.text == ""
    after = {path: path.read_bytes() for path in adoption.MEMORY.rglob("*") if path.is_file()}
    assert before == after


def test_a_file_that_is_not_that_of_its_record_is_made_again(copied, caplog):
    Path(f"{copied}/a.csv").write_text("other", "utf-8")
    adoption.adopt(copied)
    assert is_to_run(f"{copied}/a.csv") and is_to_run(LONG)
    assert not is_to_run(f"{copied}/b.csv"), "Snakemake compares it with what is made anew"
    assert "1 of these jobs run again" in caplog.text and "results/x/a.csv" in caplog.text


def test_other_weights_make_all_that_read_them_again(copied):
    Path("weights.bin").write_text("other weights", "utf-8")
    os.utime("weights.bin", (1, 1))  # older than the results: a date would not tell
    adoption.adopt(copied)
    assert is_to_run(f"{copied}/a.csv") and is_to_run(f"{copied}/b.csv")


def test_files_that_are_not_there_are_no_others(copied):
    """A part of the results may be copied; Snakemake makes what it needs of the rest."""
    Path(f"{copied}/a.csv").unlink()
    Path(LONG).unlink()
    adoption.adopt(copied)
    assert not is_to_run(f"{copied}/b.csv")


def test_a_record_of_an_older_release_proves_nothing(copied):
    file = job("b", 20.0, [], [f"{copied}/b.csv"])
    record = provenance.read_record(file)
    del record["sha256"], record["remembered"]
    provenance.write_record(file, record)
    adoption.adopt(copied)
    assert is_to_run(f"{copied}/b.csv") and not is_to_run(f"{copied}/a.csv")


def test_a_damaged_record_is_one_sentence(copied):
    file = copied / "logs/b.json"
    file.write_bytes(file.read_bytes().replace(b"weights", b"weightz"))
    with pytest.raises(ValueError, match=r"results/x/logs/b\.json .*Copy the folder once more"):
        adoption.adopt(copied)
    assert not list(adoption.MEMORY.rglob("*=*"))


def test_a_folder_of_another_name_is_named(copied, caplog):
    copied.rename("results/y")
    adoption.adopt(Path("results/y"))
    assert "results/y was built under another name (results/x/a.csv)" in caplog.text


def test_a_folder_without_records_needs_none(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.INFO)
    adoption.adopt(FOLDER)
    assert caplog.text == "" and not Path(".snakemake").exists()
