"""Input of others at readers that do not know it: one sentence, and no image twice."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from tangent_bench.images import folders
from tangent_bench.images.folders import FolderTask
from tangent_bench.store import artefacts, joins
from tangent_bench.weights import _reading
from tests import small

DEFAULT = Path(__file__).parents[1] / "config" / "default.yaml"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.bool, torch.float32])
def test_a_foreign_file_of_any_type_is_one_sentence(tmp_path, dtype):
    save_file({"w": torch.ones(4).to(dtype)}, tmp_path / "w.safetensors")
    with pytest.raises(ValueError, match="was not written by tangent_bench.*delete it and run"):
        artefacts.mapped(tmp_path / "w.safetensors", "vector")


def test_half_an_archive_of_weights_is_one_sentence(tmp_path):
    file = tmp_path / "w.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/data.pkl", b"\x80\x02}.")
    content = bytearray(file.read_bytes())
    content[content.index(b"PK\x01\x02")] ^= 1
    file.write_bytes(content)
    assert zipfile.is_zipfile(file)
    with pytest.raises(ValueError, match=r"w\.pt is truncated or damaged .*download it again"):
        _reading.read(file, outline=True)


@pytest.mark.parametrize("text", ["- a list", "a: [", "a: 2026-13-45", "[" * 3000])
def test_a_joined_preset_that_is_no_config_is_one_sentence(tmp_path, text):
    (tmp_path / "default.yaml").write_text(DEFAULT.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text)
    config = yaml.safe_load(DEFAULT.read_text(encoding="utf-8")) | {"joins": ["mine"]}
    with pytest.raises(
        ValueError, match=r"'joins' names 'mine', but .*mine\.yaml cannot be read as a config"
    ) as caught:
        joins.presets(config, tmp_path)
    assert "\n" not in str(caught.value)


def _write(folder: Path, name: str) -> None:
    for split in ("train", "test"):
        (folder / split / name).mkdir(parents=True)
        for k, pixels in enumerate(small.pixels(2, 8, split, name)):
            Image.fromarray(pixels).save(folder / split / name / f"{k}.png")


def test_a_link_to_a_folder_above_gives_no_image_twice(tmp_path):
    _write(tmp_path, "dog")
    (tmp_path / "train" / "dog" / "again").symlink_to("..", target_is_directory=True)
    assert len(folders.image_files(tmp_path / "train", {"dog": 0})) == 2


def test_a_link_to_a_folder_above_gives_no_image_of_another_class(tmp_path):
    for name in ("cat", "dog"):
        _write(tmp_path, name)
    for target in ("..", "../..", "."):
        link = tmp_path / "train" / "dog" / f"up{len(target)}"
        link.symlink_to(target, target_is_directory=True)
    found = folders.image_files(tmp_path / "train", {"cat": 0, "dog": 1})
    assert [(file.parent.name, label) for file, label in found] == [("cat", 0)] * 2 + [
        ("dog", 1)
    ] * 2


def test_a_class_folder_that_ends_a_line_is_refused(tmp_path):
    for name in ("dog", "a\nb"):
        _write(tmp_path, name)
    with pytest.raises(
        ValueError, match=r"class folder 'a\\nb', whose name is no text of one line; rename it"
    ):
        FolderTask("own", {"folder": str(tmp_path), "templates": ["a {}"]})
