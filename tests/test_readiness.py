"""`tangent-bench check` blocks on what a run would refuse, and says what it is looking at."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import huggingface_hub
import huggingface_hub.constants
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from tangent_bench import cli, models
from tangent_bench.cli import _process
from tangent_bench.images import sources
from tangent_bench.images.hub import cached_snapshot
from tangent_bench.models import _open_clip
from tangent_bench.planning import jobs, missing, readiness, sizes
from tangent_bench.planning.config import validate
from tests import small
from tests.small import pixels
from tests.workflow.checkout import merged

WRITERS = {  # a file in the folder's place, and a folder nobody may write into
    "a file": lambda place: place.write_text("x"),
    "a file above": lambda place: place.parent.write_text("x"),
}


@pytest.fixture
def images(tmp_path) -> Path:
    """Three classes of ten images, in train and test."""
    for split in ("train", "test"):
        for name in ("cat", "dog", "owl"):
            folder = tmp_path / "images" / split / name
            folder.mkdir(parents=True)
            for number, image in enumerate(pixels(10, 8, split, name)):
                Image.fromarray(image).save(folder / f"{number}.png")
    return tmp_path / "images"


def with_task(tmp_path: Path, folder: Path, **entry: object) -> dict:
    """The micro preset with a task of one's own in place of a control."""
    own = {"folder": str(folder), "templates": ["a {}"], **entry}
    changes = {
        "control": "mine",
        "custom_tasks": {"mine": own},
        "results": str(tmp_path / "results"),
    }
    return validate(merged("micro") | changes)


def blocking(found) -> list[str]:
    return [finding.text for finding in found if finding.status == "blocks"]


def of_data(config: dict) -> list[str]:
    """What is wrong with the control's images."""
    known = readiness._Known()
    return blocking(readiness._data(config | {"tasks": []}, known, lambda text: None))


def test_images_as_they_should_be_are_counted(images, tmp_path):
    config = with_task(tmp_path, images) | {"tasks": []}
    known = readiness._Known()
    assert blocking(readiness._data(config, known, lambda text: None)) == []
    assert known.tasks["mine"].images == {"train": 27, "val": 3, "test": 30}


FAULTS = {  # what is done to the folder → entry, words
    "class names": (lambda folder: None, {"class_names": ["a", "b"]}, "2 class_names for 3"),
    "no test": (lambda folder: shutil.rmtree(folder / "test"), {}, "is no folder"),
    "other classes": (lambda folder: shutil.rmtree(folder / "test/owl"), {}, "differ: owl"),
    "no images": (lambda folder: clear(folder / "test"), {}, "is empty"),
    "no folder": (shutil.rmtree, {}, "is no folder"),
}


def clear(folder: Path) -> None:
    for file in folder.rglob("*.png"):
        file.unlink()


@pytest.mark.parametrize("name", FAULTS)
def test_images_that_a_job_would_refuse_block(images, tmp_path, name):
    damage, entry, words = FAULTS[name]
    damage(images)
    (text,) = of_data(with_task(tmp_path, images, **entry))
    assert words in text


def test_a_data_set_on_disk_is_opened(tmp_path, monkeypatch):
    """Its classes and counts are asked of the code that prepares it."""
    monkeypatch.setenv(sources.ROOT, str(tmp_path))
    (tmp_path / "dtd/train/banded").mkdir(parents=True)
    config = validate(merged("micro") | {"control": "dtd", "results": str(tmp_path / "results")})
    (text,) = of_data(config)
    assert "class folders" in text and "dtd" in text


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit('no such font')", "no such font"),
        ("import os; os.kill(os.getpid(), 9)", "was killed"),
    ],
)
def test_a_task_that_cannot_be_loaded_blocks(tmp_path, monkeypatch, code, words):
    monkeypatch.setattr(sizes, "_LOAD", code)
    config = validate(merged("micro") | {"results": str(tmp_path / "results")})
    (text,) = of_data(config)
    assert "cannot be loaded" in text and words in text


def of_models(monkeypatch, model: models.Model, **changes: object) -> list[str]:
    monkeypatch.setattr(models, "find", lambda name, custom=None: model)
    config = merged("micro") | {"models": ["mine"]} | changes
    return blocking(readiness._models(config, readiness._Known(), lambda text: None))


def test_a_model_that_can_be_made_is_measured(monkeypatch, tmp_path):
    model = small.clip_model(tmp_path)
    monkeypatch.setattr(models, "find", lambda name, custom=None: model)
    known = readiness._Known()
    config = merged("micro") | {"models": ["mine"], "inits": ["random"]}
    assert not blocking(readiness._models(config, known, lambda text: None))
    assert known.models["mine"].embedding == 6


def test_an_unknown_architecture_blocks(monkeypatch):
    (text,) = of_models(monkeypatch, models.Model("Mine", "ViT-B-33", None))
    assert "Unknown architecture 'ViT-B-33'" in text


BROKEN = {
    "{": "cannot be read as JSON",
    "[1]": "defines no model",
    '{"embed_dim": 6}': "embed_dim, vision_cfg, text_cfg",
    '{"embed_dim": 6, "embed_dim": 7, "vision_cfg": {}}': "'embed_dim' stands twice",
    "[" * 100_000: "cannot be read as JSON",
}


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_a_broken_description_of_a_model_blocks(monkeypatch, tmp_path, text):
    file = tmp_path / "test-small.json"
    file.write_text(text)
    (said,) = of_models(monkeypatch, models.Model("Mine", "test-small", None, config=str(file)))
    assert "Mine" in said and BROKEN[text] in said and "\n" not in said
    assert _open_clip.vision("test-small", file) == {}
    file.unlink()
    (said,) = of_models(monkeypatch, models.Model("Mine", "test-small", None, config=str(file)))
    assert "does not exist" in said


def test_weights_that_do_not_fit_block(monkeypatch, tmp_path):
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"no weights")
    model = models.Model("Mine", "test-small", str(file), config=small.clip_model(tmp_path).config)
    (said,) = of_models(monkeypatch, model)
    assert "is truncated or damaged" in said


def test_weights_that_are_not_here_are_not_fetched(monkeypatch, tmp_path):
    monkeypatch.setattr(missing, "is_here", lambda model: False)
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda *given: pytest.fail("a download")
    )
    about = small.clip_model(tmp_path)
    for weights, hub in (("openai", "timm/some"), ("openai", None)):
        model = models.Model("Mine", "test-small", weights, config=about.config, hub=hub)
        assert readiness._inits("mine", model, {"inits": ["pretrained"]}) == ["random"]


def test_a_training_that_does_not_fit_a_model_blocks(monkeypatch, tmp_path):
    settings = {"lora": {"rank": 17, "alpha": 1.0, "queries_and_values": False}}
    (said,) = of_models(
        monkeypatch,
        small.clip_model(tmp_path),
        inits=["random"],
        trainings=["standard", "lora"],
        training_modes=settings,
    )
    assert "rank of LoRA is 17" in said and "at most 16" in said


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_in_the_place_of_results_blocks(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "above/results"
    if name == "a file":
        place.parent.mkdir()
    WRITERS[name](place)
    (finding,) = readiness._places({"results": str(place)})
    assert finding.status == "blocks" and f"Cannot write {place}: Not a directory" in finding.text


def test_a_checkout_that_cannot_be_written_blocks(tmp_path, monkeypatch):
    """As root everything can be written, so the system's answer is put in."""

    def refuse(dir):
        raise OSError(30, "Read-only file system")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(readiness.tempfile, "TemporaryFile", refuse)
    found = list(readiness._places({"results": "results/some"}))
    assert [finding.status for finding in found] == ["blocks", "blocks"]
    assert "Read-only file system" in found[0].text and ".snakemake" in found[1].text
    assert not list(tmp_path.iterdir()), "nothing is made by looking"


@pytest.mark.parametrize(
    "error",
    [
        OSError(30, "Read-only file system", ".snakemake/locks"),
        RuntimeError("Could not determine home directory."),
        KeyError("getpwuid(): uid not found: 12345"),
    ],
)
def test_what_stops_snakemake_itself_is_one_sentence(monkeypatch, error):
    def stop(*given, **options):
        raise error

    monkeypatch.setattr("snakemake.api.SnakemakeApi.workflow", stop)
    with pytest.raises(ValueError, match="Snakemake cannot plan this run: .*") as caught:
        jobs.of_dag([])
    assert "\n" not in str(caught.value)


def test_a_user_without_a_home_has_no_cache(monkeypatch, tmp_path):
    def homeless(*given, **options):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", homeless)
    origin = sources.hub_origin("mine", {"hub": "lab/mine"})
    assert cached_snapshot(origin) == (None, [])
    monkeypatch.delenv(sources.ROOT, raising=False)
    assert "hf download lab/mine" in sources.absent("mine", origin)


def test_each_thing_is_named_as_it_begins(monkeypatch, tmp_path):
    """On stderr, so that `--json` on stdout stays JSON."""
    monkeypatch.setattr(_process, "prepare", lambda: None)
    monkeypatch.setattr(jobs, "of_dag", lambda files: [])
    monkeypatch.setattr(sizes, "of_task", lambda name, config: sizes.TaskSize({}, {}, 1, 1))
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump({"results": str(tmp_path / "results")}))
    given = ["check", "--preset", "micro", "--configfile", str(file), "--json"]
    done = CliRunner().invoke(cli.app, given)
    begun = [line.removeprefix("looking at ") for line in done.stderr.splitlines()]
    config = merged("micro")
    data = [f"data: {name}" for name in [*config["tasks"], config["control"]]]
    assert begun == [
        "config",
        "folders that are written",
        *data,
        "weights",
        "model: tiny",
        "gpu",
        "jobs, by a dry run of Snakemake",
        "disk",
    ]
    assert json.loads(done.stdout)["ready"] and done.exit_code == 0, done.stdout
