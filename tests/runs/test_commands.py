"""`tangent-bench figure` and `table`: what the pages tell a reader to type, and what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from tangent_bench import cli
from tests import pages
from tests.runs.conftest import FEW

ROOT = Path(__file__).parents[2]


def call(*words):
    return CliRunner().invoke(cli.app, [str(word) for word in words])


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_figure_is_written_beside_the_caller(here, folder):
    done = call("figure", "overview", "--results", folder, "--width", "3.25in", "--format", "png")
    assert done.exit_code == 0 and done.stdout == "overview.png\n", done.output
    with Image.open(here / "overview.png") as picture:
        assert picture.size[0] == 650  # 3.25 in at 200 dpi


def test_the_ending_of_a_file_is_its_format(here, published):
    done = call("figure", "scatter_linear", "--results", published, "--out", here / "a.svg")
    assert done.exit_code == 0 and (here / "a.svg").read_text().startswith("<?xml"), done.output


def test_folders_stand_side_by_side_in_either_way(here, folder, copied):
    texts = []
    for words in (["--results", folder, copied], ["--results", folder, "--results", copied]):
        done = call("table", "table1_addition", *words)
        assert done.exit_code == 0, done.output
        texts.append(done.stdout)
    assert texts[0] == texts[1] and "Tiny ViT/8, again" in texts[0]


def test_a_table_is_printed(folder):
    words = ["--format", "latex", "--bold-best", "--columns", "Absolute", "--digits", "2"]
    done = call("table", "table1_addition", "--results", folder, *words)
    assert done.exit_code == 0 and r"\textbf{" in done.stdout, done.output
    assert "Normalized" not in done.stdout


def test_modes_tasks_and_labels_are_passed_on(here, folder):
    (here / "t.yaml").write_text("tasks: {mnist: Figures}\n", encoding="utf-8")
    words = ["--tasks", ",".join(FEW[:2]), "--labels", "t.yaml", "--no-note", "--out", "a.svg"]
    done = call("figure", "scatter_linear", "--results", folder, *words)
    assert done.exit_code == 0, done.output
    drawn = (here / "a.svg").read_text(encoding="utf-8")
    assert "<!-- Figures -->" in drawn and "<!-- Terrain -->" not in drawn
    assert "n = " not in drawn


WRONG = [
    (["figure", "overview"], "Name the results by --results"),
    (["figure", "overview", "--results", "nowhere"], "There is no folder nowhere"),
    (["figure", "overview", "--results", "."], "neither rows.csv nor rows.csv.gz"),
    (["figure", "overview", "--results", "FOLDER", "--out", "."], "is a folder"),
    (["figure", "overview", "--results", "FOLDER", "--out", "no/a.pdf"], "There is no folder no"),
    (["figure", "overview", "--results", "FOLDER", "--out", "a.jpg"], "no ending of a figure"),
    (
        ["figure", "overview", "--results", "FOLDER", "--out", "a.pdf", "--format", "svg"],
        "does not end in .svg",
    ),
    (["figure", "overview", "--results", "FOLDER", "FOLDER"], "is given twice"),
    (["table", "claim_table", "--results", "FOLDER"], "Did you mean 'claims_table'"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_is_wrong_is_one_sentence_and_status_2(here, folder, words, sentence):
    done = call(*[folder if word == "FOLDER" else word for word in words])
    assert done.exit_code == 2 and done.stdout == ""
    assert sentence in done.stderr and done.stderr.count("\n") == 1
    assert list(here.glob("*.pdf")) == []


@pytest.mark.slow
def test_commands_of_the_pages_work(here):
    (here / "results").symlink_to(ROOT / "results")
    (here / "titles.yaml").write_text("modes: {linear-tangent: Ours}\n", encoding="utf-8")
    commands = [pages.words(command) for command in pages.commands()]
    ours = [words[1:] for words in commands if words[1:2] in (["figure"], ["table"])]
    assert len(ours) >= 5
    for words in ours:
        done = call(*words)
        assert done.exit_code == 0, (words, done.output)
