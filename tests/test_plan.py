"""What a run will cost: amounts of work against what the experiments really ask for, and laws of
the whole.
"""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tangent_bench import models, registry
from tangent_bench.experiments import scope_of
from tangent_bench.planning import estimate, jobs
from tangent_bench.planning.asking import Asking
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.sizes import ModelSize
from tangent_bench.planning.units import pairs, passes
from tangent_bench.store import artefacts, layout
from tangent_bench.tangent.linearize import parameters
from tests.experiments import known
from tests.planned import MODEL, Costing, as_known, job, of_experiment, workload
from tests.workflow.checkout import merged

# Amounts of work, against the experiments themselves


def asked(experiment: str, accuracy) -> Counter:
    """(task, split) → points at which an experiment asks for predictions or embeddings."""
    study = known.study(experiment, accuracy)
    registry.load("experiments", experiment).run(study)
    return Counter((task, split) for task, split, _ in study.evaluator.asked)


def predicted(experiment: str, monkeypatch) -> Counter:
    """The same from the plan."""
    found = Counter()

    def counting(ask):
        def counted(self, task, split, points, *rest):
            found[task, split] += points
            ask(self, task, split, points, *rest)

        return counted

    for name in ("predict", "embed"):
        monkeypatch.setattr(Asking, name, counting(getattr(Asking, name)))
    of_experiment(as_known(experiment), experiment)
    return found


def selected(experiment: str) -> int:
    return registry.load("experiments", experiment).EXPERIMENT.selected_on_test


def smooth(task, split, point):
    return 0.3 + 0.4 * np.exp(-sum(abs(c) for c in point.values()))


@pytest.mark.parametrize("experiment", ["single_task", "disentanglement", "vector_localization"])
def test_points_of_an_experiment_are_those_that_it_asks_for(experiment, monkeypatch):
    assert predicted(experiment, monkeypatch) == asked(experiment, smooth)


def test_points_of_analogies_are_those_of_a_grid_for_each_direction(monkeypatch):
    real, planned = asked("task_analogies", smooth), predicted("task_analogies", monkeypatch)
    assert set(planned) == set(real) == {(known.CONTROL, "val"), (known.CONTROL, "test")}
    assert planned[known.CONTROL, "val"] == real[known.CONTROL, "val"] == 4 * 11
    assert planned[known.CONTROL, "test"] == 4 * selected("task_analogies") + 1


@pytest.mark.parametrize("experiment", ["task_addition", "task_negation"])
def test_points_of_a_grid_are_those_on_validation_and_as_many_as_are_selected_on_test(
    experiment, monkeypatch
):
    """On test it depends on the data how many; how often each task is asked about does not."""
    real, planned = asked(experiment, smooth), predicted(experiment, monkeypatch)
    assert {key: n for key, n in planned.items() if key[1] == "val"} == {
        key: n for key, n in real.items() if key[1] == "val"
    }
    assert set(planned) == set(real)
    ends = {"task_addition": 3, "task_negation": 0}[
        experiment
    ]  # both ends of the grid, and the single task
    assert planned["a", "test"] == selected(experiment) + ends
    if experiment == "task_negation":
        assert planned[known.CONTROL, "test"] == len(known.TASKS) * planned["a", "test"]


@pytest.mark.parametrize("experiment", ["kernel_gap", "ntk_localization"])
def test_kernels_of_an_experiment_are_those_that_it_computes(experiment, monkeypatch):
    from tangent_bench.tangent import kernel

    computed, planned, empirical, own = Counter(), Counter(), kernel.empirical, Asking.kernel

    def recorded(network, theta, images, readout=None, others=None, *rest):
        computed[len(images), len(readout), None if others is None else len(others)] += 1
        return empirical(network, theta, images, readout, others, *rest)

    def counted(self, rows, readouts, columns=None):
        planned[rows, readouts, columns] += 1
        own(self, rows, readouts, columns)

    monkeypatch.setattr(kernel, "empirical", recorded)
    monkeypatch.setattr(Asking, "kernel", counted)
    mode = {"kernel_gap": "standard-none", "ntk_localization": "none-none"}[experiment]
    registry.load("experiments", experiment).run(
        known.study(experiment, mode=mode, results=known.Folder())
    )
    of_experiment(as_known(experiment), experiment, mode)
    assert planned == computed


@pytest.mark.parametrize("num", [5, 64, 128, 200, 400])
def test_pairs_of_a_symmetric_kernel_are_those_of_its_blocks_of_rows(num):
    """As `kernel._add_gram` goes through them: each block of rows with all columns from its own
    diagonal on.
    """
    from tangent_bench.tangent.kernel import ROW_BLOCK

    blocks = [(min(ROW_BLOCK, num - first), num - first) for first in range(0, num, ROW_BLOCK)]
    assert pairs(num) == pytest.approx(sum(rows * columns for rows, columns in blocks), rel=0.02)
    assert pairs(num, 7) == 7 * num


@pytest.mark.parametrize("num_tasks", [1, 2, 3])
def test_subsets_are_counted_one_by_one(num_tasks):
    """Each subset: its own tasks at every coefficient on validation, all tasks at one on test; a
    logit a vector.
    """
    load = as_known("task_addition", num_tasks)
    tangent = of_experiment(load, "task_addition", "standard-tangent").units["logit", ""]
    tasks, classes, points = load.config["tasks"], 4, 11
    subsets = [s for n in range(1, num_tasks + 1) for s in itertools.combinations(tasks, n)]
    expected = sum(len(s) * (len(s) * points * 40 + num_tasks * 200) * classes for s in subsets)
    whole = (
        num_tasks
        * ((points * 40 + (selected("task_addition") + 2) * 200) * num_tasks + 40 + 200)
        * classes
    )
    assert tangent == expected + whole


def of_every_experiment(load) -> list[Job]:
    """A job of each experiment of a config, in a mode that it has."""
    made = []
    for name in load.config["experiments"]:
        mode = str(scope_of(name).modes(load.config)[-1])
        model = load.config["models"][0]
        made.append(job("run_experiment", experiment=name, mode=mode, model=model))
    return made


def test_every_experiment_of_the_presets_has_a_formula():
    for preset in ("tiny", "analyses", "paper", "emergence"):
        load = workload(preset)
        for planned in of_every_experiment(load):
            assert load.of(planned).known, planned


def test_a_rule_without_a_formula_counts_its_start_and_says_so():
    made = workload().of(Job("distil_text"))
    assert not made.known and made.units == {("start", ""): 1}
    assert workload().of(Job("draw_figure_overview")).known


# Laws


def test_twice_the_steps_are_twice_the_training_and_nothing_else():
    base = merged("tiny")
    twice = base["training"] | {"steps": 2 * base["training"]["steps"]}
    one, two = (
        load.of(job("finetune", training="linear", task="mnist"))
        for load in (workload(), workload(training=twice))
    )
    assert two.images == 2 * one.images == 2 * 200 * 64 and two.passes == 2 * one.passes
    changed = {unit[0] for unit in one.units if one.units[unit] != two.units[unit]}
    assert changed == {"linear step", "update"} and one.disk == two.disk


def test_a_model_with_fewer_steps_of_its_own_is_planned_with_them():
    own = {"tiny": {"steps": 50}}
    made = workload(recipes=own).of(job("finetune", training="linear", task="mnist"))
    assert made.images == 50 * 64
    assert workload(recipes={"wide": {"steps": 50}}).of(
        job("finetune", training="linear", task="mnist")
    ).images == (200 * 64)


def test_the_parts_of_a_pre_training_are_its_steps_together():
    load = workload("pretraining_ablation")
    recipe = load.config["rebuilding"]

    def parts(rule, **wildcards):
        percents = recipe["percents"]
        jobs = [Job(rule, {"run": "tiny-pre1", "percent": str(p), **wildcards}) for p in percents]
        return [load.of(each) for each in jobs]

    trunk = parts("advance_trunk", arm="step")
    batch = recipe["batch_size"]
    assert sum(each.images for each in trunk) == recipe["trunk_steps"] * batch
    assert [each.images // batch for each in trunk] == [20, 40, 140, 400, 1400]
    assert sum(each.passes for each in trunk) == 3 * recipe["trunk_steps"] * batch
    for each in parts("cool_down", arm="shuffled"):
        assert each.units["update", "tiny-pre1"] == recipe["cooldown_steps"]


def test_a_shard_of_the_corpus_is_its_pictures_and_their_captions():
    from tangent_bench.finetuning import pretraining

    load = workload("sizes")
    text_width = models.create(models.find("tiny"), init="random").text_projection.shape[0]
    made = load.of(Job("draw_corpus_again", {"seed": "2", "shard": "00"}))
    number = load.config["rebuilding"]["num_images"] // load.config["rebuilding"]["num_shards"]
    assert made.units["prompt", "tiny-pre2"] == number * pretraining.VARIANTS
    assert made.disk == number * (32 * 32 * 3 + 2 * pretraining.VARIANTS * text_width)


@pytest.mark.parametrize(("training", "seen"), [("tau_jp", 200 * 7 * 16), ("tak", 7 * 1000)])
def test_other_tasks_images_are_counted_as_those_of_linear_steps(training, seen):
    linear, made = (
        workload().of(job("finetune", training=name, task="mnist")) for name in ("linear", training)
    )
    assert made.images == linear.images + seen and made.units["linear step", "tiny"] == seen
    assert made.units[f"{training} step", "tiny"] == linear.units["linear step", "tiny"]
    assert made.passes == linear.passes + 5 * seen and made.disk == linear.disk
    assert made.units["byte", ""] - linear.units["byte", ""] == 7 * workload().tasks["mnist"].bytes(
        "train"
    )


def test_a_step_of_every_training_has_its_passes():
    assert all(passes(f"{name} step") for name in registry.names("training"))


def test_joint_training_takes_an_equal_part_of_every_task():
    config = workload().config
    made = workload().of(job("finetune", training="standard", task="multitask"))
    assert (
        made.images == config["joint_training"]["steps"] * 64
    )  # eight tasks, eight images of each
    assert workload(tasks=config["tasks"][:5]).of(
        job("finetune", training="standard", task="multitask")
    ).images == (
        config["joint_training"]["steps"] * 60  # 64 images are no five equal parts
    )


def test_products_cost_two_passes_each_beside_the_one_that_they_share():
    made = workload().of(job("encode_changes", training="standard", task="mnist"))
    assert made.passes == 240 * (1 + 2 * 9)  # eight tasks and the joint one


def test_a_grid_of_the_network_costs_nothing_of_the_kind_on_the_tangent_side():
    network, tangent = (
        of_experiment(workload(), "task_negation", f"standard-{side}")
        for side in ("network", "tangent")
    )
    assert network.passes > 0 and tangent.passes == 0
    assert ("start network", "tiny") in network.units and ("start", "") in tangent.units


def test_kinds_add_up_to_all_and_gpu_hours_are_those_of_jobs_that_hold_one():
    load = workload("micro")
    held = [replace(each, gpus=1) for each in of_every_experiment(load)]
    free = [job("prepare_images", task="mnist", split="val"), job("contact_sheet", task="mnist")]
    made = estimate.planned([*held, *free], load, Costing())
    *kinds, total = estimate.kinds(made)
    for key in ("jobs", "images", "hours", "gpu_hours", "disk"):
        assert sum(getattr(kind, key) for kind in kinds) == pytest.approx(getattr(total, key))
    hours = sum(each.seconds for each in made if each.job.gpus) / 3600
    assert total.gpu_hours == pytest.approx(hours) and 0 < hours < total.hours
    assert {kind.name for kind in kinds if not kind.gpu_hours} == {
        "prepare images",
        "contact sheet",
    }


def test_seconds_are_amounts_times_costs():
    load, costs = (
        workload(),
        Costing({("linear step", "tiny"): 2.0, ("update", "tiny"): 3.0, ("byte", ""): 0.0}),
    )
    (made,) = estimate.planned([job("finetune", training="linear", task="mnist")], load, costs)
    assert made.seconds == 1.0 + 200 * 64 * 2.0 + 200 * 3.0


def test_a_run_as_large_as_the_config_costs_what_the_config_does():
    load = workload(seeds=[0, 1])
    all_jobs = [*of_every_experiment(load), Job("collect_rows")]
    total = estimate.kinds(estimate.planned(all_jobs, load, Costing()))[-1]
    run = jobs.LargerRun(load.config, all_jobs, {task: task for task in load.config["tasks"]})
    same = estimate.larger(run, load, Costing())
    assert same.name == "with 8 tasks × 2 seeds"
    for key in ("jobs", "images", "passes", "hours", "disk"):
        assert getattr(same, key) == pytest.approx(getattr(total, key)), key


def test_a_copy_of_a_task_costs_what_the_task_does():
    load = workload()
    originals = {"mnist": "mnist", "copy-8": "mnist"}
    config = load.config | {"tasks": [*originals]}
    of_both = [job("encode_changes", training="standard", task=task) for task in originals]
    own, copy = (
        estimate.larger(jobs.LargerRun(config, [each], originals), load, Costing())
        for each in of_both
    )
    assert own == copy and own.disk == 240 * 3 * MODEL.embedding * 4


@pytest.mark.parametrize("num_tasks", [3, 8, 20])
def test_more_tasks_are_those_of_the_config_again(num_tasks):
    own = merged("tiny")["tasks"]
    taken = {"custom_tasks": {"copy-9": {}}}
    originals = jobs._originals(merged("tiny") | taken, num_tasks)
    assert list(originals)[:8] == own[:num_tasks] and len(originals) == num_tasks
    assert list(originals.values()) == [own[place % 8] for place in range(num_tasks)]
    assert "copy-9" not in originals


def test_the_larger_run_of_texts_has_its_own_tasks():
    """A copy is a folder of images, which a model that reads texts refuses."""
    config = merged("language")
    own = {task: task for task in config["tasks"]}
    assert jobs._originals(config, 20) == own
    assert list(jobs._originals(config, 3)) == config["tasks"][:3]


def test_disk_of_a_vector_and_of_features_is_that_of_their_files(tmp_path):
    """Real files, with the model whose vectors they are; a header of names and digests is all that
    is left out.
    """
    theta = {
        k: v.numpy()
        for k, v in parameters(models.create(models.find("tiny"), "random").visual).items()
    }
    artefacts.save(
        tmp_path / "vector", "vector", theta, theta0="0" * 64, task="mnist", training="linear"
    )
    load = workload()
    load.models["tiny"] = ModelSize(sum(v.size for v in theta.values()), 256)
    planned = load.of(job("finetune", training="linear", task="mnist")).disk
    assert planned == pytest.approx((tmp_path / "vector").stat().st_size, rel=0.01)
    sources = layout.sources(load.config, "standard")
    arrays = {
        f"{split}/{s}": np.zeros((n, 256), np.float32)
        for s in sources
        for split, n in (("val", 40), ("test", 200))
    }
    artefacts.save(tmp_path / "features", "features", arrays, theta0="0" * 64, vectors=sources)
    planned = load.of(job("encode_changes", training="standard", task="mnist")).disk
    assert planned == pytest.approx((tmp_path / "features").stat().st_size, rel=0.01)
