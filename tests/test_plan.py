"""What a run will cost: amounts of work against what the experiments really ask for, and laws of the whole."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter

import numpy as np
import pytest

from tangent_bench import artefacts, models, plan, registry, resources
from tangent_bench.linearize import parameters
from tangent_bench.planning import estimate, jobs, records, sizes, towers
from tangent_bench.planning.costs import Costs
from tangent_bench.planning.experiments import SELECTED, Asking
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.sizes import ModelSize, TaskSize, of_tasks
from tangent_bench.planning.work import Workload, pairs
from tests.experiments import known
from tests.workflow.checkout import merged

MODEL = ModelSize(parameters=1000, embedding=6)


def workload(preset="tiny", **changed) -> Workload:
    """A workload whose tasks have 300, 40 and 200 images of 4 classes."""
    config = merged(preset) | changed
    size = TaskSize({"train": 300, "val": 40, "test": 200}, dict.fromkeys(("train", "val", "test"), 10), 4, 2)
    named = [*config["tasks"], config["control"]]
    return Workload(config, dict.fromkeys(named, size), dict.fromkeys(config["models"], MODEL))


def as_known(experiment: str, num_tasks: int = 3) -> Workload:
    """A workload of the sizes of `known.study`."""
    grid = {"first": 0.0, "last": 1.0, "count": 11}
    settings = {experiment: known.SETTINGS[experiment]} if experiment in known.SETTINGS else {}
    names = [*known.TASKS][:num_tasks]
    changed = {"tasks": names, "control": known.CONTROL, "coefficients": grid, "bootstrap": {"replicates": 60}}
    made = workload(**changed, joint_training={"trainings": []}, **settings)
    assert {split: size for split, size in made.tasks["a"].images.items() if split != "train"} == known.NUM
    return made


class Costing(dict):
    """Every unit costs as many seconds as it says, others one."""

    def __missing__(self, unit):
        return 1.0


def job(rule: str, **wildcards: str) -> Job:
    return Job(rule, {"model": "tiny", "init": "pretrained", "seed": "0", **wildcards}, log=f"logs/{rule}.log")


def of_experiment(load: Workload, name: str, mode: str = "standard-network"):
    return load.of(job("run_experiment", experiment=name, mode=mode))


# Amounts of work, against the experiments themselves


def asked(experiment: str, accuracy) -> Counter:
    """(task, split) → points at which an experiment asks a network for predictions."""
    study = known.study(experiment, accuracy)
    registry.load("experiments", experiment).run(study)
    return Counter((task, split) for task, split, _ in study.evaluator.asked)


def predicted(experiment: str, monkeypatch) -> Counter:
    """The same from the plan."""
    found, predict = Counter(), Asking.predict

    def counted(self, task, split, points, *rest):
        found[task, split] += points
        predict(self, task, split, points, *rest)

    monkeypatch.setattr(Asking, "predict", counted)
    of_experiment(as_known(experiment), experiment)
    return found


def smooth(task, split, point):
    return 0.3 + 0.4 * np.exp(-sum(abs(c) for c in point.values()))


@pytest.mark.parametrize("experiment", ["single_task", "disentanglement"])
def test_points_of_an_experiment_are_those_that_it_asks_for(experiment, monkeypatch):
    assert predicted(experiment, monkeypatch) == asked(experiment, smooth)


@pytest.mark.parametrize("experiment", ["task_addition", "task_negation"])
def test_points_of_a_grid_are_those_on_validation_and_as_many_as_are_selected_on_test(experiment, monkeypatch):
    """On test it depends on the data how many; how often each task is asked about does not."""
    real, planned = asked(experiment, smooth), predicted(experiment, monkeypatch)
    assert {key: n for key, n in planned.items() if key[1] == "val"} == {
        key: n for key, n in real.items() if key[1] == "val"
    }
    assert set(planned) == set(real)
    ends = {"task_addition": 3, "task_negation": 0}[experiment]  # both ends of the grid, and the single task
    assert planned["a", "test"] == SELECTED[experiment] + ends
    if experiment == "task_negation":
        assert planned[known.CONTROL, "test"] == len(known.TASKS) * planned["a", "test"]


@pytest.mark.parametrize("experiment", ["kernel_gap", "ntk_localization"])
def test_kernels_of_an_experiment_are_those_that_it_computes(experiment, monkeypatch):
    from tangent_bench import kernel

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
    registry.load("experiments", experiment).run(known.study(experiment, mode=mode, results=known.Folder()))
    of_experiment(as_known(experiment), experiment, mode)
    assert planned == computed


@pytest.mark.parametrize("num", [5, 64, 128, 200, 400])
def test_pairs_of_a_symmetric_kernel_are_those_of_its_blocks_of_rows(num):
    """As `kernel._add_gram` goes through them: each block of rows with all columns from its own diagonal on."""
    from tangent_bench.kernel import ROW_BLOCK

    blocks = [(min(ROW_BLOCK, num - first), num - first) for first in range(0, num, ROW_BLOCK)]
    assert pairs(num) == pytest.approx(sum(rows * columns for rows, columns in blocks), rel=0.02)
    assert pairs(num, 7) == 7 * num


@pytest.mark.parametrize("num_tasks", [1, 2, 3])
def test_subsets_are_counted_one_by_one(num_tasks):
    """Each subset: its own tasks at every coefficient on validation, all tasks at one on test; a logit a vector."""
    load = as_known("task_addition", num_tasks)
    tangent = of_experiment(load, "task_addition", "standard-tangent").units["logit", ""]
    tasks, classes, points = load.config["tasks"], 4, 11
    subsets = [s for n in range(1, num_tasks + 1) for s in itertools.combinations(tasks, n)]
    expected = sum(len(s) * (len(s) * points * 40 + num_tasks * 200) * classes for s in subsets)
    whole = num_tasks * ((points * 40 + (SELECTED["task_addition"] + 2) * 200) * num_tasks + 40 + 200) * classes
    assert tangent == expected + whole


def test_every_experiment_of_the_presets_has_a_formula():
    for preset in ("tiny", "analyses", "paper", "emergence"):
        load = workload(preset)
        for planned in (j for j in jobs.of_config(load.config) if j.rule == "run_experiment"):
            assert load.of(planned).known, planned


def test_a_rule_without_a_formula_counts_its_start_and_says_so():
    made = workload().of(Job("advance_trunk"))
    assert not made.known and made.units == {("start", ""): 1}
    assert workload().of(Job("draw_figure_overview")).known


# Laws


def test_twice_the_steps_are_twice_the_training_and_nothing_else():
    base = merged("tiny")
    twice = base["training"] | {"steps": 2 * base["training"]["steps"]}
    one, two = (
        load.of(job("finetune", training="linear", task="mnist")) for load in (workload(), workload(training=twice))
    )
    assert two.images == 2 * one.images == 2 * 200 * 64 and two.passes == 2 * one.passes
    changed = {unit[0] for unit in one.units if one.units[unit] != two.units[unit]}
    assert changed == {"linear step", "update"} and one.disk == two.disk


def test_joint_training_takes_an_equal_part_of_every_task():
    config = workload().config
    made = workload().of(job("finetune", training="standard", task="multitask"))
    assert made.images == config["joint_training"]["steps"] * 64  # eight tasks, eight images of each
    assert workload(tasks=config["tasks"][:5]).of(job("finetune", training="standard", task="multitask")).images == (
        config["joint_training"]["steps"] * 60  # 64 images are no five equal parts
    )


def test_products_cost_two_passes_each_beside_the_one_that_they_share():
    made = workload().of(job("encode_changes", training="standard", task="mnist"))
    assert made.passes == 240 * (1 + 2 * 9)  # eight tasks and the joint one


def test_a_grid_of_the_network_costs_nothing_of_the_kind_on_the_tangent_side():
    network, tangent = (
        of_experiment(workload(), "task_negation", f"standard-{side}") for side in ("network", "tangent")
    )
    assert network.passes > 0 and tangent.passes == 0
    assert ("start network", "tiny") in network.units and ("start", "") in tangent.units


def test_kinds_add_up_to_all_and_gpu_hours_are_those_of_jobs_that_hold_one():
    load = workload("micro", device="cuda")
    made = estimate.planned(jobs.of_config(load.config), load, Costing())
    *kinds, total = estimate.kinds(made)
    for key in ("jobs", "images", "hours", "gpu_hours", "disk"):
        assert sum(getattr(kind, key) for kind in kinds) == pytest.approx(getattr(total, key))
    held = sum(each.seconds for each in made if each.job.gpus) / 3600
    assert total.gpu_hours == pytest.approx(held) and 0 < held < total.hours
    assert {kind.name for kind in kinds if not kind.gpu_hours} >= {"prepare images", "contact sheet"}


def test_seconds_are_amounts_times_costs():
    load, costs = workload(), Costing({("linear step", "tiny"): 2.0, ("update", "tiny"): 3.0, ("byte", ""): 0.0})
    (made,) = estimate.planned([job("finetune", training="linear", task="mnist")], load, costs)
    assert made.seconds == 1.0 + 200 * 64 * 2.0 + 200 * 3.0


def test_a_run_as_large_as_the_config_costs_what_the_config_does():
    load = workload(seeds=[0, 1])
    made = estimate.planned([*jobs.of_config(load.config), Job("collect_rows")], load, Costing())
    total = estimate.kinds(made)[-1]
    same = estimate.grown(made, load, Costing(), 8, 2)
    for key in ("jobs", "images", "passes", "hours", "disk"):
        assert getattr(same, key) == pytest.approx(getattr(total, key)), key


def test_twice_the_seeds_are_twice_what_knows_seeds():
    load = workload()
    one, two = (Counter(j.rule for j in jobs.of_config(estimate.larger(load, 8, seeds).config)) for seeds in (1, 2))
    assert {rule: two[rule] / one[rule] for rule in one} == {
        **dict.fromkeys(("prepare_images", "contact_sheet", "build_head", "encode_base"), 1.0),
        **dict.fromkeys(("finetune", "encode_changes", "run_experiment"), 2.0),
    }


def test_more_tasks_are_those_of_the_config_again():
    larger = estimate.larger(workload(), 20, 1)
    assert len(set(larger.config["tasks"])) == 20
    assert Counter(name.rstrip("'") for name in larger.config["tasks"]) == {
        task: 3 if k < 4 else 2 for k, task in enumerate(merged("tiny")["tasks"])
    }
    found = Counter(j.rule for j in jobs.of_config(larger.config))
    assert found["finetune"] == 2 * 20 + 1 and found["encode_changes"] == 2 * 21
    made = larger.of(job("encode_changes", training="standard", task="mnist''"))
    assert made.disk == 240 * 21 * MODEL.embedding * 4


def test_disk_of_a_vector_and_of_features_is_that_of_their_files(tmp_path):
    """Real files, with the model whose vectors they are; a header of names and digests is all that is left out."""
    theta = {k: v.numpy() for k, v in parameters(models.create(models.find("tiny"), "random").visual).items()}
    artefacts.save(tmp_path / "vector", "vector", theta, theta0="0" * 64, task="mnist", training="linear")
    load = workload()
    load.models["tiny"] = ModelSize(sum(v.size for v in theta.values()), 256)
    planned = load.of(job("finetune", training="linear", task="mnist")).disk
    assert planned == pytest.approx((tmp_path / "vector").stat().st_size, rel=0.01)
    sources = jobs.sources(load.config, "standard")
    arrays = {
        f"{split}/{s}": np.zeros((n, 256), np.float32) for s in sources for split, n in (("val", 40), ("test", 200))
    }
    artefacts.save(tmp_path / "features", "features", arrays, theta0="0" * 64, vectors=sources)
    planned = load.of(job("encode_changes", training="standard", task="mnist")).disk
    assert planned == pytest.approx((tmp_path / "features").stat().st_size, rel=0.01)


def test_a_job_that_takes_longer_than_it_asks_for_is_named(made):
    asked = [Job(each.job.rule, each.job.wildcards, minutes=60) for each in made]
    plans = [estimate.Planned(j, each.work, hours * 3600.0) for j, each, hours in zip(asked, made, (1.5, 0.9, 0.1))]
    plans.append(estimate.Planned(asked[0], made[0].work, 2.0 * 3600))
    assert {kind: each.seconds for kind, each in estimate.too_long(plans).items()} == {"finetune (linear)": 7200.0}
    assert "finetune (linear) 2.0 h of 1.0 h" in plan.notes(plans, merged("paper"), True)[-1]


# Sizes


def test_sizes_of_the_papers_tasks_are_known_without_their_data():
    config = merged("paper")
    found = of_tasks(config)
    assert found["svhn"].images == {"train": 68_257, "val": 5_000, "test": 26_032} and found["svhn"].native
    assert found["imagenet"].images == {"val": 5_000, "test": 50_000}
    assert found["imagenet"].bytes("test") == pytest.approx(50_000 * 224 * 224 * 3, rel=0.001)
    assert found["imagenet"].num_classes * found["imagenet"].num_templates == 80_000


def test_embedded_tasks_are_counted_and_timed_and_a_limit_holds():
    config = merged("micro") | {"tasks": ["terrain"], "control": "photographs"}
    found = of_tasks(config)["terrain"]
    assert found.images == {"train": 256, "val": 100, "test": 150}
    assert found.image_bytes["train"] == 3 * 32 * 32 + 16
    assert all(0 < seconds < 60 for seconds in found.seconds.values())


def test_a_task_of_the_hub_that_is_not_here_stops_the_plan_with_a_sentence(tmp_path):
    entry = {"hub": "someone/pets", "templates": ["{}"], "class_names": ["cat", "dog"]}
    config = merged("micro") | {"tasks": ["pets"], "control": "terrain", "custom_tasks": {"pets": entry}}
    config |= {"results": str(tmp_path)}
    with pytest.raises(ValueError, match=r"How many images split 'train' of task 'pets'.*prepare it first"):
        of_tasks(config)
    for split, number in (("train", 30), ("val", 4), ("test", 12)):
        arrays = {"labels": np.zeros(number, np.int64)}
        artefacts.save(tmp_path / f"data/pets/{split}.safetensors", "images", arrays)
    assert of_tasks(config)["pets"].images == {"train": 30, "val": 4, "test": 12}


# Costs


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
    assert costs["encode", "vit_b_32"] == pytest.approx(one) and costs["tangent", "vit_b_32"] == pytest.approx(2 * one)
    assert costs["standard step", "vit_b_32"] == pytest.approx(3 * one + 0.002)
    assert costs["kernel pair", "vit_b_32"] == pytest.approx(one * 2 * 87_849_216 / 8.82e9, rel=0.01)
    assert costs["prompt", "vit_b_32"] == pytest.approx(6.0 / resources.GPU_GFLOP_PER_SECOND)


def test_operations_of_a_text_are_those_that_pytorch_counts():
    from torch.utils.flop_counter import FlopCounterMode

    about = models.find("tiny")
    network, tokens = models.create(about, "random"), models.tokenizer(about)(["a photo of a cat"] * 4)
    with FlopCounterMode(display=False) as counter:
        network.encode_text(tokens)
    (size,) = sizes.of_models(merged("tiny")).values()
    assert 1e9 * size.prompt_gflop == pytest.approx(counter.get_total_flops() / 4, rel=0.15)


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
    found = [job("finetune", training="linear", task="mnist"), job("encode_base", task="mnist"), Job("collect_rows")]
    logs = [f"results/micro/logs/{k}.log" for k in range(3)]
    found = [Job(j.rule, j.wildcards, log=log) for j, log in zip(found, logs, strict=True)]
    return estimate.planned(found, load, Costing())


def record(folder, number: int, **content) -> None:
    (folder / "logs").mkdir(exist_ok=True)
    (folder / f"logs/{number}.json").write_text(json.dumps(content))


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
    assert estimate.kinds(made, {log: each.peak_bytes for log, each in taken.items()})[-1].peak_bytes == 30


def test_a_damaged_record_and_a_folder_without_records_are_errors_of_one_sentence(tmp_path, made):
    with pytest.raises(ValueError, match="No job of this config has a record"):
        records.compare(made, records.read(tmp_path, made, "results/micro"))
    record(tmp_path, 0, seconds="soon", peak_memory_bytes=1)
    with pytest.raises(ValueError, match=r"0\.json is no record of a job"):
        records.read(tmp_path, made, "results/micro")


# What is printed


def test_predicted_stands_beside_measured():
    lines = plan.comparison([records.Compared("finetune", 3, 150.0, 120.0), records.Compared("all", 3, 90.0, 120.0)])
    assert [line.split() for line in lines.splitlines()[1:]] == [
        ["finetune", "3", "150", "120", "+25"], ["all", "3", "90.0", "120", "-25"],
    ]  # fmt: skip


def test_the_table_has_all_kinds_the_most_expensive_first_and_the_larger_run(made):
    load = workload("micro")
    *kinds, total = estimate.kinds(made)
    text = plan.table([*kinds, total, estimate.grown(made, load, Costing(), 20, 10)]).splitlines()
    assert [line.split("  ")[0].strip() for line in text] == [
        "", "encode base", "finetune (linear)", "collect rows", "all", "with 20 tasks × 10 seeds",
    ]  # fmt: skip
    assert len({len(line) for line in text}) == 1 and "Peak" not in text[0]


def test_notes_say_what_was_assumed_and_what_is_not_counted(made):
    config = merged("paper")
    assert "10 TFLOP/s of float32 for networks are assumed" in plan.notes(made, config, True)[0]
    assert "measured here, on its GPU" in plan.notes(made, config, False)[0]
    unknown = estimate.planned([Job("advance_trunk")], workload(), Costing())
    assert plan.notes(unknown, config, False)[1:] == [
        plan.NOT_COUNTED, "Of these only the start is counted, they have no formula: advance trunk.",
    ]  # fmt: skip


def test_a_wrong_config_is_an_error_of_one_sentence(tmp_path, capsys):
    file = tmp_path / "wrong.yaml"
    file.write_text("taskz: []\n")
    assert plan.main(["--configfile", str(file)]) == 1
    assert capsys.readouterr().err.startswith("Error: Config: unknown key 'taskz'")
    assert plan.main(["--configfile", str(tmp_path / "missing.yaml")]) == 1
    assert "missing.yaml cannot be read as a config" in capsys.readouterr().err
