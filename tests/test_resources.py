"""What jobs ask a machine for: every rule has an entry, and FLOPs are those that others print."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from tangent_bench.planning import resources
from tests.workflow.checkout import ROOT, Checkout, preset

# Image tower, GFLOP (two for each multiplication with its addition), as open_clip's own profile
# prints them.
PRINTED = {"ViT-B-32-quickgelu": 8.82, "ViT-B-16-quickgelu": 35.13, "ViT-L-14-quickgelu": 162.03}
RULE = re.compile(r'^ *(?:rule (\w+):|f"(make_table|draw_figure)_)', re.MULTILINE)


@pytest.mark.parametrize("name", ["cores", "jobs", "local_cores", "max_threads"])
def test_a_run_without_a_core_is_refused(name):
    for number in (0, -3):
        option = name.replace("_", "-")
        with pytest.raises(ValueError, match=f"--{option} is {number}, expected .* at least 1"):
            resources.require_cores(**{name: number})
    resources.require_cores(**{name: 1}, other=None)


@pytest.mark.parametrize("architecture", PRINTED)
def test_gflop_of_a_vision_transformer(architecture):
    assert resources.gflop(architecture) == pytest.approx(PRINTED[architecture], abs=0.005)


def test_gflop_of_a_config_of_ones_own(tmp_path):
    """One token more than patches, one block: every product counted by hand."""
    vision = {"image_size": 4, "patch_size": 2, "layers": 1, "width": 3}
    config = tmp_path / "small.json"
    config.write_text(json.dumps({"vision_cfg": vision}), encoding="utf-8")
    products = {
        "patches": 5 * 12 * 3,
        "qkv": 5 * 3 * 9,
        "scores": 5 * 5 * 3,
        "sum": 5 * 5 * 3,
        "out": 5 * 3 * 3,
    }
    products |= {"mlp": 2 * 5 * 3 * 12}
    assert resources.gflop("small", str(config)) == pytest.approx(2e-9 * sum(products.values()))


def test_a_network_of_another_kind_asks_for_as_much_as_the_largest():
    assert resources.gflop("convnext_base") > max(PRINTED.values())


def _rules() -> dict[str, str]:
    """Name → text of every rule of the workflow, as it is written."""
    found = {}
    for file in (ROOT / "workflow/rules").glob("*.smk"):
        text = file.read_text(encoding="utf-8")
        starts = [(match[1] or match[2], match.start()) for match in RULE.finditer(text)]
        ends = [start for _, start in starts[1:]] + [len(text)]
        found |= {name: text[start:end] for (name, start), end in zip(starts, ends)}
    return found


def test_every_rule_asks_by_its_own_name_and_every_entry_has_a_rule():
    rules = _rules()
    assert set(rules) == set(resources.NEEDS)
    for name, text in rules.items():
        assert f'**asked("{name}"' in text, f"rule {name} asks for nothing"


def test_a_second_attempt_gets_twice_as_much():
    for rule in resources.NEEDS:
        first, second = (resources.ask(rule, 8.8, attempt) for attempt in (1, 2))
        assert {key: 2 * value for key, value in first.items()} == second


def test_a_gpu_is_asked_for_only_on_a_gpu():
    assert resources.num_gpus("finetune", "cpu") == 0
    assert resources.num_gpus("finetune", "cuda") == 1
    assert resources.num_gpus("summarize", "cuda") == 0


def test_crops_have_threads_of_their_own_where_a_gpu_is_fine_tuned_on():
    threads = [
        resources.num_threads(rule, d)
        for d in ("cpu", "cuda")
        for rule in ("finetune", "encode_changes")
    ]
    assert threads == [1, 1, 1 + resources.CROPPING_THREADS, 1]


def test_no_job_of_paper_scale_is_longer_than_three_days():
    """What most clusters allow at most."""
    for rule in resources.NEEDS:
        assert resources.ask(rule, PRINTED["ViT-L-14-quickgelu"])["runtime"] <= 3 * 24 * 60


@pytest.mark.slow
def test_jobs_of_a_dry_run_ask_for_memory_and_time_by_rule(tmp_path):
    arguments = preset("micro", tmp_path, results=str(tmp_path / "results"))
    finished = Checkout(ROOT).dry_run(*arguments)
    assert finished.status == 0, finished.output
    for job in re.split(r"\nrule (?!all:)", finished.output)[1:]:
        rule = re.sub(r"^(make_table|draw_figure)_.*", r"\1", job.partition(":")[0])
        asked = dict(
            re.findall(r"(\w+)=(\d+)\b", job.partition("resources: ")[2].partition("\n")[0])
        )
        assert int(asked["mem_mb"]) == resources.ask(rule, resources.gflop_of("tiny"))["mem_mb"], (
            job
        )
        assert int(asked["runtime"]) >= resources.NEEDS[rule].minutes and asked["gpu"] == "0", job


def test_the_cluster_profile_names_the_executor_and_no_option_that_the_default_profile_overrides():
    """profiles/default is read as well, and wins."""
    slurm, default = (
        yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())
        for name in ("slurm", "default")
    )
    assert slurm["executor"] == "slurm" and slurm["slurm-status-command"] == "squeue"
    assert not set(slurm) & set(default)
