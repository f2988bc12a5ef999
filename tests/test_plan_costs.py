"""Sizes and unit costs of a plan, a plan against a finished run, and what is printed."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from tangent_bench import models
from tangent_bench.planning import estimate, records, report, resources, sizes, towers
from tangent_bench.planning.costs import Costs
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.sizes import ModelSize, of_tasks
from tangent_bench.store import artefacts
from tests.planned import Costing, job, workload
from tests.workflow.checkout import merged

# Sizes


def test_sizes_of_the_papers_tasks_are_known_without_their_data():
    config = merged("paper")
    found = of_tasks(config)
    assert (
        found["svhn"].images == {"train": 68_257, "val": 5_000, "test": 26_032}
        and found["svhn"].native
    )
    assert found["imagenet"].images == {"val": 5_000, "test": 50_000}
    assert found["imagenet"].bytes("test") == pytest.approx(50_000 * 224 * 224 * 3, rel=0.001)
    assert found["imagenet"].num_classes * found["imagenet"].num_templates == 80_000


@pytest.mark.slow
def test_embedded_tasks_are_counted_and_timed_and_a_limit_holds():
    config = merged("micro") | {"tasks": ["terrain"], "control": "pictograms"}
    found = of_tasks(config)["terrain"]
    assert found.images == {"train": 256, "val": 100, "test": 150}
    assert found.image_bytes["train"] == 3 * 32 * 32 + 16
    assert all(0 < seconds < 60 for seconds in found.seconds.values())


def test_a_task_of_the_hub_that_is_not_here_stops_the_plan_with_a_sentence(tmp_path):
    entry = {"hub": "someone/pets", "templates": ["{}"], "class_names": ["cat", "dog"]}
    config = merged("micro") | {
        "tasks": ["pets"],
        "control": "mnist",
        "custom_tasks": {"pets": entry},
    }
    config |= {"results": str(tmp_path)}
    with pytest.raises(
        ValueError, match=r"How many images split 'train' of task 'pets'.*prepare it first"
    ):
        of_tasks(config)
    for split, number in (("train", 30), ("val", 4), ("test", 12)):
        arrays = {"labels": np.zeros(number, np.int64)}
        artefacts.save(tmp_path / f"data/pets/{split}.safetensors", "images", arrays)
    assert of_tasks(config)["pets"].images == {"train": 30, "val": 4, "test": 12}


# Costs


@pytest.mark.alone
def test_seconds_are_the_processors_and_not_the_clocks():
    def busy_and_asleep() -> None:
        end = time.process_time() + 0.03
        while time.process_time() < end:
            pass
        time.sleep(0.06)

    assert towers.seconds_of(busy_and_asleep) == pytest.approx(0.03, rel=0.2)


def test_without_the_gpu_that_is_asked_for_a_pass_lasts_the_models_flops(monkeypatch):
    monkeypatch.setattr("tangent_bench.planning.costs.gpu_is_missing", lambda config: True)
    costs = Costs(merged("paper"), {"vit_b_32": ModelSize(87_849_216, 512, 0.5, prompt_gflop=6.0)})
    costs["crop", ""] = 0.002
    one = resources.gflop("ViT-B-32-quickgelu") / resources.GPU_GFLOP_PER_SECOND
    assert costs["encode", "vit_b_32"] == pytest.approx(one) and costs[
        "tangent", "vit_b_32"
    ] == pytest.approx(2 * one)
    assert costs["standard step", "vit_b_32"] == pytest.approx(3 * one + 0.002)
    assert costs["kernel pair", "vit_b_32"] == pytest.approx(
        one * 2 * 87_849_216 / 8.82e9, rel=0.01
    )
    assert costs["prompt", "vit_b_32"] == pytest.approx(6.0 / resources.GPU_GFLOP_PER_SECOND)


def test_operations_of_a_text_are_those_that_pytorch_counts():
    from torch.utils.flop_counter import FlopCounterMode

    about = models.find("tiny")
    network, tokens = (
        models.create(about, "random"),
        models.tokenizer(about)(["a photo of a cat"] * 4),
    )
    with FlopCounterMode(display=False) as counter:
        network.encode_text(tokens)
    (size,) = sizes.of_models(merged("tiny")).values()
    assert 1e9 * size.prompt_gflop == pytest.approx(counter.get_total_flops() / 4, rel=0.15)


@pytest.mark.alone
def test_units_of_a_model_are_measured_on_it():
    costs = Costs(merged("tiny"), {"tiny": ModelSize(850_000, 256)})
    names = ["encode", "point", "primal", "tangent", "standard step", "update", "sum"]
    seconds = {name: costs[name, "tiny"] for name in names}
    assert all(0 <= value < 0.1 for value in seconds.values()), seconds
    # A step is three passes and a crop; anything near one of them would be another thing.
    assert seconds["standard step"] > 1.5 * seconds["point"] > 0.0


# Against a finished run


@pytest.fixture
def made():
    load = workload("micro")
    found = [
        job("finetune", training="linear", task="mnist"),
        job("encode_base", task="mnist"),
        Job("collect_rows"),
    ]
    logs = [f"results/micro/logs/{k}.log" for k in range(3)]
    found = [Job(j.rule, j.wildcards, log=log) for j, log in zip(found, logs, strict=True)]
    return estimate.planned(found, load, Costing())


def record(folder, number: int, **content) -> None:
    (folder / "logs").mkdir(exist_ok=True)
    (folder / f"logs/{number}.json").write_text(json.dumps(content, indent=1))


def test_predictions_stand_beside_the_records_of_their_own_jobs(tmp_path, made):
    record(tmp_path, 0, seconds=2 * made[0].seconds, peak_memory_bytes=10)
    record(tmp_path, 1, seconds=made[1].seconds / 2, peak_memory_bytes=30)
    record(tmp_path, 7, seconds=1e9, peak_memory_bytes=1)  # of no job of this plan
    taken = records.read(tmp_path, made, "results/micro")
    *found, total = records.compare(made, taken)
    assert {each.name: each.deviation for each in found} == pytest.approx(
        {"finetune (linear)": -0.5, "encode base": 1.0}
    )
    assert total.jobs == 2 and total.predicted == made[0].seconds + made[1].seconds
    assert [each.name for each in found] == ["finetune (linear)", "encode base"]
    assert (
        estimate.kinds(made, {log: each.peak_bytes for log, each in taken.items()})[-1].peak_bytes
        == 30
    )


def test_a_damaged_record_and_a_folder_without_records_are_errors_of_one_sentence(tmp_path, made):
    with pytest.raises(ValueError, match="No job of this config has a record"):
        records.compare(made, records.read(tmp_path, made, "results/micro"))
    record(tmp_path, 0, seconds="soon", peak_memory_bytes=1)
    with pytest.raises(ValueError, match=r"0\.json is no record of a job"):
        records.read(tmp_path, made, "results/micro")


# What is printed


def test_predicted_stands_beside_measured():
    lines = report.comparison(
        [records.Compared("finetune", 3, 150.0, 120.0), records.Compared("all", 3, 90.0, 120.0)]
    )
    assert [line.split() for line in lines.splitlines()[1:]] == [
        ["finetune", "3", "150", "120", "+25"], ["all", "3", "90.0", "120", "-25"],
    ]  # fmt: skip


def test_the_table_has_all_kinds_the_most_expensive_first_and_the_larger_run(made):
    *kinds, total = estimate.kinds(made)
    larger = replace(total, name="with 20 tasks × 10 seeds")
    text = report.table([*kinds, total, larger]).splitlines()
    assert [line.split("  ")[0].strip() for line in text] == [
        "", "encode base", "finetune (linear)", "collect rows", "all", "with 20 tasks × 10 seeds",
    ]  # fmt: skip
    assert len({len(line) for line in text}) == 1 and "Peak" not in text[0]


def test_notes_say_what_was_assumed_and_what_is_not_counted(made):
    config = merged("paper")
    assert "10 TFLOP/s of float32 for networks are assumed" in report.notes(made, config, True)[0]
    assert "measured here, on its GPU" in report.notes(made, config, False)[0]
    unknown = estimate.planned([Job("distil_text")], workload(), Costing())
    assert report.notes(unknown, config, False)[1:] == [
        report.NOT_COUNTED,
        "Of these only the start is counted, they have no formula: distil text.",
    ]


def test_a_wrong_config_is_an_error_of_one_sentence(tmp_path):
    file = tmp_path / "wrong.yaml"
    file.write_text("taskz: []\n")
    with pytest.raises(ValueError, match="^Config: unknown key 'taskz'"):
        report.report([file])
    with pytest.raises(ValueError, match="missing.yaml cannot be read as a config"):
        report.against([tmp_path / "missing.yaml"], tmp_path)


def test_a_job_that_takes_longer_than_it_asks_for_is_named(made):
    asked = [Job(each.job.rule, each.job.wildcards, minutes=60) for each in made]
    plans = [
        estimate.PlannedJob(j, each.work, hours * 3600.0)
        for j, each, hours in zip(asked, made, (1.5, 0.9, 0.1))
    ]
    plans.append(estimate.PlannedJob(asked[0], made[0].work, 2.0 * 3600))
    assert {kind: each.seconds for kind, each in estimate.too_long(plans).items()} == {
        "finetune (linear)": 7200.0
    }
    assert "finetune (linear) 2.0 h of 1.0 h" in report.notes(plans, merged("paper"), True)[-1]
