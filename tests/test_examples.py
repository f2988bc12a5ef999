"""The examples that need a package of somebody's, with a small one that tests make."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tangent_bench.images.folders import FolderTask
from tangent_bench.planning.config import validate
from tests.small import pixels
from tests.workflow.checkout import ROOT, merged

EXAMPLE = "examples/solar_cells_as_task.py"
PROBABILITIES = ("0.0", "1.0", "0.3333333333333333", "0.6666666666666666")


def package(folder: Path) -> None:
    """A package in the layout of elpv-dataset 1.0.0.post1: 12 cells of each probability."""
    images = folder / "elpv_dataset/data/images"
    images.mkdir(parents=True)
    (folder / "elpv_dataset/__init__.py").touch()
    lines = []
    for number, cell in enumerate(pixels(48, 30)[..., 0], start=1):
        name = f"images/cell{number:04}.png"
        Image.fromarray(cell).save(images.parent / name)
        lines.append(f"{name}  {PROBABILITIES[number % 4]:18}  mono\n")
    (images.parent / "labels.csv").write_text("".join(lines), encoding="utf-8")


def example(folder: Path, packages: Path) -> subprocess.CompletedProcess:
    (folder / "examples").mkdir(parents=True)
    (folder / "config").mkdir()
    copy = shutil.copy(ROOT / EXAMPLE, folder / "examples")
    environment = os.environ | {"PYTHONPATH": str(packages)}
    command = sys.executable, copy
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_sure_cells_become_a_task_of_two_classes(tmp_path, monkeypatch):
    package(tmp_path / "packages")
    done = example(tmp_path / "clone", tmp_path / "packages")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["make", "reproduce", "PRESET=solar_cells"]
    written = yaml.safe_load((tmp_path / "clone/config/solar_cells.yaml").read_text("utf-8"))
    monkeypatch.chdir(tmp_path / "clone")
    validate(merged("default") | written)
    task = FolderTask("solar_cells", written["custom_tasks"]["solar_cells"])
    assert task.TASK.class_names == ("defective", "functional")
    found = {split: task.load(split) for split in task.TASK.splits}
    assert {split: len(images.labels) for split, images in found.items()} == {
        "train": 17,
        "val": 1,
        "test": 6,
    }
    assert sorted(found["test"].labels.tolist()) == [0, 0, 0, 1, 1, 1]


@pytest.mark.slow
def test_the_page_counts_the_cells_of_the_real_package(tmp_path, monkeypatch):
    installed = find_spec("elpv_dataset")
    if installed is None:
        pytest.skip("elpv-dataset (90 MB, for non-commercial use) is not installed")
    assert example(tmp_path, Path(installed.origin).parents[1]).returncode == 0
    written = yaml.safe_load((tmp_path / "config/solar_cells.yaml").read_text("utf-8"))
    monkeypatch.chdir(tmp_path)
    task = FolderTask("solar_cells", written["custom_tasks"]["solar_cells"])
    train, val, test = (f"{len(task.load(split).labels):,}" for split in ("train", "val", "test"))
    page = (ROOT / "docs/how-to/your-own-images.md").read_text(encoding="utf-8")
    assert f"{train} images for training, {val} for validation and {test} for test" in page


def test_without_the_package_a_page_is_named(tmp_path):
    done = example(tmp_path, tmp_path / "empty")
    assert done.returncode == 1 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "elpv-dataset is not installed" in line
    assert (ROOT / line.split()[-1].rstrip(".")).is_file()


def test_the_examples_are_short_enough_to_be_read():
    for file in (ROOT / "examples").glob("*.py"):
        assert len(file.read_text(encoding="utf-8").splitlines()) <= 45, file.name
