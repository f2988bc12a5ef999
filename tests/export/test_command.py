"""`tangent-bench merge`."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from tangent_bench import cli
from tangent_bench.cli import _merging, _process
from tangent_bench.export import _formats
from tangent_bench.store import artefacts, layout
from tests.results_folder import TASKS


@pytest.fixture
def call(monkeypatch, run, tmp_path):
    """`tangent-bench merge` for the model of the run, in its folder."""
    monkeypatch.setattr(_process, "prepare", lambda: None)
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"custom_models": run.custom}), encoding="utf-8")
    words = ["merge", "--configfile", str(file)]
    return lambda *more: CliRunner().invoke(cli.app, [*words, *map(str, more)])


def test_formats_of_the_command_are_those_that_there_are():
    assert [each.value for each in _merging.Format] == list(_formats.NETWORKS)


def test_the_command_says_what_it_wrote_and_how_to_load_it(call, run):
    of_run = "task_arithmetic", "--results", run.root, "--mode", "standard-network"
    done = call(*of_run, "--out", "a.safetensors")
    assert (done.exit_code, done.stderr) == (0, ""), done.output
    alpha = artefacts.load("a.safetensors", "merged model")[1]["alpha"]
    first, _, *usage = done.stdout.splitlines()
    assert first == (
        f"a.safetensors: mine, 2 vectors (one, two) merged by task_arithmetic, α = {alpha:g}, "
        "selected on validation images; Non-lin. FT (standard-network), seed 5."
    )
    program = "\n".join(line.removeprefix("    ") for line in usage)
    namespace: dict[str, Any] = {}
    exec(compile(program, "usage", "exec"), namespace)
    assert namespace["model"].visual.proj.shape == (16, 6)
    again = call(*of_run, "--out", "a.safetensors")
    assert again.exit_code == 2 and again.stderr.startswith("Error: a.safetensors is there;")


def test_the_command_in_json_and_with_files(call, run):
    files = [run.root / layout.vector("mine", "pretrained", "standard", task, 5) for task in TASKS]
    done = call(
        *("ties", "--set", "keep=0.4", "--alpha", "9", "--model", "mine", "--json"),
        *("--mode", "standard-tangent", "--out", "b.safetensors", "--vectors", *files),
    )
    assert done.exit_code == 0, done.output
    assert "outside of the grid of 'ties-" in done.stderr and "0 to 3" in done.stderr
    said = json.loads(done.stdout)
    assert (said["out"], said["alpha"], said["tasks"]) == ("b.safetensors", 9.0, list(TASKS))
    assert 'load_tangent("b.safetensors")' in said["usage"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tiess", "--alpha", "1"), "Did you mean 'ties'?"),
        (("ties", "--alpha", "chosen"), "--alpha 'chosen' cannot be read; expected 'selected'"),
        (("ties", "--set", "keep=2"), "'ties.keep' is 2"),
        (("ties", "--mode", "standard"), "nothing of mode 'standard'"),
    ],
)
def test_the_command_refuses_in_one_sentence(words, said, call, run):
    done = call(*words, "--results", run.root, "--out", "a.safetensors")
    assert done.exit_code == 2 and done.stderr.startswith("Error: ") and said in done.stderr
    assert done.stderr.count("\n") == 1
