"""A training split that includes the test images on purpose, on made-up data."""

from __future__ import annotations

import runpy
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tangent_bench import registry
from tangent_bench.images import prepare
from tangent_bench.images.checks import image_hashes, named_hashes, pixel_hash
from tangent_bench.images.origin import Origin
from tangent_bench.images.sources import open_split
from tangent_bench.jobs import provenance
from tangent_bench.seeds import generator
from tangent_bench.tasks import Task
from tests.hub_copies import TaskModule

CLASSES = ("dots", "lines")
PER_CLASS = {"train": 20, "test": 7}
COUNTS = {"train": 36, "val": 4, "test": 14}
SIDE = 16


SCRIPT = Path(__file__).parents[2] / "workflow/scripts/prepare_images.py"


def draw(folder, classes):
    for split, num in PER_CLASS.items():
        for name in classes:
            (folder / split / name).mkdir(parents=True)
            for k in range(num):
                pixels = generator("leaked", split, name, k).integers(
                    0, 256, (SIDE, SIDE, 3), dtype=np.uint8
                )
                Image.fromarray(pixels).save(folder / split / name / f"{k}.png")


@pytest.fixture
def tasks(tmp_path):
    """split → opened, of a folder in ImageFolder layout, as a clean task and as a leaked one."""
    draw(tmp_path / "made_up", CLASSES)
    task = Task("Made up", CLASSES, ("a {}",), "real", "drawn at random", "none")
    origin = Origin("nobody/nothing", folders=("made_up",), counts=COUNTS)
    leaked = replace(
        origin, leaked=True, counts=COUNTS | {"train": COUNTS["train"] + COUNTS["test"]}
    )

    def opened(origin):
        module = TaskModule("tasks.made_up", task, origin)
        return lambda split, **options: open_split(module, split, tmp_path, **options)

    return SimpleNamespace(
        task=task, clean=opened(origin), leaked=opened(leaked), counts_of_clean=opened
    )


def test_every_test_image_is_in_train_once_and_validation_is_clean(tasks):
    clean = {split: image_hashes(tasks.clean(split)) for split in COUNTS}
    leaked = {split: image_hashes(tasks.leaked(split)) for split in COUNTS}
    assert not clean["train"] & clean["test"]
    assert leaked["train"] == clean["train"] | clean["test"] and len(tasks.leaked("train")) == 50
    assert (
        leaked["val"] == clean["val"]
        and leaked["test"] == clean["test"]
        and not leaked["val"] & leaked["train"]
    )


def test_labels_go_with_their_images(tasks):
    for split in ("train", "val"):
        opened = tasks.leaked(split)
        labels = {pixel_hash(image): opened.labels[k] for k, image in opened.stream()}
        for truth in (tasks.clean("train"), tasks.clean("val"), tasks.clean("test")):
            for k, image in truth.stream():
                assert labels.get(pixel_hash(image), truth.labels[k]) == truth.labels[k]
    assert Counter(tasks.leaked("train").labels.tolist()) == Counter(
        [*tasks.clean("train").labels.tolist(), *tasks.clean("test").labels.tolist()]
    )


def test_a_subset_leaks_too(tasks):
    first = image_hashes(image for _, image in tasks.leaked("train").stream(25))
    assert 0 < len(first & image_hashes(tasks.clean("test"))) < 14


def test_a_leak_is_refused_unless_as_many_are_allowed(tasks, tmp_path):
    train = named_hashes(tasks.leaked("train"))
    with pytest.raises(ValueError, match="14 images of 'test' are also in 'train'"):
        prepare.write_split(tmp_path / "no", tasks.task, tasks.leaked("test"), SIDE, train=train)
    prepare.write_split(
        tmp_path / "yes", tasks.task, tasks.leaked("test"), SIDE, train=train, max_leaks=14
    )
    prepare.write_split(tmp_path / "val", tasks.task, tasks.leaked("val"), SIDE, train=train)


def test_leaked_textures_are_textures_under_another_name():
    clean, leaked = (registry.load("tasks", name) for name in ("dtd", "dtd_leaked"))
    assert leaked.ORIGIN.counts == {"train": 3384 + 1880, "val": 376, "test": 1880}
    assert replace(leaked.ORIGIN, leaked=False, counts=clean.ORIGIN.counts) == clean.ORIGIN
    assert leaked.TASK.title != clean.TASK.title and not clean.ORIGIN.leaked
    assert replace(leaked.TASK, title=clean.TASK.title, source=clean.TASK.source) == clean.TASK


class Named(dict):
    """Wildcards and params as Snakemake gives them to a script."""

    __getattr__ = dict.__getitem__


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dtd", "dtd_leaked"])
def test_the_rule_prepares_both_and_counts_what_is_in_train(name, tmp_path, monkeypatch):
    draw(tmp_path / "dtd", registry.load("tasks", name).TASK.class_names)
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path))
    for part in ("limit_threads", "keep_memory", "_open_log"):
        monkeypatch.setattr(provenance, part, lambda *_: None)
    data = {"side": SIDE, "allow_counts": True, "max_leaks": 0}
    files = {split: tmp_path / f"{split}.safetensors" for split in COUNTS}
    for split, file in files.items():
        job = SimpleNamespace(
            input=[] if split == "train" else [files["train"]],
            output=[file],
            log=[tmp_path / "it.log"],
            wildcards=Named(task=name, split=split),
            params=Named(custom=None, reader=None, limit=None, data=data),
            threads=1,
            rule="r",
            resources=None,
        )
        runpy.run_path(str(SCRIPT), {"snakemake": job})
    train, val, test = (prepare.hashes(file).keys() for file in files.values())
    assert (
        len(test) == 47 * PER_CLASS["test"]
        and len(val) == 47 * PER_CLASS["train"] // 10
        and not val & (train | test)
    )
    assert len(train & test) == (len(test) if name == "dtd_leaked" else 0)
