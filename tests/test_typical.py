"""Seconds of jobs that are known at once: the plan's amounts of work, typical seconds of a unit."""

from __future__ import annotations

import csv

import pytest

from tangent_bench import registry
from tangent_bench.planning import costs, sizes, typical
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.units import passes
from tests.planned import job
from tests.test_plan import of_every_experiment
from tests.workflow.checkout import merged

PRESETS = "tiny", "micro", "analyses", "methods", "paper", "training_modes", "emergence"


def seconds(config: dict, rule: str, **wildcards: str) -> float:
    (found,) = typical.seconds(config, [job(rule, **wildcards)])
    assert found is not None
    return found


class Planned:
    """Of a workload, what `of_every_experiment` asks for."""

    def __init__(self, config: dict) -> None:
        self.config = config


@pytest.mark.parametrize("preset", PRESETS)
def test_every_job_of_a_preset_has_seconds(preset):
    config = merged(preset)
    jobs = of_every_experiment(Planned(config))
    for task in config["tasks"]:
        model = config["models"][0]
        jobs.append(job("prepare_images", task=task, split="test"))
        jobs.append(job("build_head", task=task, model=model))
        for training in registry.names("training"):
            jobs.append(job("finetune", task=task, training=training, model=model))
            jobs.append(job("encode_changes", task=task, training=training, model=model))
    for found in typical.seconds(config, jobs):
        assert found is not None and typical.LAUNCH < found < 1e6


def test_there_are_seconds_of_every_unit_that_plan_measures():
    assert set(costs.PLAIN) <= set(typical.SECONDS)
    assert {passes(f"{name} step") for name in registry.names("training")} == {
        passes("standard step"),
        passes("linear step"),
    }


def test_images_are_counted_as_they_are_pinned_and_limited():
    with typical.PINS.open(newline="") as file:
        pins = {(row["task"], row["split"]): int(row["num_images"]) for row in csv.DictReader(file)}
    config = merged("tiny")
    for task in (*config["tasks"], config["control"]):
        for split, number in typical._task_size(task, config).images.items():
            assert number == pins[task, split]
    limit = merged("micro")["data"]
    assert typical._task_size("mnist", merged("micro")).images["train"] == limit["max_train"]


def test_a_task_of_the_hub_that_is_not_prepared_has_typical_images():
    entry = {"hub": "a/b", "templates": ["{}"]}
    config = merged("tiny") | {"custom_tasks": {"own": entry}}
    with pytest.raises(sizes.NotCountedYet):
        sizes.of_task("own", config)
    assert typical._task_size("own", config).images == typical.IMAGES


def test_seconds_grow_with_steps_and_with_the_model():
    config = merged("tiny")
    twice = config | {"training": config["training"] | {"steps": 400}}
    one, two = (
        seconds(each, "finetune", task="mnist", training="linear") for each in (config, twice)
    )
    at_start = typical.LAUNCH + typical.SECONDS["start network"]
    assert two - at_start == pytest.approx(2 * (one - at_start), rel=0.01)
    paper = merged("paper") | {"device": "cpu"}
    small, large = (
        seconds(paper, "encode_base", task="cars", model=model)
        for model in ("vit_b_32", "vit_l_14")
    )
    assert large > 10 * small
    on_gpu = seconds(merged("paper"), "encode_base", task="cars", model="vit_l_14")
    assert on_gpu < large / 10


def test_what_has_no_formula_is_not_known_unless_it_reads_rows_alone():
    config = merged("tiny")
    jobs = [Job("distil_text"), Job("make_leaderboard"), Job("draw_figure_overview")]
    text, leaderboard, figure = typical.seconds(config, jobs)
    assert text is None and leaderboard is not None and figure is not None


def test_parts_of_a_pre_training_are_known_to_the_progress():
    """On two busy cores of an AMD EPYC a shard took 180 to 250 s, and the last stretch 744 s."""
    config = merged("pretraining_ablation")
    shard, first, last = typical.seconds(
        config,
        [
            Job("draw_corpus_again", {"seed": "1", "shard": "00"}),
            Job("advance_trunk", {"run": "tiny-pre1", "arm": "step", "percent": "1"}),
            Job("advance_trunk", {"run": "tiny-pre1", "arm": "step", "percent": "100"}),
        ],
    )
    assert 100 < shard < 500 and 300 < last < 1500 and first < last / 10
