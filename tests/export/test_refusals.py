"""What is refused before anything is merged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tangent_bench import models
from tangent_bench.export import _exporting, _formats, export
from tangent_bench.store import artefacts, layout
from tests import small
from tests.export.merged_run import asked
from tests.results_folder import TASKS, save_vector

SECOND = {"model": None, "mode": "standard-network"}
WRONG: dict[str, tuple[dict, str]] = {
    "no source": ({"results": None}, "either a results folder"),
    "two sources": ({"vectors": [Path("a")]}, "either a results folder"),
    "no folder": ({"results": Path("nowhere")}, "no folder nowhere"),
    "several modes": (
        {"wish": {"mode": None}},
        "2 kinds of models .mine, standard-network; mine, standard-tangent.; name one by --mode",
    ),
    "another mode": ({"wish": {"mode": "linear-tangent"}}, "nothing of mode 'linear-tangent'; the"),
    "another model": ({"wish": {"model": "tiny"}}, "nothing of model 'tiny', mode 'standard-n"),
    "another seed": ({"wish": {"seed": 3}}, r"no vectors of seed 3; it has seeds \[5\]"),
    "an unknown task": (
        {"wish": {"tasks": ["one", "twoo"]}, "alpha": 1.0},
        "vectors are there of one, two. Did you mean 'two'",
    ),
    "tasks without a selection": ({"wish": {"tasks": ["one"]}}, "For one no coefficient was sel"),
    "not finite": ({"alpha": float("nan")}, "alpha is nan"),
    "a format in a tangent mode": (
        {"format": "open_clip", "wish": {"mode": "standard-tangent"}},
        "f_lin.* which open_clip does not compute.*--mode standard-network",
    ),
    "a file for a folder": ({"format": "huggingface"}, "is to be a folder"),
    "a folder for a file": ({"out": "a"}, "ends in .safetensors"),
    "selected by name": (
        {"results": None, "vectors": [Path("a")], "wish": {"model": "mine"}},
        "give --results, or --alpha a number",
    ),
    "an unknown layout": (
        {
            "results": None,
            "vectors": [Path("a")],
            "layout": "peftt",
            "alpha": 1.0,
            "wish": {"model": "mine"},
        },
        "Unknown name 'peftt' in 'checkpoints'.*Did you mean 'peft'",
    ),
    "a layout of results": ({"layout": "peft"}, "leave --layout out"),
    "no model by name": (
        {"results": None, "vectors": [Path("a")], "alpha": 1.0},
        "give --model and no --tasks",
    ),
}


@pytest.fixture
def nothing_is_merged(monkeypatch):
    monkeypatch.setattr(_exporting._merged, "_terms", lambda *_: pytest.fail("it was merged"))


@pytest.mark.parametrize("kind", WRONG)
def test_what_is_wrong_is_said_before_anything_is_merged(
    kind, template, tmp_path, nothing_is_merged
):
    further, words = WRONG[kind]
    out = tmp_path / further.get("out", "a.safetensors")
    further = {key: value for key, value in further.items() if key != "out"}
    with pytest.raises(ValueError, match=words) as caught:
        export(asked(template, "ties", out, **further))
    assert "\n" not in str(caught.value) and str(caught.value).endswith((".", "?"))
    assert not out.exists()


def test_a_method_without_outcomes_has_no_selected_coefficient(
    template, tmp_path, nothing_is_merged
):
    with pytest.raises(ValueError, match="no outcome of 'magmax'.*there are task_ar.*; run the"):
        export(asked(template, "magmax", tmp_path / "a.safetensors"))


def test_images_are_not_to_be_had_by_name(template, tmp_path, nothing_is_merged):
    request = asked(template, "fisher", tmp_path / "a", results=None, vectors=[Path("a")])
    with pytest.raises(ValueError, match="'fisher' looks at .* images.*--results"):
        export(request)


def test_what_is_there_stays(template, tmp_path, nothing_is_merged):
    file = tmp_path / "a.safetensors"
    file.write_text("mine")
    with pytest.raises(ValueError, match="is there; give --out another name.*--force"):
        export(asked(template, "ties", file))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "notes").write_text("mine")
    with pytest.raises(ValueError, match="is there; give --out another name.*--force"):
        export(asked(template, "ties", tmp_path / "b", format="huggingface"))
    inputs = [
        Path(template.custom["mine"]["weights"]),
        template.root / layout.vector("mine", "pretrained", "standard", "one", 5),
    ]
    for path in inputs:
        with pytest.raises(ValueError, match="is read for this model"):
            export(asked(template, "ties", path, force=True))
    assert file.read_text() == "mine"


def test_what_is_there_is_replaced_on_demand(template, tmp_path):
    file = tmp_path / "a.safetensors"
    file.write_text("mine")
    export(asked(template, "ties", file, force=True))
    assert artefacts.load(file, "merged model")[1]["method"] == "ties"


def test_vectors_of_two_pretrainings_are_refused(run, tmp_path, nothing_is_merged):
    path = run.root / layout.vector("mine", "pretrained", "standard", "two", 5)
    arrays, about = artefacts.load(path, "vector")
    save_vector(run.root, "two", arrays, "another θ0")
    with pytest.raises(ValueError, match="were fine-tuned from different weights θ0"):
        export(asked(run, "ties", tmp_path / "a.safetensors", alpha=0.5))
    for task in TASKS:
        save_vector(run.root, task, arrays, "another θ0")
    with pytest.raises(ValueError, match="from other weights than those of 'mine' .pretrained. a"):
        export(asked(run, "ties", tmp_path / "a.safetensors", alpha=0.5))


def test_two_vectors_of_one_task_are_refused(template, tmp_path, nothing_is_merged):
    path = template.root / layout.vector("mine", "pretrained", "standard", "one", 5)
    further = {"results": None, "vectors": [path, path], "alpha": 0.5, "wish": {"model": "mine"}}
    with pytest.raises(ValueError, match="are both vectors of 'one'"):
        export(asked(template, "ties", tmp_path / "a.safetensors", **further))


@pytest.mark.parametrize("name", ["huggingface", "fusionbench"])
def test_an_architecture_that_transformers_lacks_is_refused(name, tmp_path, nothing_is_merged):
    config = {**small.CONFIG, "vision_cfg": {**small.CONFIG["vision_cfg"], "pool_type": "avg"}}
    file = tmp_path / "test-average.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    model = models.Model("Average", file.stem, None, config=str(file))
    clip = models.create(model, "random", 3)
    ingredients = type("Parts", (), {"clip": clip, "model": model, "vectors": {}})
    with pytest.raises(ValueError, match="test-average has no counterpart.*--format open_clip"):
        _formats.NETWORKS[name].require(ingredients)
    _formats.NETWORKS["open_clip"].require(ingredients)
