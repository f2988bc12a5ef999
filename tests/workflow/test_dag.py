"""What Snakemake plans from a config, and what every rule must have."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys

import pytest

from tangent_bench import registry
from tangent_bench.experiments import (
    AcrossInits,
    AcrossModes,
    EachMode,
    EachModel,
    EachTraining,
    Once,
    scope_of,
)
from tangent_bench.store import layout
from tests.workflow.checkout import ROOT, Checkout, environment, merged, preset

HERE = Checkout(ROOT)
RULES = [*(ROOT / "workflow/rules").glob("*.smk")]
# others: test_claims_presets.py
PRESETS = [
    *("default", "tiny", "micro", "analyses", "emergence", "five_seeds", "training_modes"),
    *("three_models", "untrained", "language", "analogies"),
]


def _plan(tmp_path, name: str, **changed: object) -> dict[str, int]:
    """Jobs of a dry run into a folder where nothing is built."""
    finished = HERE.dry_run(*preset(name, tmp_path, results=str(tmp_path / "results"), **changed))
    assert finished.status == 0, finished.output
    return finished.jobs


def _num_jobs(config: dict, experiment: str) -> int:
    """Jobs of an experiment at one of its places: modes times seeds."""
    num_seeds = len(config["seeds"])
    match scope_of(experiment):
        case EachModel():
            return 1
        case AcrossModes():
            return num_seeds
        case EachTraining():
            return len(config["trainings"]) * num_seeds
        case EachMode(needs_vectors=False):
            return len(config["modes"]) * num_seeds
    return len(set(config["modes"]) - {"none-network"}) * num_seeds


def _num_places(config: dict, experiment: str) -> int:
    """Models times initialisations that have jobs of their own."""
    match scope_of(experiment):
        case Once():
            return 1
        case AcrossInits():
            return len(config["models"])
    return len(config["models"]) * len(config["inits"])


def _num_texts(config: dict) -> int:
    """Text towers that heads are made from."""
    return len({layout.text(init) for init in config["inits"]})


def _expected(config: dict) -> dict[str, int]:
    """Number of jobs of each rule, from the config."""
    tasks, control = len(config["tasks"]), 1
    has_texts = registry.task_folder(config["control"]) == "texts"
    models, inits, seeds, trainings = (
        len(config[key]) for key in ("models", "inits", "seeds", "trainings")
    )
    experiments = config["experiments"]
    figures = {name: registry.load("figures", name).FIGURE for name in registry.names("figures")}
    run = experiments, config["modes"], inits, config["models"]
    made = {n: f.kind for n, f in figures.items() if f.possible(*run)}
    read = len(
        {mode.removesuffix("-tangent") for mode in config["modes"] if mode.endswith("-tangent")}
    )
    counts = {
        "prepare_texts" if has_texts else "prepare_images": 3 * tasks + 2 * control,
        "build_head": models * _num_texts(config) * (tasks + control),
        "encode_base": models * inits * (tasks + control),
        "finetune": models
        * inits
        * seeds
        * (trainings * tasks + len(config["joint_training"]["trainings"])),
        "encode_changes": models * inits * read * seeds * (tasks + control),
        "run_experiment": sum(_num_places(config, e) * _num_jobs(config, e) for e in experiments),
        "collect_rows": 1,
        "collect_replicates": 1,
        "summarize": 1,
        "make_times": 1,
        "make_results_page": 1,
        "contact_sheet": 0 if has_texts else tasks + control,
        **{f"make_table_{name}": 1 for name, kind in made.items() if kind == "table"},
        **{f"draw_figure_{name}": 1 for name, kind in made.items() if kind == "figure"},
    }
    return {rule: count for rule, count in counts.items() if count}


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESETS)
def test_jobs_of_a_preset(tmp_path, name):
    assert _plan(tmp_path, name) == _expected(merged(name))


@pytest.mark.slow
@pytest.mark.parametrize(
    "changed",
    [
        {"seeds": [0, 1]},
        {"inits": ["pretrained", "random"]},
        {"seeds": [3, 4], "inits": ["pretrained", "random"]},
        {"inits": ["whole-11", "pretrained", "step-11"]},
        {"joint_training": {"trainings": []}},
        {"experiments": ["single_task"], "modes": ["none-network"]},
    ],
    ids=str,
)
def test_jobs_follow_the_config(tmp_path, changed):
    config = merged("micro")
    before = _expected(config)
    config |= {
        key: {**config[key], **value} if isinstance(value, dict) else value
        for key, value in changed.items()
    }
    expected = _expected(config)
    if config["experiments"] == ["single_task"]:  # without vectors nothing is fine-tuned
        expected |= {"finetune": 0, "encode_changes": 0}
    assert _plan(tmp_path, "micro", **changed) == {
        rule: count for rule, count in expected.items() if count
    }
    factor = math.prod(len(changed[key]) for key in ("seeds", "inits") if key in changed)
    if factor > 1:
        doubled = {rule: count / before[rule] for rule, count in expected.items() if rule in before}
        assert {doubled[rule] for rule in ("finetune", "encode_changes")} == {factor}
        assert doubled["encode_base"] == len(config["inits"])
        assert doubled["build_head"] == _num_texts(config)
        assert {doubled[rule] for rule in ("prepare_images", "collect_rows", "contact_sheet")} == {
            1
        }


@pytest.mark.slow
def test_a_vector_that_spares_other_tasks_reads_their_training_images(tmp_path):
    """And no other job does; more images are more time."""
    changes = {"trainings": ["linear", "tau_jp"], "modes": ["linear-tangent", "tau_jp-tangent"]}
    changes |= {"experiments": ["single_task"], "joint_training": {"trainings": []}}
    finished = HERE.dry_run(
        *preset("micro", tmp_path, results=str(tmp_path / "results"), **changes)
    )
    jobs = [text for text in re.split(r"\nrule ", finished.output) if text.startswith("finetune:")]
    tasks, minutes = merged("micro")["tasks"], {}
    assert len(jobs) == 2 * len(tasks), finished.output
    for text in jobs:
        about = dict(re.findall(r"(training|task)=([\w-]+)", text.partition("wildcards:")[2]))
        read = set(re.findall(r"data/(\w+)/train", text.partition("input:")[2].partition("\n")[0]))
        assert read == (set(tasks) if about["training"] == "tau_jp" else {about["task"]})
        minutes[about["training"]] = int(re.search(r"runtime=(\d+)", text)[1])
    assert minutes["tau_jp"] >= minutes["linear"]


@pytest.mark.slow
def test_own_heads_go_with_their_initialisation(tmp_path):
    """What a vector is tuned under, a network is evaluated under and features are read under."""
    results, changed = (
        tmp_path / "results",
        {"inits": ["whole-11", "step-11"], "experiments": ["task_addition"]},
    )
    finished = HERE.dry_run(*preset("micro", tmp_path, results=str(results), **changed))
    assert finished.status == 0, finished.output
    heads = {"whole-11": set(), "step-11": set()}
    for job in re.split(r"\nrule ", finished.output):
        wildcards = dict(
            re.findall(r"(\w+)=([\w-]+)", job.partition("wildcards: ")[2].partition("\n")[0])
        )
        found = re.findall(rf"{results}/heads/tiny/([\w-]+)/", job.partition("output:")[0])
        if job.startswith(("finetune", "run_experiment")):
            assert found, job
            heads[wildcards["init"]] |= set(found)
        if job.startswith("build_head"):
            weights = "tiny/along/step-11.safetensors" in job.partition("output:")[0]
            assert weights == (wildcards["text"] == "whole-11"), job
    assert heads == {"whole-11": {"whole-11"}, "step-11": {"final"}}


@pytest.mark.slow
def test_a_job_over_initialisations_reads_those_of_the_config(tmp_path):
    results, inits = tmp_path / "results", ["random", "step-11", "pretrained"]
    experiments = ["task_addition", "disentanglement", "pretraining_ablation"]
    arguments = preset(
        "micro", tmp_path, results=str(results), inits=inits, experiments=experiments
    )
    finished = HERE.dry_run(*arguments)
    assert finished.status == 0, finished.output
    jobs = [
        job
        for job in re.split(r"\nrule ", finished.output)
        if "experiment=pretraining_ablation" in job
    ]
    assert len(jobs) == len(
        [mode for mode in merged("micro")["modes"] if not mode.startswith("none")]
    )
    for job in jobs:
        mode = re.search(r"mode=([\w-]+)", job)[1]
        read = set(
            re.findall(
                rf"{results}/outcomes/([\w/-]+)/{mode}/seed-0.safetensors",
                job.partition("output:")[0],
            )
        )
        assert read == {f"{name}/tiny/{init}" for name in experiments[:2] for init in inits}
        assert f"{results}/outcomes/pretraining_ablation/tiny/all/{mode}/seed-0.csv" in job


@pytest.mark.slow
def test_a_forked_dry_run_says_what_the_command_line_says(tmp_path):
    arguments = preset("micro", tmp_path, results=str(tmp_path / "results"))
    forked = HERE.dry_run(*arguments)
    started = HERE.snakemake("-n", *arguments)
    assert forked.status == started.status == 0
    assert forked.jobs == started.jobs


def _rules() -> dict[str, str]:
    """Name → text of every rule, as written."""
    found = {}
    for file in RULES:
        for text in re.split(r"^ *rule ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            found[text.partition(":")[0]] = text
        for text in re.split(r"^ *rule:\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[
            1:
        ]:
            found[re.search(r'f"(\w+)_{', text)[1]] = text
    return found


def test_every_rule_declares_threads_and_a_log_and_has_a_script_of_its_name():
    for name, text in _rules().items():
        own = text.partition("\nrule ")[0]
        assert re.search(r"^ +threads: ", own, re.MULTILINE), f"rule {name} declares no threads"
        assert re.search(r"^ +log:", own, re.MULTILINE), f"rule {name} has no log"
        assert f'"../scripts/{name}.py"' in own, f"rule {name} does not run scripts/{name}.py"
        assert f"logs/{name}" in own, f"the log of rule {name} is not named after it"


def test_every_script_has_a_rule():
    assert {file.stem for file in (ROOT / "workflow/scripts").glob("*.py")} == set(_rules())


def test_the_snakefile_is_a_table_of_contents():
    assert len((ROOT / "Snakefile").read_text(encoding="utf-8").splitlines()) <= 60


@pytest.mark.slow
def test_planning_imports_nothing_heavy():
    program = (
        "import sys; from snakemake.cli import main\n"
        "sys.argv = ['snakemake', '-n', '--quiet', 'rules', '--config', 'results=nowhere']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print('heavy:', *sorted({'torch', 'open_clip', 'torchvision', 'sklearn', 'scipy'} & "
        "set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


_ON_A_GPU = """
resource_scopes:
    gpu="local",
rule all:
    input: expand("{i}", i=range(3))
rule use:
    output: "{i}"
    resources: gpu=1
    shell: "date +%s.%N > {output}; sleep 1; date +%s.%N >> {output}"
"""


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "together"), [((), 1), (("--resources", "gpu=3"), 3)])
def test_one_job_has_the_gpu_at_a_time_unless_there_are_more(tmp_path, arguments, together):
    """The profile's word on it, with rules that last long enough to meet."""
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "Snakefile").write_text(_ON_A_GPU, encoding="utf-8")
    finished = Checkout(tmp_path).run(sys.executable, "-m", "snakemake", "--cores", "3", *arguments)
    assert finished.status == 0, finished.output
    times = [[float(line) for line in (tmp_path / str(i)).read_text().split()] for i in range(3)]
    assert (
        max(sum(start <= moment < end for start, end in times) for moment, _ in times) == together
    )
