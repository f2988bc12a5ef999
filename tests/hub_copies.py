"""Copies of hub data sets as people have them on disk: parquet files with encoded images, folders,
the hub's cache.

"lab/tiny" is made up, with everything that may differ between images; `write_paper` makes a small
copy of any data set of the paper, in the files, columns and names of its own hub copy.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from tangent_bench import registry
from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task
from tests.small import pixels

datasets = pytest.importorskip(
    "datasets", reason="copies of the hub are made with the library that the hub uses"
)

REVISION = "0123456789abcdef0123456789abcdef01234567"
UNPINNED = "0" * 40  # what a copy notes whose task pins no revision
CLASSES = ("big cat", "dog", "owl")
NUM = {"train": 20, "test": 5}  # of each class
FILES = {"train": "data/train-*.parquet", "test": "data/test-*.parquet"}
SPLITS = ("train", "val", "test")
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
"""  # as in the paper's data sets, with splits that need not be there


# lab/tiny


class TaskModule(ModuleType):
    """The module of a task, as a file in tasks/."""

    def __init__(self, name: str, task: Task, origin: Origin) -> None:
        super().__init__(name)
        self.TASK = task
        self.ORIGIN = origin


def tiny(**changes) -> TaskModule:
    """The data set's task; `changes` are of its origin."""
    origin = Origin(
        "lab/tiny",
        REVISION,
        FILES,
        counts={"train": 54, "val": 6, "test": 15},
        folders=("tiny",),
        advice="draw them",
    )
    task = Task("Tiny", CLASSES, ("a {}",), "real", "us", "CC0")
    return TaskModule("tangent_bench.tasks.tiny", task, replace(origin, **changes))


def encoded(split: str, label: int, number: int) -> tuple[bytes, str]:
    """A picture as a file, and its suffix: sizes differ, 1 in 3 is a JPEG, 1 in 5 is grey."""
    image = Image.fromarray(pixels(1, 12 + number % 5, split, label, number)[0])
    return _file(
        image.convert("L") if number % 5 == 0 else image, "JPEG" if number % 3 == 0 else "PNG"
    )


def _file(image: Image.Image, kind: str) -> tuple[bytes, str]:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue(), "jpg" if kind == "JPEG" else "png"


def cells(split: str) -> list[tuple[int, str, bytes]]:
    """(class, file name, bytes) of a split, in the order of ImageFolder."""
    found = []
    for label in range(len(CLASSES)):
        for number in range(NUM[split]):
            content, suffix = encoded(split, label, number)
            found.append((label, f"{number:03d}.{suffix}", content))
    return found


def write_folder(root: Path, name: str = "tiny", splits: Sequence[str] = ("train", "test")) -> Path:
    """The data set below `root` in ImageFolder layout; returns `root`."""
    for split in splits:
        for label, file, content in cells(split):
            path = root / name / split / CLASSES[label].replace(" ", "_") / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return root


def table(split: str, names: Sequence[str] = CLASSES):
    """A split as the library `datasets` has it."""
    return _table(cells(split), names)


def _table(
    found: list[tuple[int, str, bytes]],
    names: Sequence[str],
    image: str = "image",
    label: str = "label",
):
    columns = {
        image: [{"bytes": content, "path": file} for _, file, content in found],
        label: [each for each, _, _ in found],
    }
    features = datasets.Features(
        {image: datasets.Image(), label: datasets.ClassLabel(names=list(names))}
    )
    return datasets.Dataset.from_dict(columns, features=features)


def write_parquet(folder: Path, names: Sequence[str] = CLASSES) -> Path:
    """Two files for train, one for test, with row groups of seven, as the hub lays them out."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    for split, shards in (("train", 2), ("test", 1)):
        whole = table(split, names)
        for k in range(shards):
            path = folder / "data" / f"{split}-{k:05d}-of-{shards:05d}.parquet"
            whole.shard(shards, k, contiguous=True).to_parquet(path, batch_size=7)
    return folder


def write_cached(tmp_path: Path, revision: str = REVISION) -> Path:
    """A snapshot in the cache of the hub's client."""
    repository = tmp_path / "hub" / "datasets--lab--tiny"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(revision)
    return write_parquet(repository / "snapshots" / revision)


def content(split) -> list[tuple[tuple[int, int], bytes, int]]:
    """Size, pixels and label of every image of an opened split, in its order."""
    images = dict(split.stream())
    assert sorted(images) == list(range(len(split)))
    assert all(image.mode == "RGB" for image in images.values())
    return [(images[k].size, images[k].tobytes(), int(split.labels[k])) for k in range(len(split))]


# The paper's


def write_paper(root: Path, name: str, num: Mapping[str, int]) -> Path:
    """Writes a copy of a data set of the paper below `root`, as `hf download --local-dir` does.

    Args:
        name: a file of tangent_bench/tasks with an ORIGIN.
        num: images of each stored split.
    """
    task = registry.load("tasks", name).TASK
    origin = registry.load("tasks", name).ORIGIN
    # ImageNet's hub copy has synonyms, and unlike CLIP's list no name twice.
    synonyms = [f"{each}, {label}" for label, each in enumerate(task.class_names)]
    names = synonyms if origin.agreement < 1 else origin.folder_names or task.class_names
    folder = root / origin.folders[0]
    files = origin.files or {stored: f"data/{stored}-*.parquet" for stored in num}
    for stored, pattern in files.items():
        file = pattern.replace("*", "00000-of-00001")
        found = [
            (k % len(names), *_painted(name, stored, k, origin.native)) for k in range(num[stored])
        ]
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        _table(found, names, origin.image, origin.label).to_parquet(folder / file, batch_size=20)
        note = folder / ".cache/huggingface/download" / f"{file}.metadata"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{origin.revision or UNPINNED}\netag\n0.0\n", encoding="utf-8")
    return folder


def _painted(name: str, split: str, number: int, native: int | None) -> tuple[str, bytes]:
    """File name and bytes of a picture of soft spots.

    A PNG of the native size, else a JPEG larger than 224 px.
    """
    size = (native, native) if native else (230 + 17 * (number % 7), 230 + 23 * (number % 5))
    spots = Image.fromarray(pixels(1, 6, "paper", name, split, number)[0])
    image = spots.resize(size, Image.Resampling.BICUBIC)
    grey = Image.fromarray(np.asarray(image.convert("L")))  # MNIST's have one channel
    content, suffix = _file(grey if native == 28 else image, "PNG" if native else "JPEG")
    return f"{number:05d}.{suffix}", content
