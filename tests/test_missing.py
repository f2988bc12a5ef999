"""What a run needs and this machine lacks is said, with how to get it; what is here is not."""

from __future__ import annotations

import huggingface_hub.constants
import pytest

from tangent_bench import models, registry
from tangent_bench.models import _weights
from tangent_bench.planning import missing
from tangent_bench.store import layout
from tests.workflow.checkout import merged

CONFIG = merged("paper")
TASKS = [*CONFIG["tasks"], CONFIG["control"]]
TAGGED = [name for name in registry.names("models") if models.find(name).hub]


@pytest.fixture(autouse=True)
def nothing(tmp_path, monkeypatch):
    """An empty cache of the hub, no folders of the user's, and no way to ask anybody."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.delenv("TANGENT_BENCH_DATA", raising=False)
    monkeypatch.delenv("TANGENT_BENCH_WEIGHTS", raising=False)


def told(tmp_path, **changed) -> dict[str, str]:
    """Name → its line."""
    lines = missing.report(CONFIG | {"results": str(tmp_path / "results")} | changed).splitlines()
    return {line.split()[0].rstrip(":"): line for line in lines[2:]}


def test_everything_of_the_paper_is_named_with_a_command(tmp_path):
    found = told(tmp_path)
    assert list(found) == [*TASKS, *CONFIG["models"]]
    for name in TASKS:
        origin = registry.load("tasks", name).ORIGIN
        command = f"hf download {origin.hub} --repo-type dataset --revision {origin.revision}"
        assert (
            command in found[name]
            and f"--local-dir $TANGENT_BENCH_DATA/{origin.folders[0]}" in found[name]
        )
    assert "terms to be accepted" in found["imagenet"] and "vision #9348" in found["sun397"]
    for name in CONFIG["models"]:
        assert f"hf download {models.find(name).hub} open_clip_model.safetensors" in found[name]


def test_data_that_is_here_or_prepared_is_not_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path))
    (tmp_path / "dtd/train/banded").mkdir(parents=True)
    file = tmp_path / "svhn/cropped_digits/train-00000-of-00001.parquet"
    file.parent.mkdir(parents=True)
    file.touch()
    for split in ("train", "val", "test"):
        done = tmp_path / "results" / layout.data("cars", split)
        done.parent.mkdir(parents=True, exist_ok=True)
        done.touch()
    found = told(tmp_path)
    assert set(TASKS) - set(found) == {"dtd", "svhn", "cars"}
    assert f"--local-dir {tmp_path}/eurosat" in found["eurosat"]
    done.unlink()
    assert "cars" in told(tmp_path), "one of its splits is still to be prepared"


def test_a_copy_of_another_revision_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path))
    file = tmp_path / "dtd/data/train-00000-of-00001.parquet"
    note = tmp_path / "dtd/.cache/huggingface/download/data/train-00000-of-00001.parquet.metadata"
    for each, text in ((file, ""), (note, f"{'f' * 40}\n")):
        each.parent.mkdir(parents=True, exist_ok=True)
        each.write_text(text)
    assert f"holds revision {'f' * 40}" in told(tmp_path)["dtd"]


@pytest.mark.parametrize("place", ["cache", "folder", "own file"])
def test_weights_that_are_here_are_not_named(tmp_path, monkeypatch, place):
    changed = {}
    if place == "cache":
        repository = tmp_path / "hub/models--timm--vit_base_patch32_clip_224.openai"
        (repository / "refs").mkdir(parents=True)
        (repository / "refs/main").write_text("0" * 40)
        (repository / "snapshots" / ("0" * 40)).mkdir(parents=True)
        (repository / "snapshots" / ("0" * 40) / _weights.PICKLED).touch()
    elif place == "folder":
        monkeypatch.setenv("TANGENT_BENCH_WEIGHTS", str(tmp_path))
        (tmp_path / "ViT-B-32-quickgelu").mkdir()
        (tmp_path / "ViT-B-32-quickgelu/openai.safetensors").touch()
    else:
        entry = {"architecture": "ViT-B-32-quickgelu", "weights": "mine.safetensors"}
        changed["custom_models"] = {"vit_b_32": entry}
    assert set(CONFIG["models"]) - set(told(tmp_path, **changed)) == {"vit_b_32"}


def test_embedded_material_is_never_missing():
    assert missing.report(merged("tiny")) == "" == missing.report(merged("micro"))


def test_data_sets_of_the_users_are_named_too(tmp_path):
    own = {
        "mine": {"hub": "lab/mine", "templates": ["a {}"]},
        "photos": {"folder": "photos", "templates": ["a {}"]},
    }
    found = told(tmp_path, tasks=["mine", "photos", "mnist"], models=["tiny"], custom_tasks=own)
    assert list(found) == ["mine", "imagenet"]
    assert (
        "hf download lab/mine --repo-type dataset --local-dir $TANGENT_BENCH_DATA/mine"
        in found["mine"]
    )


@pytest.mark.parametrize("name", TAGGED)
def test_repositories_are_those_that_open_clip_asks(name):
    import open_clip

    model = models.find(name)
    assert (
        open_clip.get_pretrained_cfg(model.architecture, model.weights)["hf_hub"] == f"{model.hub}/"
    )


def test_every_model_with_a_tag_has_a_repository():
    tags = {
        n
        for n in registry.names("models")
        if (m := models.find(n)).weights and "/" not in m.weights and not m.package
    }
    assert tags == set(TAGGED)


def test_names_of_files_are_open_clips():
    from open_clip import constants

    assert (_weights.SAFE, _weights.PICKLED) == (
        constants.HF_SAFE_WEIGHTS_NAME,
        constants.HF_WEIGHTS_NAME,
    )
