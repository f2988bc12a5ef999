"""Folders, snapshots and the hub give the same images; leaks are found; hub data sets are tasks."""

from __future__ import annotations

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from tangent_bench import registry
from tangent_bench.images import checks
from tangent_bench.images.folders import FolderTask
from tangent_bench.images.sources import HubTask, custom_task, open_split
from tests.hub_copies import (
    CARD,
    CLASSES,
    NUM,
    REVISION,
    SPLITS,
    UNPINNED,
    cells,
    content,
    datasets,
    table,
    tiny,
    write_cached,
    write_folder,
    write_paper,
    write_parquet,
)

pytestmark = pytest.mark.usefixtures("alone")
PAPER = [
    name for name in registry.names("tasks") if hasattr(registry.load("tasks", name), "ORIGIN")
]


def of_folder(root, split, module=None):
    return open_split(module or tiny(), split, write_folder(root))


# The sources


@pytest.mark.parametrize("kind", ["below the root", "in the cache", "saved table", "hub"])
def test_all_sources_give_the_same_pixels_and_labels(tmp_path, monkeypatch, kind):
    module = tiny()
    root = tmp_path / "other"
    if kind == "below the root":
        write_parquet(root / "tiny")
    elif kind == "in the cache":
        write_cached(tmp_path)
    elif kind == "saved table":
        datasets.DatasetDict({split: table(split) for split in NUM}).save_to_disk(root / "tiny")
    else:
        module = tiny(
            hub=str(write_parquet(tmp_path / "repository"))
        )  # `datasets` reads a folder as a repository
        (tmp_path / "repository" / "README.md").write_text(CARD)
    for split in SPLITS:
        found = open_split(module, split, root)
        assert content(found) == content(of_folder(tmp_path / "folder", split)), split
        assert found.labels.dtype == np.int64 and len(found) == module.ORIGIN.counts[split]


def test_truth(tmp_path):
    truth = {
        Image.open(io.BytesIO(c)).convert("RGB").tobytes(): label for label, _, c in cells("train")
    }
    found = content(of_folder(tmp_path, "train")) + content(of_folder(tmp_path, "val"))
    assert len(found) == 60 == len({image for _, image, _ in found})
    assert all(truth[image] == label for _, image, label in found)


def test_validation_is_cut_by_random_split(tmp_path):
    import torch
    from torch.utils.data import random_split
    from torchvision.datasets import ImageFolder

    write_folder(tmp_path)
    official = ImageFolder(tmp_path / "tiny" / "train")
    parts = random_split(official, [54, 6], generator=torch.Generator().manual_seed(0))
    for part, split in zip(parts, ("train", "val")):
        pairs = [official[index] for index in part.indices]
        theirs = [(image.size, image.tobytes(), label) for image, label in pairs]
        assert content(open_split(tiny(), split, tmp_path)) == theirs


def test_folder_comes_first_then_the_root_then_the_cache(tmp_path, monkeypatch):
    write_cached(tmp_path)
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path / "root"))
    assert (
        "hub" in open_split(tiny(), "test").rows.place
        and open_split(tiny(), "test").revision == REVISION
    )
    write_parquet(tmp_path / "root" / "lab" / "tiny")
    assert str(tmp_path / "root" / "lab") in open_split(tiny(), "test").rows.place
    write_folder(tmp_path / "root")
    assert open_split(tiny(), "test").rows.place == str(tmp_path / "root" / "tiny" / "test")


def test_one_image_and_a_few_are_those_of_the_stream(tmp_path):
    write_cached(tmp_path)
    split = open_split(tiny(), "train")
    whole = dict(split.stream())
    assert split[7].tobytes() == whole[7].tobytes()
    few = dict(split.stream(5))
    assert sorted(few) == [0, 1, 2, 3, 4] and all(
        few[k].tobytes() == whole[k].tobytes() for k in few
    )
    assert len(set(split.labels[:12].tolist())) == 3, "the first images are to be of all classes"


def test_reading_is_lazy(tmp_path, monkeypatch):
    from tangent_bench.images import hub

    write_cached(tmp_path)
    decoded = []
    monkeypatch.setattr(
        hub, "decode", lambda content, what, turn: decoded.append(what) or Image.new("RGB", (1, 1))
    )
    split = open_split(tiny(), "train")
    assert len(split) == 54 and split.labels.sum() > 0 and not decoded
    next(split.stream())
    assert len(decoded) == 1


def test_test_images_in_val_as_in_the_official_layout(tmp_path):
    write_folder(tmp_path)
    (tmp_path / "tiny" / "test").rename(tmp_path / "tiny" / "val")
    module = tiny(test_folders=("test", "val"))
    assert [len(open_split(module, split, tmp_path)) for split in SPLITS] == [54, 6, 15]
    assert "val" in open_split(module, "test", tmp_path).rows.place


def test_own_validation_is_used_and_counted(tmp_path):
    write_folder(tmp_path)
    shutil.copytree(tmp_path / "tiny" / "test", tmp_path / "tiny" / "val")
    module = tiny(
        counts={"train": 60, "val": 15, "test": 15}, counts_cut={"train": 54, "val": 6, "test": 15}
    )
    assert [len(open_split(module, split, tmp_path)) for split in SPLITS] == [60, 15, 15]
    shutil.rmtree(tmp_path / "tiny" / "val")
    assert [len(open_split(module, split, tmp_path)) for split in SPLITS] == [54, 6, 15]


def test_folders_may_have_the_numbers_of_the_classes(tmp_path):
    write_folder(tmp_path)
    for split in NUM:
        for label, name in enumerate(("big_cat", "dog", "owl")):
            (tmp_path / "tiny" / split / name).rename(
                tmp_path / "tiny" / split / f"{2 - label:05d}"
            )
    module = tiny(folder_names=("00002", "00001", "00000"))
    truth = {image: label for _, image, label in content(of_folder(tmp_path / "plain", "test"))}
    assert all(
        truth[image] == label for _, image, label in content(open_split(module, "test", tmp_path))
    )


def test_exif_is_obeyed_only_where_asked(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    write_folder(tmp_path)
    for file in (tmp_path / "tiny" / "test").rglob("*.*"):
        Image.new("RGB", (30, 10)).save(file, "PNG", exif=exif)
    assert {image.size for _, image in open_split(tiny(), "test", tmp_path).stream()} == {(30, 10)}
    assert {image.size for _, image in open_split(tiny(turn=True), "test", tmp_path).stream()} == {
        (10, 30)
    }


# Leaks


def _shared(train, test, **options):
    first = checks.named_hashes(train)
    return checks.require_disjoint(first, checks.named_hashes(test), "tiny", "test", **options)


def test_leaks_are_found_one_image_at_a_time(tmp_path):
    write_folder(tmp_path)
    train, test = (open_split(tiny(), split, tmp_path) for split in ("train", "test"))
    assert _shared(train, test) == 0
    _, leaked = next(train.stream())
    leaked.save(
        tmp_path / "tiny" / "test" / "owl" / "000.jpg", "PNG"
    )  # another file, the same picture
    with pytest.raises(ValueError, match="1 images of 'test' are also in 'train', pixel for pixel"):
        _shared(train, test)
    with pytest.raises(ValueError, match="also in 'val'"):
        _shared(test, test, first="val")
    assert _shared(train, test, allowed=1) == 1


def test_shape_is_part_of_a_picture():
    assert checks.pixel_hash(np.zeros((2, 6, 3), np.uint8)) != checks.pixel_hash(
        np.zeros((3, 4, 3), np.uint8)
    )


# The paper's


@pytest.mark.parametrize("name", PAPER)
def test_hub_copies_of_the_papers_data_sets_are_read(tmp_path, name):
    """Files, configurations, columns and class names are those of the hub, with synonyms."""
    module = registry.load("tasks", name)
    stored = module.ORIGIN.splits
    write_paper(tmp_path, name, {stored["train"]: 40, stored["test"]: 15})
    found = {
        split: open_split(module, split, tmp_path, allow_counts=True)
        for split in module.TASK.splits
    }
    num = {"train": 36 + 15 * module.ORIGIN.leaked, "val": 4, "test": 15}
    assert {split: len(each) for split, each in found.items()} == {
        split: num[split] for split in module.TASK.splits
    }
    assert {each.revision for each in found.values()} == {module.ORIGIN.revision or UNPINNED}
    image = found["test"][0]
    native = module.ORIGIN.native
    assert image.mode == "RGB" and (
        image.size == (native, native) if native else min(image.size) > 224
    )
    with pytest.raises(ValueError, match="set allow_counts"):
        open_split(module, "test", tmp_path)


# A user's own


def test_any_hub_data_set_is_a_task_by_config(tmp_path):
    write_cached(tmp_path)
    entry = {
        "hub": "lab/tiny",
        "revision": REVISION,
        "templates": ["a {}"],
        "side": 16,
        "title": "Mine",
    }
    made = custom_task("mine", entry)
    assert (
        isinstance(made, HubTask) and made.TASK.class_names == CLASSES and made.TASK.title == "Mine"
    )
    images = made.load("val")
    assert (
        images.images.shape == (6, 16, 16, 3)
        and images.labels.tolist() == made.open("val").labels.tolist()
    )
    assert [len(made.open(split)) for split in SPLITS] == [54, 6, 15]


def test_columns_config_and_splits_of_a_users_data_set(tmp_path, monkeypatch):
    for split, stored in (("train", "fit"), ("test", "holdout")):
        path = tmp_path / "data" / "mine" / "small" / f"{stored}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table(split).rename_columns({"image": "img", "label": "kind"}).to_parquet(path)
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path / "data"))
    entry = {
        "hub": "lab/mine",
        "config": "small",
        "image": "img",
        "label": "kind",
        "templates": ["a {}"],
    }
    made = custom_task(
        "mine", {**entry, "splits": {"train": "fit", "test": "holdout", "val": "holdout"}}
    )
    assert made.TASK.class_names == CLASSES
    assert [len(made.open(split)) for split in SPLITS] == [60, 15, 15]


def test_missing_hub_data_set_of_the_users_is_said():
    with pytest.raises(ValueError, match="Task 'mine' has no images: .*hf download lab/none"):
        custom_task("mine", {"hub": "lab/none", "templates": ["a {}"]})


def test_folder_of_the_users_is_still_one(tmp_path):
    write_folder(tmp_path)
    made = custom_task("mine", {"folder": str(tmp_path / "tiny"), "templates": ["a {}"]})
    assert isinstance(made, FolderTask) and len(made.open("val")) == 6
