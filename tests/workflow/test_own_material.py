"""A user's own images and own open_clip model, by config alone: the worked example, and what can be
wrong with them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tangent_bench.store import artefacts, layout, rows
from tests.workflow.checkout import Checkout, ended_with_a_sentence, preset

pytestmark = pytest.mark.full
SMALL = {
    "data": {"max_train": 128, "max_val": 60, "max_test": 80},
    "training": {"steps": 4, "batch_size": 16, "warmup_steps": 1},
    "bootstrap": {"replicates": 100},
    "experiments": ["single_task"],
    "joint_training": {"trainings": []},
}
STANDARD = {"trainings": ["standard"], "modes": ["none-network", "standard-network"]}
TOY = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 16, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 1, "layers": 1},
}


@pytest.fixture(scope="module")
def digits(sources) -> Checkout:
    """The README's example, after its script was run."""
    finished = sources.run(".venv/bin/python", "examples/digits_as_task.py")
    assert finished.status == 0, finished.output
    assert finished.output.splitlines()[-1].split() == ["make", "reproduce", "PRESET=digits"]
    return sources


def test_the_worked_example_runs_to_rows(digits, tmp_path):
    finished = digits.snakemake(
        "results/digits/rows.csv", *preset("digits", tmp_path, **SMALL | STANDARD)
    )
    assert finished.status == 0, finished.output
    table = rows.read(digits.path("results/digits/rows.csv"))
    own = table[(table["task"] == "digits_folder") & (table["split"] == "test")]
    assert set(own["sources"]) == {"", "digits_folder", "mnist"}
    assert (own["num_samples"] == 80).all()
    images, about = artefacts.load(
        digits.path("results/digits/" + layout.data("digits_folder", "test")), "images"
    )
    assert about["title"] == "Digits" and about["class_names"][0] == "zero"
    assert images["images"].shape == (80, 32, 32, 3)
    assert set(images["labels"]) == set(range(10))


def test_another_image_reruns_what_stands_on_it(digits, tmp_path):
    command = ("-n", "results/digits/rows.csv", *preset("digits", tmp_path, **SMALL | STANDARD))
    assert digits.snakemake(*command).jobs == {}
    added = digits.path("data/digits/train/0/another.png")
    Image.new("L", (8, 8), 7).save(added)
    jobs = digits.snakemake(*command).jobs
    added.unlink()
    assert jobs["prepare_images"] == 3 and jobs["finetune"] == 1


@pytest.fixture(scope="module")
def toy(digits) -> dict:
    """A `custom_models` entry: a tiny architecture of its own, with random weights as open_clip
    would save them.
    """
    import open_clip
    from safetensors.torch import save_file

    folder = digits.path("mine")
    folder.mkdir()
    (folder / "toy-vit.json").write_text(json.dumps(TOY), encoding="utf-8")
    open_clip.add_model_config(folder / "toy-vit.json")
    save_file(open_clip.create_model("toy-vit").state_dict(), folder / "toy-vit.safetensors")
    return {
        "architecture": "toy-vit",
        "config": "mine/toy-vit.json",
        "weights": "mine/toy-vit.safetensors",
    }


def _with_model(tmp_path: Path, entry: dict, **changed: object) -> list[str]:
    own = {"models": ["toy"], "custom_models": {"toy": entry}, "results": "results/toy"}
    return preset("digits", tmp_path, **SMALL | own | changed)


@pytest.mark.full
def test_a_model_of_ones_own_runs_to_rows(digits, toy, tmp_path):
    arguments = _with_model(tmp_path, toy, tasks=["digits_folder"], modes=["none-network"])
    finished = digits.snakemake("results/toy/rows.csv", *arguments)
    assert finished.status == 0, finished.output
    table = rows.read(digits.path("results/toy/rows.csv"))
    assert set(table["model"]) == {"toy"}
    assert set(table["task"]) == {"digits_folder", "compositions", "all"}
    head = artefacts.load(digits.path(HEAD), "head")[0]["head"]
    assert head.shape == (10, TOY["embed_dim"])


# What can be wrong with a folder


def _missing(folder: Path) -> str:
    shutil.rmtree(folder / "test")
    return "test is no folder"


def _other_classes(folder: Path) -> str:
    (folder / "test/7").rename(folder / "test/seven")
    return "7, seven"


def _too_few_names(folder: Path) -> str:
    for split in ("train", "test"):
        shutil.rmtree(folder / split / "9")
    return "10 class_names for 9 class folders"


def _corrupt(folder: Path) -> str:
    file = sorted((folder / "test/3").iterdir())[0]
    file.write_bytes(file.read_bytes()[:60])
    return f"{file.name} cannot be read as an image"


def _no_image(folder: Path) -> str:
    file = sorted((folder / "test/3").iterdir())[0]
    file.write_bytes(b"not an image at all")
    return f"{file.name} cannot be read as an image"


def _leak(folder: Path) -> str:
    shutil.copy(sorted((folder / "train/5").iterdir())[0], folder / "test/5/leaked.png")
    return "1 images of 'test' are also in 'train'"


def _empty(folder: Path) -> str:
    for file in (folder / "test").rglob("*.png"):
        file.unlink()
    return "split 'test'"


# Two through the real command; the others, which tests/tasks/test_folders.py tries at the loader,
# where time is left.
SPOILT = [_corrupt, _leak]
SPOILT += [
    pytest.param(f, marks=pytest.mark.full)
    for f in (_missing, _other_classes, _too_few_names, _no_image, _empty)
]


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda f: f.__name__)
def test_a_folder_that_is_no_task_is_explained(digits, tmp_path, spoil):
    folder = tmp_path / "digits"
    shutil.copytree(digits.path("data/digits"), folder)
    words = spoil(folder)
    entry = yaml.safe_load(digits.path("config/digits.yaml").read_text(encoding="utf-8"))[
        "custom_tasks"
    ]
    entry["digits_folder"]["folder"] = str(folder)
    target = f"results/spoilt/{layout.data('digits_folder', 'test')}"
    arguments = preset(
        "digits", tmp_path, results="results/spoilt", custom_tasks=entry, data={"max_test": None}
    )
    ended_with_a_sentence(digits.snakemake(target, *arguments), "digits_folder", words)


@pytest.mark.full
def test_a_folder_that_vanishes_is_named_and_what_stands_on_it_is_not_made_again(digits, tmp_path):
    folder, elsewhere = digits.path("data/digits"), tmp_path / "digits"
    arguments = preset("digits", tmp_path, results="results/vanished", **SMALL | STANDARD)
    data, head = (
        f"results/vanished/{name}"
        for name in (
            layout.data("digits_folder", "test"),
            layout.head("tiny", "pretrained", "digits_folder"),
        )
    )
    assert digits.snakemake(head, *arguments).status == 0
    content = digits.path(data).read_bytes(), digits.path(head).read_bytes()
    shutil.move(folder, elsewhere)
    ended_with_a_sentence(
        digits.snakemake(head, *arguments), "digits_folder", "data/digits/train is no folder"
    )
    shutil.move(elsewhere, folder)
    finished = digits.snakemake(head, *arguments)
    assert finished.status == 0, finished.output
    assert (digits.path(data).read_bytes(), digits.path(head).read_bytes()) == content


# What can be wrong with a model

HEAD = f"results/toy/{layout.head('toy', 'pretrained', 'digits_folder')}"
WRONG_MODELS = {
    "unknown architecture": (
        {"architecture": "toy-vti", "config": "mine/toy-vit.json"},
        ["'toy-vti'", "open_clip"],
    ),
    "missing weights": (
        {"weights": "mine/nowhere.safetensors"},
        ["mine/nowhere.safetensors", "no file"],
    ),
    "missing config": ({"config": "mine/nowhere.json"}, ["mine/nowhere.json", "does not exist"]),
    "weights of another model": (
        {"weights": "tangent_bench/models/assets/tiny/tangent-tiny.safetensors"},
        ["'toy'", "tangent-tiny.safetensors", "it is of another model"],
    ),
    "QuickGELU": (
        {"architecture": "ViT-B-32", "weights": "openai"},
        ["QuickGELU", "'ViT-B-32-quickgelu'"],
    ),
}


# As above: tests/models/test_contract.py tries all of them without Snakemake.
LATER = "unknown architecture", "missing config", "QuickGELU"


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=pytest.mark.full) if kind in LATER else kind
        for kind in WRONG_MODELS
    ],
)
def test_a_model_that_does_not_fit_is_explained(digits, toy, tmp_path, kind):
    changed, words = WRONG_MODELS[kind]
    digits.path(HEAD).unlink(missing_ok=True)
    ended_with_a_sentence(digits.snakemake(HEAD, *_with_model(tmp_path, toy | changed)), *words)
