"""Folders as people keep them: order of classes, names of splits, litter, repeated pictures."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tangent_bench.images import notes
from tangent_bench.images.checks import image_hashes, say_absent
from tangent_bench.images.folders import FolderTask
from tests.small import pixels

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@pytest.fixture(autouse=True)
def unsaid(monkeypatch):
    monkeypatch.setattr(notes, "_said", set())


def draw(folder: Path, num: int, *names: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for k, image in enumerate(pixels(num, 8, str(folder.name), *names)):
        Image.fromarray(image).save(folder / f"{k}.png")


def made(root: Path, classes=("cat", "dog"), splits=("train", "test"), num=10) -> Path:
    for split in splits:
        for name in classes:
            draw(root / split / name, num, split)
    return root


def task(folder: Path, **entry) -> FolderTask:
    return FolderTask("mine", {"folder": str(folder), "templates": ["a {}"], "side": 8, **entry})


def pairs(made: FolderTask) -> dict[str, str]:
    return dict(zip(made.classes, made.TASK.class_names, strict=True))


def refused(folder: Path, words: str, **entry) -> str:
    with pytest.raises(ValueError, match=words) as caught:
        opened = task(folder, **entry)
        for split in ("train", "val", "test"):
            opened.checked(split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The order of the classes


def test_numbers_are_sorted_as_numbers(tmp_path, caplog):
    made(tmp_path, [str(k) for k in range(11)], num=2)
    found = task(tmp_path, class_names=list(NUMBERS))
    assert pairs(found) == {str(k): name for k, name in enumerate(NUMBERS)}
    assert "class folders are taken as numbers: 0 is 'zero', 1 is 'one', 2 is 'two'" in caplog.text
    images = found.load("test")
    ten = np.asarray(Image.open(tmp_path / "test/10/0.png"))
    (place,) = (k for k, image in enumerate(images.images) if np.array_equal(image, ten))
    assert images.labels[place] == 10
    assert task(tmp_path).TASK.class_names[:3] == ("0", "1", "2")


@pytest.mark.parametrize("names", [[f"{k:03d}" for k in range(11)], ["-1", "0", "1"], ["5", "7"]])
def test_other_numbers(tmp_path, caplog, names):
    made(tmp_path, names, num=1)
    assert task(tmp_path, class_names=list(NUMBERS[: len(names)])).classes == names
    assert not caplog.text


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (["class_1", "class_2", "class_10"], "is 'two' the folder 'class_10', .* or 'class_2'"),
        (["ant", "bee", "Zebra"], "is 'one' the folder 'Zebra', .* or 'ant'"),
        (["eclair", "zebra", "éclair"], "is 'two' the folder 'zebra', .* or 'éclair'"),
    ],
)
def test_names_that_fit_in_two_orders_are_refused(tmp_path, folders, words):
    made(tmp_path, folders, num=1)
    names = ["one", "two", "three"]
    sentence = refused(tmp_path, "can be paired with class_names in two ways", class_names=names)
    assert words.split("'")[3] in sentence and words.split("'")[5] in sentence
    assert len(task(tmp_path).classes) == 3, "without class_names the order does not matter"
    same = [name.replace("_", " ") for name in sorted(folders)]
    assert task(tmp_path, class_names=same).TASK.class_names == tuple(same)


def test_names_that_are_those_of_other_folders_are_refused(tmp_path):
    made(tmp_path, ("cat", "dog", "owl"), num=1)
    words = "call the folder 'cat' 'Dog', but .* has a class folder 'dog'"
    refused(tmp_path, words, class_names=["Dog", "cat", "owl"])
    assert task(tmp_path, class_names=["Cat", "dog", "barn owl"]).classes == ["cat", "dog", "owl"]


def test_folders_of_one_name_are_refused(tmp_path):
    made(tmp_path, ("a_b", "a b"), num=1)
    refused(tmp_path, "2 classes of .* are named 'a b', .* rename one of them")
    assert task(tmp_path, class_names=["first", "second"]).TASK.class_names == ("first", "second")


def test_accents_may_be_stored_in_two_ways(tmp_path):
    made(tmp_path, ("café", "dog"), num=10)
    for split, form in (("train", "NFC"), ("test", "NFD")):
        (tmp_path / split / "café").rename(tmp_path / split / unicodedata.normalize(form, "café"))
    found = task(tmp_path)
    assert found.TASK.class_names == ("café", "dog")
    for split in ("train", "test"):
        assert set(found.load(split).labels.tolist()) == {0, 1}
    draw(tmp_path / "test" / "café", 1, "twice")
    refused(tmp_path, "two class folders 'café' that differ in how their accents are stored")


def test_the_order_of_images_does_not_depend_on_how_accents_are_stored(tmp_path):
    orders = []
    for form in ("NFC", "NFD"):
        folder = made(tmp_path / form, (unicodedata.normalize(form, "café"), "dog"))
        for split in ("train", "test"):
            (folder / split / unicodedata.normalize(form, "café")).mkdir(exist_ok=True)
        orders.append(task(folder).open("train").labels.tolist())
    assert orders[0] == orders[1]


# Classes without images


@pytest.mark.parametrize("suffix", [".gif", ".jfif", ".avif", ".tif", ".jpe", ".JPG", ".jp2"])
def test_what_pillow_reads_is_an_image(tmp_path, suffix):
    made(tmp_path)
    for file in (tmp_path / "train/cat").iterdir():
        with Image.open(file) as image:
            image.load()
            image.save(file.with_suffix(suffix))
        file.unlink()
    found = task(tmp_path)
    assert sorted([*found.load("train").labels, *found.load("val").labels]) == [0] * 10 + [1] * 10


@pytest.mark.parametrize("split", ["train", "val", "test"])
@pytest.mark.parametrize("kind", ["empty", ".heic", "litter"])
def test_a_class_without_images_is_refused(tmp_path, split, kind):
    made(tmp_path, splits=("train", "val", "test"))
    for k, file in enumerate((tmp_path / split / "cat").iterdir()):
        if kind == "litter":
            (file.parent / f"._{k}.png").write_bytes(b"\0\5\26\7")
        if kind == ".heic":
            file.rename(file.with_suffix(kind))
        else:
            file.unlink()
    held = "10 .heic" if kind == ".heic" else "it is empty"
    refused(tmp_path, rf"{split}/cat has no image that is read here \({held}\); .*\.png or \.jpg")


def test_several_empty_classes_are_counted(tmp_path):
    made(tmp_path, ("a", "b", "c", "d"))
    for name in "bcd":
        for file in (tmp_path / "train" / name).iterdir():
            file.unlink()
    refused(tmp_path, r"train/b has no image .*, and 2 more class folders have none")


def test_files_that_are_passed_over_are_counted(tmp_path, caplog):
    made(tmp_path)
    for name in ("x.heic", "y.HEIC", "notes.txt", "raw"):
        (tmp_path / "train/cat" / name).write_bytes(b"x")
    Image.new("RGB", (8, 8)).save(tmp_path / "train/lost.png")
    (tmp_path / "train/gone").symlink_to(tmp_path / "nowhere")
    task(tmp_path).open("train")
    task(tmp_path).open("val")
    assert caplog.text.count("passed over") == 1
    for words in ("6 files in", "2 .heic", "1 .txt", "1 without an ending"):
        assert words in caplog.text
    assert "1 .png beside the class folders" in caplog.text


def test_litter_is_no_image_and_is_not_spoken_of(tmp_path, caplog):
    made(tmp_path)
    clean = task(tmp_path).load("train").images
    for name in ("._0.png", ".DS_Store", "Thumbs.db", "desktop.ini", ".hidden.png"):
        (tmp_path / "train/cat" / name).write_bytes(b"\0\5\26\7")
    for name in (".ipynb_checkpoints", "__MACOSX"):
        draw(tmp_path / "train/cat" / name, 2)
        draw(tmp_path / "train" / name, 2)
        draw(tmp_path / name, 2)
    assert np.array_equal(task(tmp_path).load("train").images, clean)
    assert not caplog.text


def test_no_class_loses_its_last_training_image_to_validation(tmp_path):
    made(tmp_path, ("cat", "dog"), num=100)
    for name in ("rare", "seldom", "scarce", "single"):
        for split in ("train", "test"):
            draw(tmp_path / split / name, 1, split)
    found = task(tmp_path)
    assert set(found.load("train").labels.tolist()) == set(range(6))
    assert found.count("train") + found.count("val") == 204


def test_classes_that_a_limit_leaves_out_are_named(caplog):
    say_absent(np.array([0, 0, 2]), ("cat", "dog", "owl"), "mine", "train")
    assert "'train' that are used have none of 1 of 3 classes (dog)" in caplog.text
    assert "data.max_train" in caplog.text


# Splits


@pytest.mark.parametrize(
    "words",
    [
        {"train": "training", "val": "validation", "test": "testing"},
        {"train": "Train", "val": "valid", "test": "TEST"},
        {"train": "train", "val": "Val", "test": "test"},
        {"train": "train", "val": "dev", "test": "test"},
    ],
)
def test_usual_words_for_splits_are_known(tmp_path, words, caplog):
    made(tmp_path, splits=tuple(words))
    bright = image_hashes(task(tmp_path).load("val"))
    for split, word in words.items():
        (tmp_path / split).rename(tmp_path / "moved")
        (tmp_path / "moved").rename(tmp_path / word)
    found = task(tmp_path)
    assert [len(found.open(split)) for split in ("train", "val", "test")] == [20, 20, 20]
    assert image_hashes(found.load("val")) == bright
    assert not caplog.text


def test_two_folders_for_one_split_are_refused(tmp_path):
    made(tmp_path, splits=("train", "val", "valid", "test"))
    refused(tmp_path, "Task 'mine': .* has val and valid, which both may be the split 'val'")


def test_folders_that_are_not_used_are_named(tmp_path, caplog):
    made(tmp_path, splits=("train", "test", "holdout", "unlabeled"))
    task(tmp_path)
    task(tmp_path)
    assert caplog.text.count("has folders that are not used: holdout, unlabeled;") == 1


@pytest.mark.parametrize("num", [1, 4])
def test_too_few_images_to_cut_validation_off(tmp_path, num):
    made(tmp_path, num=num)
    sentence = refused(
        tmp_path, "no folder val, and of its . training images a tenth leaves none for validation"
    )
    assert "empty" not in sentence
    made(tmp_path, splits=("val",))
    assert len(task(tmp_path).open("val")) == 20


# Repeated pictures


@pytest.mark.parametrize("num_copies", [1, 2])
def test_equal_pictures_are_on_one_side_of_the_cut(tmp_path, caplog, num_copies):
    made(tmp_path, num=20)
    for file in list((tmp_path / "train").rglob("*.png")):
        with Image.open(file) as image:
            for k in range(num_copies):
                image.save(file.with_name(f"{file.stem}_again{k}.bmp"))
    found = task(tmp_path)
    train, val = found.load("train"), found.load("val")
    assert not image_hashes(train) & image_hashes(val)
    assert len(val.labels) == 4 * (1 + num_copies) and len(train.labels) == 36 * (1 + num_copies)
    assert f"{40 * num_copies} images in {tmp_path}/train repeat others" in caplog.text
    assert ".bmp" in caplog.text
    assert len(found.checked("val")) == len(val.labels)


def test_a_picture_that_comes_very_often_is_trained_on(tmp_path):
    made(tmp_path, num=20)
    for k in range(60):
        Image.new("RGB", (8, 8)).save(tmp_path / f"train/cat/blank{k}.png")
    val = task(tmp_path).load("val")
    assert len(val.labels) == 10 and val.images.any(axis=(1, 2, 3)).all()


def test_pictures_that_are_all_equal_leave_no_validation(tmp_path):
    made(tmp_path)
    for file in (tmp_path / "train").rglob("*.png"):
        Image.new("RGB", (8, 8)).save(file)
    refused(tmp_path, "of its 20 training images a tenth leaves none for validation")


def test_one_colour_pages_of_different_sizes_are_different_pictures(tmp_path):
    made(tmp_path)
    for k in range(10):
        Image.new("RGB", (20 + k, 30)).save(tmp_path / f"train/cat/{k}.png")
        Image.new("RGB", (50 + k, 30)).save(tmp_path / f"test/cat/{k}.png")
    found = task(tmp_path)
    assert [len(found.checked(split)) for split in ("train", "val", "test")] == [18, 2, 20]


@pytest.mark.parametrize(("word", "split"), [("valid", "val"), ("testing", "test")])
def test_two_files_of_one_picture_are_named(tmp_path, word, split, caplog):
    made(tmp_path, splits=("training", word, "testing" if split == "val" else "valid"))
    shutil.copy(tmp_path / "training/dog/3.png", tmp_path / word / "cat/leaked.png")
    found = task(tmp_path)
    with pytest.raises(ValueError, match=f"1 images of '{word}' are also in 'training'") as caught:
        found.checked(split)
    for words in (f"{word}/cat/leaked.png is ", "training/dog/3.png)", "data.max_leaks"):
        assert words in str(caught.value)
    assert len(found.checked(split, max_leaks=1)) == 21
    assert "leaked.png is" in caplog.text and "1 are allowed" in caplog.text


def test_a_test_image_in_the_part_that_is_cut_off_is_found_too(tmp_path):
    made(tmp_path)
    first = task(tmp_path).open("val").name_of(0)
    shutil.copy(first, tmp_path / "test/cat/leaked.png")
    refused(tmp_path, "images of 'test' are also in 'train', pixel for pixel .*leaked.png is")


def test_a_limit_counts_before_leaks(tmp_path):
    made(tmp_path)
    shutil.copy(tmp_path / "train/dog/3.png", tmp_path / "test/cat/leaked.png")
    assert len(task(tmp_path).checked("test", limit=0)) == 0


def test_planning_decodes_nothing(tmp_path):
    made(tmp_path)
    for file in tmp_path.rglob("*.png"):
        file.write_bytes(b"no picture")
    assert [task(tmp_path).count(split) for split in ("train", "val", "test")] == [18, 2, 20]
