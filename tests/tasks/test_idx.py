"""Files of the format idx as a task: what is read, how validation is cut off, what is refused."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from tangent_bench.images import idx_files, notes
from tangent_bench.images.checks import image_hashes
from tangent_bench.images.idx_task import IdxTask, is_idx_folder
from tangent_bench.images.sources import custom_task
from tangent_bench.planning import sizes
from tests.small import pixels

ENTRY = {"templates": ["a {}"], "class_names": ["coat", "bag", "boot"], "side": 6}
NUM = {"train": 40, "t10k": 9}


@pytest.fixture(autouse=True)
def unsaid(monkeypatch):
    monkeypatch.setattr(notes, "_said", set())


def packed(values: np.ndarray) -> bytes:
    """An idx file written by the standard library alone."""
    header = struct.pack(">BBBB", 0, 0, 8, values.ndim)
    header += struct.pack(f">{values.ndim}I", *values.shape)
    return header + bytes(values.reshape(-1).tolist())


def drawn(word: str, num: int, height: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Grey images [N, H, 6], and labels that go round the classes."""
    grey = pixels(num, 6, "idx", word)[:, :height, :, 0]
    return grey, np.arange(num, dtype=np.uint8) % 3


def write(folder: Path, word: str, images: np.ndarray, labels: np.ndarray, end: str = "") -> None:
    folder.mkdir(exist_ok=True)
    for name, values in (("images-idx3", images), ("labels-idx1", labels)):
        content = packed(values)
        file = folder / f"{word}-{name}-ubyte{end}"
        file.write_bytes(gzip.compress(content) if end else content)


@pytest.fixture(params=["", ".gz"])
def folder(tmp_path, request):
    for word, num in NUM.items():
        write(tmp_path, word, *drawn(word, num), request.param)
    return tmp_path


def task(folder: Path, **entry) -> IdxTask:
    made = custom_task("mine", {"folder": str(folder), **ENTRY, **entry})
    assert isinstance(made, IdxTask)
    return made


def refused(folder: Path, words: str, **entry) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        opened = task(folder, **entry)
        for split in ("train", "val", "test"):
            opened.load(split)
    assert "\n" not in str(caught.value) and str(caught.value).startswith("Task 'mine': ")


def test_images_have_their_labels_and_stand_upright(folder):
    images, labels = drawn("t10k", 9)
    loaded = task(folder).load("test")
    assert loaded.images.shape == (9, 6, 6, 3)
    places = [int(np.argmax((images == image[..., 0]).all((1, 2)))) for image in loaded.images]
    assert sorted(places) == list(range(9)) and places != sorted(places), "once each, shuffled"
    assert (loaded.images == images[places][..., None]).all(), "grey, and not transposed"
    assert loaded.labels.tolist() == labels[places].tolist()
    assert len(set(loaded.blocks.tolist())) == 9


def test_a_tenth_is_cut_off_for_validation(folder):
    opened = task(folder)
    assert [opened.count(split) for split in ("train", "val", "test")] == [36, 4, 9]
    train, val = opened.load("train"), opened.load("val")
    assert len(train.labels) == 36 and len(val.labels) == 4
    both = image_hashes(train) | image_hashes(val)
    assert len(both) == 40
    again = task(folder).load("val")
    assert np.array_equal(again.images, val.images)


def test_validation_files_are_used(folder):
    write(folder, "val", *drawn("val", 6))
    opened = task(folder)
    assert [opened.count(split) for split in ("train", "val", "test")] == [40, 6, 9]
    assert len(opened.checked("val")) == 6


def test_equal_images_stay_together_and_a_leak_is_found(tmp_path):
    images, labels = drawn("train", 40)
    images[20:] = images[:20]
    write(tmp_path, "train", images, labels)
    test_images, test_labels = drawn("t10k", 9)
    write(tmp_path, "t10k", test_images, test_labels)
    opened = task(tmp_path)
    assert not image_hashes(opened.load("train")) & image_hashes(opened.load("val"))
    test_images[4] = images[7]
    write(tmp_path, "t10k", test_images, test_labels)
    said = r"1 images of 't10k-images-idx3-ubyte' are also in 'train-images-idx3-ubyte'"
    with pytest.raises(ValueError, match=rf"{said}, .*image 4 of .*t10k.* is image (7|27) of"):
        task(tmp_path).checked("test")
    assert len(task(tmp_path).checked("test", max_leaks=1)) == 9


def test_an_oblong_image_gives_its_centre_square(tmp_path):
    for word, num in NUM.items():
        images, labels = drawn(word, num, height=4)
        write(tmp_path, word, images, labels)
    images = drawn("t10k", 9, height=4)[0]
    squares = {image[:, 1:5].tobytes() for image in images}
    loaded = task(tmp_path, side=4).load("test").images
    assert {image[..., 0].tobytes() for image in loaded} == squares


@pytest.mark.parametrize(
    "names",
    [("training", "testing"), ("Train", "T10K"), ("train", "test")],
)
def test_usual_words_for_splits_are_known(tmp_path, names):
    for word, name in zip(NUM, names, strict=True):
        write(tmp_path, name, *drawn(word, NUM[word]))
    assert task(tmp_path).count("test") == 9


def test_a_dot_in_the_name_and_an_unpacked_twin(tmp_path):
    for word, num in NUM.items():
        write(tmp_path, word, *drawn(word, num), ".gz")
    for file in list(tmp_path.iterdir()):
        file.rename(file.with_name(file.name.replace("-idx", ".idx")))
    packed_alone = task(tmp_path).load("test").images
    for file in list(tmp_path.iterdir()):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.write_bytes(b"an old download")
    assert np.array_equal(task(tmp_path).load("test").images, packed_alone)


def test_what_counts_is_what_is_in_the_file_not_its_ending(tmp_path):
    for word, num in NUM.items():
        write(tmp_path, word, *drawn(word, num))
    for file in list(tmp_path.iterdir()):
        file.rename(file.with_name(f"{file.name}.gz"))
    assert task(tmp_path).count("test") == 9


def test_other_folders_are_none_of_idx_files(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "images-idx3-ubyte.txt").write_text("")
    assert not is_idx_folder(tmp_path) and not is_idx_folder(tmp_path / "missing")
    with pytest.raises(ValueError, match="test is no folder; expected .*train-images-idx3-ubyte"):
        custom_task("mine", {"folder": str(tmp_path), **ENTRY})


def test_a_plan_counts_them(folder):
    config = {
        "custom_tasks": {"mine": {"folder": str(folder), **ENTRY}},
        "data": {"max_train": 30, "max_val": None, "max_test": 5},
    }
    size = sizes.of_task("mine", config)
    assert size.images == {"train": 30, "val": 4, "test": 5} and size.num_classes == 3


def test_class_names_are_needed(folder):
    refused(folder, "hold no class names; give class_names", class_names=[])
    refused(folder, "are named 'a'", class_names=["a", "a", "b"])
    refused(folder, "has the label 2, but there are 2 class_names", class_names=["a", "b"])
    refused(folder, "never has the label 3, one of 1 such", class_names=["a", "b", "c", "d"])


@pytest.mark.parametrize("split", ["train", "t10k"])
@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
def test_a_missing_file_is_named(folder, split, kind):
    (file,) = folder.glob(f"{split}-{kind}-ubyte*")
    file.unlink()
    expected = f"expected {split}-{kind}-ubyte, or the same with .gz"
    refused(folder, f"none for the {kind[:6]} of .*; {expected}")


def test_validation_needs_both_of_its_files(folder):
    write(folder, "val", *drawn("val", 6))
    (folder / "val-labels-idx1-ubyte").unlink()
    refused(folder, "none for the labels of 'val'; expected val-labels-idx1-ubyte")


def test_two_files_for_one_split_are_refused(folder):
    write(folder, "testing", *drawn("t10k", 9))
    refused(folder, "both may hold the images of 'test'; keep or rename one")


IMAGES = packed(drawn("t10k", 9)[0])
LABELS = packed(drawn("t10k", 9)[1])
DAMAGED = {
    "no idx file": (b"\x89PNG" + IMAGES, "begins with the bytes 89 50 4e 47, expected 00 00 08 03"),
    "empty": (b"", r"begins with the bytes \(none\), expected 00 00 08 03"),
    "floats": (b"\0\0\x0d\3" + IMAGES[4:], "begins with the bytes 00 00 0d 03"),
    "labels": (LABELS, "begins with the bytes 00 00 08 01, expected .* as idx files of images do"),
    "half a header": (IMAGES[:10], "ends within its header; download it again"),
    "cut short": (IMAGES[:-1], r"ends before the 9 × 6 × 6 bytes that it states; download it"),
    "too long": (IMAGES + b"\0", r"goes on after the 9 × 6 × 6 bytes that it states"),
    "endless": (IMAGES[:8] + b"\xff" * 8 + IMAGES[16:], r"ends before the 9 × 4,294,967,295 × "),
    "another number": (
        packed(drawn("t10k", 8)[0]),
        "has 8 images, but .*t10k-labels-idx1-ubyte has 9 labels; download both again",
    ),
    "no pixels": (packed(np.zeros((9, 0, 6), np.uint8)), "is empty .9 images of 0 × 6 pixels."),
    "gzip cut short": (gzip.compress(IMAGES)[:-9], "cannot be read to its end .*; download it"),
    "gzip damaged": (
        gzip.compress(IMAGES)[:-6] + b"\0" * 6,
        "cannot be read to its end .*; download it again",
    ),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_one_sentence(tmp_path, kind):
    for word, num in NUM.items():
        write(tmp_path, word, *drawn(word, num))
    content, words = DAMAGED[kind]
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(content)
    refused(tmp_path, rf"Task 'mine': .*{words}")


def test_labels_are_read_with_the_same_care(tmp_path):
    for word, num in NUM.items():
        write(tmp_path, word, *drawn(word, num))
    file = tmp_path / "train-labels-idx1-ubyte"
    whole = file.read_bytes()
    for content, words in (
        (whole[:-1], "ends before the 40 bytes"),
        (whole + b"\0", "goes on after the 40 bytes"),
        (packed(np.zeros(0, np.uint8)), "has 40 images, but .* has 0 labels"),
        (packed(np.zeros(40, np.uint8)), "never has the label 1, one of 2 such"),
    ):
        file.write_bytes(content)
        refused(tmp_path, words)


def test_reading_gives_the_array_that_was_written(tmp_path):
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    file = tmp_path / "any"
    for content in (packed(values), gzip.compress(packed(values))):
        file.write_bytes(content)
        assert np.array_equal(idx_files.read(file, 3, "This"), values)
        assert idx_files.shape(file, 3, "This") == (2, 3, 4)
    with pytest.raises(ValueError, match=f"^This: {re.escape(str(tmp_path))}"):
        idx_files.read(tmp_path, 3, "This")
