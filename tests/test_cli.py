"""The command line: what it lists is what there is, what it shows is what the files say, and help
costs nothing.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections import Counter
from types import SimpleNamespace

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

import tangent_bench
from tangent_bench import catalogue, cli, merging, registry, regress, tasks
from tangent_bench.cli import _parameters, _process
from tangent_bench.judging import methods
from tangent_bench.planning import jobs, missing, readiness, report, sizes
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.records import Compared
from tests.planned import workload
from tests.workflow.checkout import ROOT, environment, merged

COMMANDS = get_command(cli.app).commands


@pytest.fixture(autouse=True)
def threads_stay(monkeypatch):
    """What a process does to itself at its start would stay for the tests after these."""
    monkeypatch.setattr(_process, "prepare", lambda: None)


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(each) for each in arguments])


def answer(*arguments):
    done = call(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_version_is_that_of_the_package_the_citation_and_the_changelog():
    version = tangent_bench.__version__
    assert call("--version").stdout == f"tangent-bench {version}\n"
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == version
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", headings[1])


# Lists and descriptions


def test_list_has_every_file_of_every_kind():
    found = answer("list")
    assert all(list(each) == ["kind", "name", "title"] and each["title"] for each in found)
    of_kind = {kind: [e["name"] for e in found if e["kind"] == kind] for kind in catalogue.KINDS}
    assert set(registry.names("methods")) <= set(of_kind["methods"])
    assert of_kind["trainings"] == registry.names("training")
    assert all(
        of_kind[kind] == registry.names(kind)
        for kind in ("tasks", "models", "experiments", "figures")
    )
    assert set(of_kind["presets"]) == {f.stem for f in (ROOT / "config").glob("*.yaml")} - {
        "default",
        "digits",
    }
    assert answer("list", "tasks") == [each for each in found if each["kind"] == "tasks"]
    assert {"kind": "methods", "name": "tsv_m", "title": "TSV-M"} in found


def test_list_as_text_and_an_unknown_kind():
    lines = call("list", "trainings").stdout.splitlines()
    assert lines[0] == "trainings" and [line.split()[0] for line in lines[1:-1]] == registry.names(
        "training"
    )
    assert call("list", "training").exit_code == 2


def test_a_method_is_shown_as_its_file_has_it():
    (found,) = answer("show", "ties")
    method = merging.module("ties").METHOD
    assert list(found) == ["kind", "name", "title", "definition", "contract", "parameters"]
    assert (
        found["definition"].startswith("TIES: trim, elect a sign")
        and "γ = sign(Σ_t τ̂_t)" in found["definition"]
    )
    contract = found["contract"]
    assert contract["reference"] == method.reference and contract["exceptions"] == dict(
        method.exceptions
    )
    assert (contract["data"], contract["storage"], contract["wrapper"]) == (
        "none",
        "one model",
        False,
    )
    assert contract["coefficients"] == {"first": 0.0, "last": 3.0, "count": 31}
    meaning = "share of the entries of each vector that are kept"
    limits = "at least 0 and at most 1"
    assert found["parameters"] == [
        {"name": "keep", "default": 0.2, "range": limits, "meaning": meaning}
    ]
    text = call("show", "ties").stdout
    assert (
        f"keep = 0.2 ({limits}): {meaning}" in text and "first: 0.0; last: 3.0; count: 31" in text
    )
    assert "coefficients: those of the config" in call("show", "task_arithmetic").stdout


def test_a_chain_shows_each_of_its_methods():
    found = answer("show", "lines+ties")
    assert [(each["name"], each["contract"]["wrapper"]) for each in found] == [
        ("lines", True),
        ("ties", False),
    ]
    assert "no wrapper" in call("show", "ties+lines").stderr


def test_settings_have_the_defaults_ranges_and_comments_of_the_config():
    found = {p["name"]: p for p in answer("show", "tau_jp")[0]["parameters"]}
    default = merged("default")
    own = default["training_modes"]["tau_jp"]
    assert {n: p["default"] for n, p in found.items()} == {
        **{f"training.{k}": v for k, v in default["training"].items()},
        **{f"training_modes.tau_jp.{k}": v for k, v in own.items()},
    }
    assert found["training_modes.tau_jp.weight"]["range"] == "at least 0"
    meaning = found["training_modes.tau_jp.weight"]["meaning"]
    assert meaning.startswith("λ of ‖Jτ‖², averaged") and meaning.endswith(
        "official code: 0.1, of ‖Jτ‖ and not its square"
    )
    assert found["training.micro_batch_size"]["range"] == "at least 1, or null"
    assert found["training.steps"]["meaning"] == "optimiser steps (paper: about 2,000)"


def test_lists_and_choices_have_ranges_too():
    found = {
        p["name"]: p["range"]
        for p in catalogue.settings("kernel_gap") + catalogue.settings("ntk_localization")
    }
    assert found["kernel_gap.ridges"] == "each above 0"
    assert found["ntk_localization.choice"] == "one of label_energy, leading"
    assert found["ntk_localization.label_energy"] == "above 0 and at most 1"
    assert {p["name"] for p in catalogue.settings("disentanglement")} >= {
        "disentanglement.wide.first"
    }
    assert catalogue.settings("nothing") == []


def test_a_name_of_two_kinds_shows_both():
    assert [each["kind"] for each in answer("show", "tiny")] == ["models", "presets"]
    found = answer("show", "kernel_gap")
    assert [each["kind"] for each in found] == ["experiments", "figures"]
    assert found[1]["contract"]["kind"] == "figure", "the contract's own field"
    assert call("show", "tiny").stdout.count("\n\n\n") == 1


@pytest.mark.slow
def test_everything_can_be_shown():
    names = {name for kind in catalogue.KINDS for name in catalogue.names(kind)}
    shown = Counter(
        each["kind"] for name in names for each in catalogue.find(name) if json.dumps(each)
    )
    assert shown == {kind: len(catalogue.names(kind)) for kind in catalogue.KINDS}


def test_a_task_says_where_its_images_are_from():
    origin = registry.load("tasks", "eurosat").ORIGIN
    (found,) = answer("show", "eurosat")
    assert (
        found["contract"]["origin"]["revision"] == origin.revision
        and found["contract"]["kind"] == "real"
    )
    assert origin.hub in call("show", "eurosat").stdout


def test_a_preset_shows_what_it_changes():
    (found,) = answer("show", "paper")
    changed = {each["name"]: (each["value"], each["default"]) for each in found["changes"]}
    assert changed["training.learning_rate"] == (1e-5, 1e-3) and changed["device"] == (
        "cuda",
        "cpu",
    )
    assert "training.crop_scale" not in changed
    assert found["title"].startswith("The paper: CLIP ViT-B/32")


def test_an_unknown_name_is_one_sentence_with_the_nearest():
    done = call("show", "task_arithmetics")
    assert done.exit_code == 2 and done.stdout == ""
    assert (
        done.stderr.startswith("Error: Nothing is named 'task_arithmetics'")
        and "'task_arithmetic'" in done.stderr
    )
    assert done.stderr.count("\n") == 1
    done = call("check", "--preset", "tyni")
    assert done.exit_code == 2 and "no preset 'tyni'" in done.stderr and "tiny" in done.stderr


# Before a run


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


# Commands that pass on what they are given


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


def test_regress_is_given_its_hyper_parameters(monkeypatch):
    seen = {}
    monkeypatch.setattr(
        regress, "regress", lambda *given, quick: seen.update(given=given, quick=quick) or {}
    )
    assert (
        answer("regress", "lines+ties", "--set", "keep=0.1", "--set", "lines.beta=0", "--cores", 3)
        == []
    )
    candidate, baseline, configfile, cores, shown = seen["given"]
    assert (
        candidate.changed == {"ties.keep": 0.1, "lines.beta": 0.0}
        and baseline.name == "task_arithmetic"
    )
    assert (configfile, cores, shown, seen["quick"]) == (regress.CONFIG, 3, "nothing", False)


@pytest.mark.parametrize(
    ("options", "shown", "quick"),
    [
        ([], "progress", False),
        (["--verbose"], "everything", False),
        (["--quick"], "progress", True),
        (["--verbose", "--json"], "nothing", False),
    ],
)
def test_what_regress_shows_and_where_it_stops(monkeypatch, options, shown, quick):
    seen = {}
    monkeypatch.setattr(
        regress, "regress", lambda *given, quick: seen.update(shown=given[4], quick=quick) or {}
    )
    call("regress", "ties", *options)
    assert seen == {"shown": shown, "quick": quick}


@pytest.mark.parametrize(
    "arguments",
    [("regress", "ties", "--cores"), ("plan", "--tasks"), ("plan", "--seeds")],
)
@pytest.mark.parametrize("number", [0, -3])
def test_counts_are_at_least_one(arguments, number):
    done = call(*arguments, number)
    assert done.exit_code == 2 and arguments[-1] in done.stderr
    assert "greater than or equal to 1" in done.stderr


def test_without_a_core_nothing_is_built(monkeypatch):
    monkeypatch.setattr(regress.lock, "release", lambda folder: pytest.fail("a run was begun"))
    with pytest.raises(ValueError, match="--cores is 0, expected a whole number of at least 1"):
        regress.build([], regress.CONFIG, cores=0, shown="nothing", seeds=[0])


# Help


def examples():
    """What the help tells readers to type; what pages do is in test_commands.py."""
    found = []
    for file in sorted((ROOT / "tangent_bench/cli").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        found += re.findall(r"^ {4}tangent-bench +([a-z]+)(?![a-z,])(.*)$", text, re.M)
    return [pytest.param(name, rest.split(), id=f"{name}{rest}") for name, rest in found]


@pytest.mark.parametrize(("name", "rest"), examples())
def test_examples_are_commands(name, rest):
    COMMANDS[name].make_context(name, rest)


WITHOUT_JSON = {"summary", "figure", "table"}  # whose answers are text and pictures


def test_every_command_has_examples_and_json():
    shown = {name for name, command in COMMANDS.items() if not command.hidden}
    expected = {"list", "show", "check", "plan", "summary", "compare", "regress", "merge"}
    expected |= {"figure", "table"}
    assert shown == expected
    assert shown == {case.values[0] for case in examples()}
    for name in shown:
        help_ = call(name, "--help").stdout
        assert f"  tangent-bench {name}" in help_, name
        assert ("--json" in help_) == (name not in WITHOUT_JSON), name
    short = call("--help").stdout
    assert "..." not in short.partition("Commands:")[2], (
        "a first sentence is too long for the list of commands"
    )


def completed(*words):
    """What bash is told of the last word."""
    typed = " ".join(["tangent-bench", *words])
    variables = {
        "_TANGENT_BENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words)),
    }
    return CliRunner().invoke(cli.app, [], prog_name="tangent-bench", env=variables).stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sho",), ["show"]),
        (("show", "ties"), ["ties"]),
        (("show", "kernel_g"), ["kernel_gap"]),
        (("regress", "lines+tie"), ["lines+ties"]),
        (("regress", "ties", "--baseline", "tsv"), ["tsv_m"]),
        (("compare", "ties", "tsv"), ["tsv_m"]),
        (("check", "--preset", "paper-s"), ["paper-smoke"]),
        (("list", "met"), ["methods"]),
    ],
)
def test_a_shell_completes_names(words, expected):
    assert completed(*words) == expected


def test_help_is_short_and_long():
    for words in ((), ("regress",)):
        assert call(*words, "-h").stdout == call(*words, "--help").stdout != ""


def test_values_of_options_are_called_by_words():
    """Not by types of Python, as <list[Path]>, nor by the name of a parameter, as {baseline}."""
    for name in ("list", "show", "check", "plan", "summary", "compare", "regress", "merge"):
        text = call(name, "--help").stdout
        assert not re.search(r"[<{]\w|\bTEXT\b|\[\[", text), text
    text = " ".join(call("regress", "--help").stdout.split())
    assert "regress [OPTIONS] METHOD Check, run" in text and "METHOD Name of the method" in text
    assert "--configfile PATH" in text and "--baseline NAME" in text


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("lists",), "Did you mean 'list'"),
        (("list", "methds"), "Did you mean 'methods'?"),
        (("show", "tis"), "Did you mean 'ties'?"),
        (("check", "--preset", "micr"), "Did you mean 'micro'?"),
        (("plan", "--presets", "micro"), "--preset"),
        (("regress", "tiess"), "Did you mean 'ties'?"),
        (("regress", "ties", "--set", "kep=1"), "Did you mean 'ties.keep'?"),
        (("regress", "ties", "--fail-on", "wors"), "Did you mean 'worse'?"),
    ],
)
def test_what_is_mistyped_is_answered_with_the_nearest(words, hint):
    done = call(*words)
    assert done.exit_code == 2 and hint in done.stderr


def test_verdicts_of_the_help_are_those_that_there_are():
    assert all(word in call("compare", "--help").stdout for word in methods.VERDICTS)


def test_entry_point_is_the_command_line():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"tangent-bench": "tangent_bench.cli:main"} and callable(cli.main)


PROGRAM = """
import sys
from tangent_bench import cli
for arguments in (["--help"], ["list", "--json"], ["show", "ties"]):
    sys.argv = ["tangent-bench", *arguments]
    before = len(sys.modules)
    try:
        cli.main()
    except SystemExit as end:
        assert end.code in (0, None)
    heavy = {"torch", "open_clip", "torchvision", "snakemake"}
    if arguments == ["--help"]:
        heavy.add("numpy")
    print([heavy & set(sys.modules)], file=sys.stderr)
"""


@pytest.mark.slow
def test_help_and_lists_import_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines() == [repr([set()])] * 3
    assert done.stdout.startswith("Usage: tangent-bench") and '"name": "ties"' in done.stdout


def test_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "tangent_bench.cli", "show", "tis"],
        cwd=ROOT, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    assert (
        done.stderr
        == "Error: Nothing is named 'tis'; `tangent-bench list` has all names. Did you mean "
        "'ties'?\n"
    )
