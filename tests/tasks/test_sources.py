"""Folders, snapshots and the hub give the same pixels and labels; everything that can be wrong has its sentence."""

from __future__ import annotations

import http.server
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tangent_bench import registry
from tangent_bench.tasks import Task, _checks, _sources
from tangent_bench.tasks._folders import FolderTask
from tangent_bench.tasks._sources import HubTask, Origin, custom_task, open_split
from tests.small import pixels

datasets = pytest.importorskip("datasets", reason="copies of the hub are made with the library that the hub uses")

ROOT = Path(__file__).parents[2]
REVISION = "0123456789abcdef0123456789abcdef01234567"
CLASSES = ("big cat", "dog", "owl")
NUM = {"train": 20, "test": 5}  # of each class
FILES = {"train": "data/train-*.parquet", "test": "data/test-*.parquet"}
SPLITS = ("train", "val", "test")


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """No data of the machine, no network, and caches of the libraries in the test's own folder."""
    import huggingface_hub

    monkeypatch.delenv("TANGENT_BENCH_DATA", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def tiny(**changes):
    """A module of a task, as a file in tasks/ is one."""
    origin = Origin(
        "lab/tiny", REVISION, FILES, counts={"train": 54, "val": 6, "test": 15}, folders=("tiny",), advice="draw them"
    )
    task = Task("Tiny", CLASSES, ("a {}",), "real", "us", "CC0")
    return SimpleNamespace(__name__="tangent_bench.tasks.tiny", TASK=task, ORIGIN=replace(origin, **changes))


def encoded(split, label, number):
    """A picture as a file: sizes differ, every third is a JPEG, every fifth is grey."""
    image = Image.fromarray(pixels(1, 12 + number % 5, split, label, number)[0])
    kind, file = ("JPEG" if number % 3 == 0 else "PNG"), io.BytesIO()
    (image.convert("L") if number % 5 == 0 else image).save(file, kind)
    return file.getvalue(), "jpg" if kind == "JPEG" else "png"


def cells(split):
    """(class, file name, bytes) of a split, in the order of ImageFolder."""
    found = []
    for label in range(len(CLASSES)):
        for number in range(NUM[split]):
            content, suffix = encoded(split, label, number)
            found.append((label, f"{number:03d}.{suffix}", content))
    return found


def write_folder(root, name="tiny", splits=("train", "test")):
    for split in splits:
        for label, file, content in cells(split):
            path = root / name / split / CLASSES[label].replace(" ", "_") / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root


def table(split, names=CLASSES):
    found = cells(split)
    columns = {
        "image": [{"bytes": content, "path": file} for _, file, content in found],
        "label": [label for label, _, _ in found],
    }
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=list(names))})
    return datasets.Dataset.from_dict(columns, features=features)


def write_parquet(folder, names=CLASSES):
    """Two files for train, one for test, with row groups of seven, as the hub lays them out."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for split, shards in (("train", 2), ("test", 1)):
        whole = table(split, names)
        for k in range(shards):
            path = folder / "data" / f"{split}-{k:05d}-of-{shards:05d}.parquet"
            whole.shard(shards, k, contiguous=True).to_parquet(path, batch_size=7)
    return folder


CARD = """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: label
    dtype:
      class_label:
        names:
          '0': big cat
          '1': dog
          '2': owl
  splits:
  - name: train
    num_examples: 60
  - name: test
    num_examples: 15
  - name: gaussian_noise
    num_examples: 15
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train-*
  - split: test
    path: data/test-*
  - split: gaussian_noise
    path: data/gaussian_noise-*
---
"""  # as the copies of the paper's data sets have it, with splits that are not wanted and need not be there


def write_cached(tmp_path, revision=REVISION):
    """A snapshot in the cache of the hub's client."""
    repository = tmp_path / "hub" / "datasets--lab--tiny"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(revision)
    return write_parquet(repository / "snapshots" / revision)


def content(split):
    """Pixels and label of every image, in the order of the split."""
    images = dict(split.stream())
    assert sorted(images) == list(range(len(split)))
    assert all(image.mode == "RGB" for image in images.values())
    return [(images[k].size, images[k].tobytes(), int(split.labels[k])) for k in range(len(split))]


def of_folder(root, split, module=None):
    return open_split(module or tiny(), split, write_folder(root))


# The sources


@pytest.mark.parametrize("kind", ["below the root", "in the cache", "saved table", "hub"])
def test_all_sources_give_the_same_pixels_and_labels(tmp_path, monkeypatch, kind):
    module, root = tiny(), tmp_path / "other"
    if kind == "below the root":
        write_parquet(root / "tiny")
    elif kind == "in the cache":
        write_cached(tmp_path)
    elif kind == "saved table":
        datasets.DatasetDict({split: table(split) for split in NUM}).save_to_disk(root / "tiny")
    else:
        module = tiny(hub=str(write_parquet(tmp_path / "repository")))  # `datasets` reads a folder as a repository
        (tmp_path / "repository" / "README.md").write_text(CARD)
    for split in SPLITS:
        found = open_split(module, split, root)
        assert content(found) == content(of_folder(tmp_path / "folder", split)), split
        assert found.labels.dtype == np.int64 and len(found) == module.ORIGIN.counts[split]


def test_truth(tmp_path):
    truth = {Image.open(io.BytesIO(c)).convert("RGB").tobytes(): label for label, _, c in cells("train")}
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
        theirs = [(image.size, image.tobytes(), label) for image, label in part]
        assert content(open_split(tiny(), split, tmp_path)) == theirs


def test_folder_comes_first_then_the_root_then_the_cache(tmp_path, monkeypatch):
    write_cached(tmp_path)
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path / "root"))
    assert "hub" in open_split(tiny(), "test").rows.place and open_split(tiny(), "test").revision == REVISION
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
    assert sorted(few) == [0, 1, 2, 3, 4] and all(few[k].tobytes() == whole[k].tobytes() for k in few)
    assert len(set(split.labels[:12].tolist())) == 3, "the first images are to be of all classes"


def test_reading_is_lazy(tmp_path, monkeypatch):
    from tangent_bench.tasks import _hub

    write_cached(tmp_path)
    decoded = []
    monkeypatch.setattr(_hub, "decode", lambda content, what, turn: decoded.append(what) or Image.new("RGB", (1, 1)))
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
    module = tiny(counts={"train": 60, "val": 15, "test": 15}, counts_cut={"train": 54, "val": 6, "test": 15})
    assert [len(open_split(module, split, tmp_path)) for split in SPLITS] == [60, 15, 15]
    shutil.rmtree(tmp_path / "tiny" / "val")
    assert [len(open_split(module, split, tmp_path)) for split in SPLITS] == [54, 6, 15]


def test_folders_may_have_the_numbers_of_the_classes(tmp_path):
    write_folder(tmp_path)
    for split in NUM:
        for label, name in enumerate(("big_cat", "dog", "owl")):
            (tmp_path / "tiny" / split / name).rename(tmp_path / "tiny" / split / f"{2 - label:05d}")
    module = tiny(folder_names=("00002", "00001", "00000"))
    truth = {image: label for _, image, label in content(of_folder(tmp_path / "plain", "test"))}
    assert all(truth[image] == label for _, image, label in content(open_split(module, "test", tmp_path)))


def test_exif_is_obeyed_only_where_asked(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    write_folder(tmp_path)
    for file in (tmp_path / "tiny" / "test").rglob("*.*"):
        Image.new("RGB", (30, 10)).save(file, "PNG", exif=exif)
    assert {image.size for _, image in open_split(tiny(), "test", tmp_path).stream()} == {(30, 10)}
    assert {image.size for _, image in open_split(tiny(turn=True), "test", tmp_path).stream()} == {(10, 30)}


# Leaks


def test_leaks_are_found_one_image_at_a_time(tmp_path):
    write_folder(tmp_path)
    train, test = (open_split(tiny(), split, tmp_path) for split in ("train", "test"))
    assert _checks.require_disjoint(train, test, "tiny", "test") == 0
    _, leaked = next(train.stream())
    leaked.save(tmp_path / "tiny" / "test" / "owl" / "000.jpg", "PNG")  # another file, the same picture
    with pytest.raises(ValueError, match="1 images of 'test' are also in 'train', pixel for pixel"):
        _checks.require_disjoint(train, test, "tiny", "test")
    with pytest.raises(ValueError, match="also in 'val'"):
        _checks.require_disjoint(_checks.image_hashes(test), test, "tiny", "test", first="val")
    assert _checks.require_disjoint(train, test, "tiny", "test", allowed=1) == 1


def test_shape_is_part_of_a_picture():
    assert _checks.pixel_hash(np.zeros((2, 6, 3), np.uint8)) != _checks.pixel_hash(np.zeros((3, 4, 3), np.uint8))


# What can be wrong


def fails(match, module=None, split="test", root=None, **options):
    with pytest.raises(ValueError, match=match) as caught:
        content(open_split(module or tiny(), split, root, **options))
    return str(caught.value)


def test_missing_data_names_the_three_places_and_the_command(tmp_path):
    sentence = fails("Task 'tiny' has no images", root=tmp_path / "data")
    for part in (
        f"the folder {tmp_path}/data/tiny for <split>/<class>/<image>",
        f"a snapshot of lab/tiny at {REVISION}",
        "at the hub (",
        f"hf download lab/tiny --repo-type dataset --revision {REVISION} --include 'data/train-*.parquet'",
        f"--local-dir {tmp_path}/data/tiny",
        "without the hub: draw them",
    ):
        assert part in sentence, part
    assert "TANGENT_BENCH_DATA is not set" in fails("no images")


@pytest.mark.parametrize(("name", "advice"), [("cars", "7545"), ("sun397", "9348"), ("resisc45", "no class for it")])
def test_dead_downloads_are_said(name, advice):
    assert advice in fails("has no images", registry.load("tasks", name))


def test_other_revision_in_the_cache_is_not_taken(tmp_path):
    write_cached(tmp_path, "f" * 40)
    assert f"other revisions: {'f' * 40}" in fails("has no images")


def test_other_revision_below_the_root_is_refused(tmp_path):
    note = write_parquet(tmp_path / "tiny") / ".cache/huggingface/download/data/train-00000-of-00002.parquet.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{'f' * 40}\netag\n0.0\n")
    fails(f"holds revision f+ of lab/tiny, expected {REVISION}; download that one: hf download", root=tmp_path)
    note.write_text(f"{REVISION}\netag\n0.0\n")
    assert open_split(tiny(), "test", tmp_path).revision == REVISION


@pytest.mark.parametrize("damage", [b"", b"no image", None])
def test_damaged_file_is_named(tmp_path, damage):
    file = write_folder(tmp_path) / "tiny" / "test" / "dog" / "003.jpg"
    file.write_bytes(file.read_bytes()[:150] if damage is None else damage)
    fails(r"Task 'tiny': .*003\.jpg cannot be read as an image .*; repair or remove it", root=tmp_path)


def test_damaged_image_in_a_parquet_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "encoded", lambda split, label, number: (b"\x89PNG\r\n\x1a\nno", "png"))
    write_cached(tmp_path)
    fails(r"Task 'tiny': image 0 of .*data cannot be read as an image")


def test_damaged_parquet_file_is_named(tmp_path):
    file = write_cached(tmp_path) / "data" / "test-00000-of-00001.parquet"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    fails(r"test-00000-of-00001\.parquet is no whole parquet file .*; download it again")


def test_number_of_classes_must_fit(tmp_path):
    write_cached(tmp_path)
    four = tiny()
    four.TASK = replace(four.TASK, class_names=(*CLASSES, "yak"))
    fails("has 3 classes, expected 4", four)
    fails("has 3 class folders, expected 4", four, root=write_folder(tmp_path / "root"))


def test_order_of_classes_must_fit(tmp_path):
    write_parquet(tmp_path / "tiny", ("big_cat", "owl", "dog"))
    fails("label 1 is 'owl', expected 'dog', and 1 more", root=tmp_path)


def test_synonyms_count_and_a_part_may_differ(tmp_path):
    write_parquet(tmp_path / "tiny", ("lion, Big Cat", "dog", "barn owl"))
    assert len(open_split(tiny(agreement=0.6), "test", tmp_path)) == 15
    fails("label 2 is 'barn owl', expected 'owl'", root=tmp_path)


def test_unknown_class_folder_is_named(tmp_path):
    folder = write_folder(tmp_path) / "tiny" / "test"
    (folder / "owl").rename(folder / "owls")
    fails("class folders that are no class of it: owls; name them as 'big cat'", root=tmp_path)


def test_labels_must_be_of_a_class(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "table", lambda split, names: datasets.Dataset.from_dict(
        {"image": [{"bytes": encoded(split, 0, 1)[0], "path": "a"}] * 15, "label": [-1] * 15},
        features=datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")}),
    ))  # fmt: skip
    write_parquet(tmp_path / "tiny")
    fails("has labels from -1 to -1, expected 0 to 2", root=tmp_path)


def test_columns_must_be_there(tmp_path):
    write_cached(tmp_path)
    fails("has the columns image, label; expected image and fine_label", tiny(label="fine_label"))


@pytest.mark.parametrize("split", SPLITS)
def test_other_counts_stop_unless_allowed(tmp_path, split):
    module = tiny(counts={"train": 540, "val": 60, "test": 150})
    root, num = write_folder(tmp_path), {"train": 54, "val": 6, "test": 15}[split]
    fails(rf"gives {num} images for '{split}', expected {num}0; complete it, or set allow_counts", module, split, root)
    assert len(open_split(module, split, root, allow_counts=True)) == num


def test_empty_split_is_named(tmp_path):
    for file in write_folder(tmp_path).glob("tiny/test/*/*"):
        file.unlink()
    fails("split 'test' of .*tiny is empty", root=tmp_path, allow_counts=True)


def test_imagenets_validation_needs_training_images(tmp_path):
    module = tiny(without_train=registry.load("tasks", "imagenet").ORIGIN.without_train)
    write_folder(tmp_path, splits=("test",))
    fails("'val' is cut off 'train', which it has not; .*5,000 of its 1,281,167.*50,000", module, "val", tmp_path)


def test_missing_library_is_named(tmp_path, monkeypatch):
    write_cached(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    fails("Package 'pyarrow' is not installed")


class Hub(http.server.BaseHTTPRequestHandler):
    """Answers as the hub does: a gated data set, and one without the revision that is asked for."""

    def _answer(self):
        gated = "gated" in self.path
        known = not gated and self.path.endswith("/lab/old")
        self.send_response(200 if known else 403 if gated else 404)
        if not known:
            self.send_header("X-Error-Code", "GatedRepo" if gated else "RevisionNotFound")
            self.send_header("X-Error-Message", "no")
        body = b'{"id": "lab/old", "sha": "0", "siblings": []}' if known else b"{}"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = _answer

    def log_message(self, *_):
        pass


def test_gated_data_and_wrong_revisions_are_said_as_the_hub_says_them(tmp_path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    code = (
        "from tangent_bench.tasks import _hub; from tangent_bench.tasks._sources import Origin\n"
        f"for hub in ('lab/gated', 'lab/old'):\n"
        f"    try: _hub.from_hub('tiny', Origin(hub, '{REVISION}', {FILES}), 'test')\n"
        "    except (ValueError, ConnectionError) as error: print(type(error).__name__, error)\n"
    )
    environment = {
        **{key: value for key, value in os.environ.items() if "proxy" not in key.lower()},
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path),
        "HF_HUB_OFFLINE": "0",
    }
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT)
    server.shutdown()
    server.server_close()
    gated, revision = made.stdout.strip().splitlines()
    assert gated.startswith("ValueError Task 'tiny': lab/gated is gated: accept its terms at https://huggingface.co")
    assert revision.startswith(f"ValueError Task 'tiny': lab/old has no revision '{REVISION}' on the hub; give"), made


# A user's own


def test_any_hub_data_set_is_a_task_by_config(tmp_path):
    write_cached(tmp_path)
    entry = {"hub": "lab/tiny", "revision": REVISION, "templates": ["a {}"], "side": 16, "title": "Mine"}
    made = custom_task("mine", entry)
    assert isinstance(made, HubTask) and made.TASK.class_names == CLASSES and made.TASK.title == "Mine"
    images = made.load("val")
    assert images.images.shape == (6, 16, 16, 3) and images.labels.tolist() == made.open("val").labels.tolist()
    assert [len(made.open(split)) for split in SPLITS] == [54, 6, 15]


def test_columns_config_and_splits_of_a_users_data_set(tmp_path, monkeypatch):
    for split, stored in (("train", "fit"), ("test", "holdout")):
        path = tmp_path / "data" / "mine" / "small" / f"{stored}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        table(split).rename_columns({"image": "img", "label": "kind"}).to_parquet(path)
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path / "data"))
    entry = {"hub": "lab/mine", "config": "small", "image": "img", "label": "kind", "templates": ["a {}"]}
    made = custom_task("mine", {**entry, "splits": {"train": "fit", "test": "holdout", "val": "holdout"}})
    assert made.TASK.class_names == CLASSES
    assert [len(made.open(split)) for split in SPLITS] == [60, 15, 15]


def test_missing_hub_data_set_of_the_users_is_said():
    with pytest.raises(ValueError, match="Task 'mine' has no images: .*hf download lab/none"):
        custom_task("mine", {"hub": "lab/none", "templates": ["a {}"]})


def test_folder_of_the_users_is_still_one(tmp_path):
    write_folder(tmp_path)
    made = custom_task("mine", {"folder": str(tmp_path / "tiny"), "templates": ["a {}"]})
    assert isinstance(made, FolderTask) and len(made.open("val")) == 6
    assert _sources.ROOT == "TANGENT_BENCH_DATA" and json.dumps(made.TASK.class_names)
