"""Before a run: what `check` looks at, and what `plan` passes on."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import yaml

from tangent_bench import tasks
from tangent_bench.cli import _parameters
from tangent_bench.planning import jobs, missing, readiness, report, sizes
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.records import Compared
from tests.cli.calls import answer, call
from tests.planned import workload
from tests.workflow.checkout import ROOT


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A run of two jobs of 3 GB on two cores with 8 GB, which leave 20 bytes; and a way to change
    its config.
    """
    monkeypatch.setattr(
        jobs, "of_dag", lambda files: [Job("prepare_images", memory_mb=3000), Job("summarize")]
    )
    size = sizes.TaskSize({}, {}, 1, 1)
    monkeypatch.setattr(sizes, "of_task", lambda name, config: size)
    monkeypatch.setattr(readiness, "_models", lambda config, known, begin: ())
    monkeypatch.setattr(readiness, "_planned_bytes", lambda config, found, known: 10 * len(found))
    monkeypatch.setattr("snakemake.utils.available_cpu_count", lambda: 2)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=8e9))
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1000))

    def with_config(**changed):
        file = tmp_path / "changed.yaml"
        file.write_text(yaml.safe_dump({"results": str(tmp_path / "results"), **changed}))
        done = call("check", "--preset", "micro", "--configfile", file, "--json")
        found = json.loads(done.stdout)
        assert list(found) == ["ready", "findings"] and done.exit_code == int(not found["ready"])
        return {each["about"]: each for each in found["findings"]}

    return with_config


def test_a_run_that_can_begin(small, tmp_path):
    found = small()
    assert list(found) == ["config", "folders", "data", "weights", "gpu", "cores", "disk"]
    assert {each["status"] for each in found.values()} == {"ok"}
    assert found["disk"]["text"].endswith(f"free at {tmp_path}.")


def test_a_wrong_config_is_all_that_is_said(small):
    found = small(taskz=["mnist"])
    assert list(found) == ["config"] and "unknown key 'taskz'" in found["config"]["text"]


def test_data_and_weights_that_are_not_here_block(small, monkeypatch, tmp_path):
    monkeypatch.setattr(
        "tangent_bench.planning.missing.absent", lambda name, origin: f"get {origin.hub}"
    )
    monkeypatch.setattr(missing, "is_here", lambda model: False)
    found = small(control="svhn", models=["vit_b_32"])
    assert found["data"]["status"] == found["weights"]["status"] == "blocks"
    said = call("check", "--preset", "micro", "--configfile", tmp_path / "changed.yaml").stdout
    todo = said.partition("To do before the run, in this order:\n")[2].splitlines()
    assert [line.split()[:3] for line in todo] == [
        ["1.", "weights:", "get"],
        ["2.", "data:", "get"],
        ["3.", "check", "again"],
    ]
    assert (
        "get ufldl-stanford/svhn" in found["data"]["text"]
        and "hf download timm/" in found["weights"]["text"]
    )


def test_weights_of_the_users_are_looked_for(small, monkeypatch, tmp_path):
    def status(weights, **changed):
        entry = {"architecture": "ViT-B-32-quickgelu", "weights": weights}
        return small(models=["mine"], custom_models={"mine": entry}, **changed)["weights"]

    assert "no file, and no tag" in status("weights.safetensors")["text"]
    (tmp_path / "weights.safetensors").touch()
    assert status(str(tmp_path / "weights.safetensors"))["status"] == "ok"
    monkeypatch.setattr(missing, "is_here", lambda model: False)
    assert "hf download timm/vit_base_patch32_clip_224.openai" in status("openai")["text"]
    monkeypatch.setattr(
        missing, "is_here", lambda model: model.hub == "timm/vit_base_patch32_clip_224.openai"
    )
    assert status("openai")["status"] == "ok"
    assert status(None, inits=["random"])["status"] == "ok"


def test_a_gpu_that_is_not_there_blocks(small, monkeypatch):
    monkeypatch.setattr(
        "tangent_bench.planning.costs.gpu_is_missing", lambda config: config["device"] == "cuda"
    )
    found = small(device="cuda")
    assert found["gpu"]["status"] == "blocks" and "device: cpu" in found["gpu"]["text"]


def test_memory_for_all_cores_is_a_note(small, monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=5e9))
    found = small()
    assert found["cores"]["status"] == "note" and "mem_mb=5000" in found["cores"]["text"]


def test_disk_is_the_plan_less_what_is_built(small, monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=15))
    assert small()["disk"]["status"] == "blocks"
    (tmp_path / "results").mkdir()
    (tmp_path / "results/some").write_bytes(bytes(5))
    assert small()["disk"]["status"] == "ok"

    def unknown(name, config):
        raise sizes.NotCountedYet("nobody knows.")

    monkeypatch.setattr(sizes, "of_task", unknown)
    found = small()
    assert found["data"]["status"] == "ok", "a run counts them"
    assert found["disk"]["status"] == "note" and "nobody knows" in found["disk"]["text"]


def test_a_run_that_snakemake_cannot_plan_is_blocked(small, monkeypatch):
    def refuse(files):
        raise ValueError("Snakemake cannot plan this run: why.")

    monkeypatch.setattr(jobs, "of_dag", refuse)
    assert small()["jobs"]["status"] == "blocks"


def test_bytes_are_those_of_the_jobs():
    load = workload("micro")
    known = readiness._Known(load.tasks, load.models)
    found = [
        Job("prepare_images", {"task": load.config["tasks"][0], "split": split})
        for split in tasks.SPLITS
    ]
    assert readiness._planned_bytes(load.config, found, known) == 10 * (300 + 40 + 200)


def test_files_of_a_run(tmp_path):
    config, mine = ROOT / "config", tmp_path / "mine.yaml"
    assert _parameters.config_files(None, None) == [config / "tiny.yaml"]
    assert _parameters.config_files("paper", [mine]) == [config / "paper.yaml", mine]
    assert _parameters.config_files(None, [mine]) == [mine]


def test_plan_prints_what_the_plan_says(monkeypatch):
    asked = {}
    kind = {"name": "all", "jobs": 3, "images": 5, "hours": 0.5, "memory_mb": 2000}
    whole = {
        "preset": "micro",
        "kinds": [kind],
        "larger": kind | {"name": "more"},
        "units": [],
        "notes": ["Note."],
    }
    monkeypatch.setattr(report, "report", lambda *given: asked.update(given=given) or whole)
    assert answer("plan", "--preset", "micro", "--tasks", 3, "--seeds", 2) == whole
    assert asked["given"] == ([ROOT / "config/micro.yaml"], 3, 2)
    assert call("plan", "--preset", "micro").stdout.splitlines()[-1] == "Note."


def test_plan_against_a_run_fails_if_it_is_far_off(monkeypatch):
    found = [Compared("all", 3, 120.0, 100.0)]
    monkeypatch.setattr(report, "against", lambda files, folder: found)
    assert answer("plan", "--against", "results/tiny")[0] == {
        **{
            "name": "all",
            "jobs": 3,
            "predicted": 120.0,
            "measured": 100.0,
            "deviation": pytest.approx(0.2),
        }
    }
    found[0] = Compared("all", 3, 130.0, 100.0)
    done = call("plan", "--against", "results/tiny")
    assert done.exit_code == 1 and "+30" in done.stdout
