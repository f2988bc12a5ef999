"""What `list` names is what there is, and what `show` says is what the files say."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tangent_bench import catalogue, merging, registry
from tests.cli.calls import answer, call
from tests.workflow.checkout import ROOT, merged


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
