"""A user's folder as a task: layout, splits, decoding, and a sentence for every fault."""

from __future__ import annotations

import shutil
from collections.abc import Set

import numpy as np
import pytest
from PIL import Image

from tangent_bench.images import checks, own_task
from tangent_bench.images.folders import FolderTask
from tangent_bench.tasks import Images
from tests.small import pixels

ENTRY = {"templates": ["a photo of a {}"]}
CLASSES = ("big_cat", "dog", "owl")


def write(folder, split, name, num, side=20):
    for k, image in enumerate(pixels(num, side, split, name)):
        file = folder / split / name / f"{k}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(file)


@pytest.fixture
def folder(tmp_path):
    """20 training and 5 test images of each of three classes."""
    for name in CLASSES:
        write(tmp_path, "train", name, 20)
        write(tmp_path, "test", name, 5)
    return tmp_path


def task(folder, side=20, **entry):
    return FolderTask("animals", {"folder": str(folder), **ENTRY, "side": side, **entry})


def hashes(images: Images) -> Set[bytes]:
    return checks.image_hashes(images)


def require_disjoint(train: Images, other: Images) -> None:
    named = checks.named_hashes
    checks.require_disjoint(named(train), named(other), "t", "test")


def test_fields_come_from_the_entry(folder):
    plain = task(folder).TASK
    assert plain.class_names == ("big cat", "dog", "owl") and plain.title == "animals"
    assert (
        plain.templates == ("a photo of a {}",)
        and plain.block == "image"
        and plain.splits == ("train", "val", "test")
    )
    named = task(
        folder, class_names=["lion", "hound", "bird"], title="Zoo", source="me", licence="CC0"
    ).TASK
    assert (named.class_names, named.title, named.source, named.licence) == (
        ("lion", "hound", "bird"),
        "Zoo",
        "me",
        "CC0",
    )


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_images_have_the_label_of_their_folder(folder, split):
    images = task(folder).load(split)
    assert images.images.dtype == np.uint8 and images.images.shape[1:] == (20, 20, 3)
    assert images.labels.dtype == np.int64 and len(set(images.blocks.tolist())) == len(
        images.labels
    )
    where = "test" if split == "test" else "train"
    truth = {
        image.tobytes(): label
        for label, name in enumerate(CLASSES)
        for image in pixels(20, 20, where, name)
    }
    assert [truth[image.tobytes()] for image in images.images] == images.labels.tolist()
    assert len(set(images.labels.tolist())) > 1 and images.labels.tolist() != sorted(
        images.labels.tolist()
    )


def test_a_tenth_of_train_is_cut_off_for_validation(folder):
    made = task(folder)
    train, val, test = (made.load(split) for split in ("train", "val", "test"))
    assert (len(train.labels), len(val.labels), len(test.labels)) == (54, 6, 15)
    assert not hashes(train) & hashes(val) and len(hashes(train) | hashes(val)) == 60


def test_validation_is_at_most_so_large(folder, monkeypatch):
    monkeypatch.setattr(own_task, "MAX_VAL", 4)
    assert (
        len(task(folder).load("val").labels) == 4 and len(task(folder).load("train").labels) == 56
    )


def test_own_validation_folder_is_used(folder):
    for name in CLASSES:
        write(folder, "val", name, 3)
    made = task(folder)
    assert [len(made.load(split).labels) for split in ("train", "val", "test")] == [60, 9, 15]


def test_order_does_not_depend_on_where_the_folder_lies_and_survives_additions(
    folder, tmp_path_factory
):
    first = task(folder).load("test")
    moved = tmp_path_factory.mktemp("elsewhere") / "copy"
    shutil.copytree(folder, moved)
    again = task(moved).load("test")
    assert np.array_equal(first.images, again.images) and np.array_equal(first.labels, again.labels)
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(moved / "test" / "dog" / "new.png")
    more = task(moved).load("test")
    keep = [image.any() for image in more.images]
    assert len(keep) == 16 and np.array_equal(more.images[keep], first.images)


def test_other_files_are_no_images(folder):
    (folder / "train" / "dog" / "notes.txt").write_text("x")
    (folder / "train" / ".cache").mkdir()
    assert len(task(folder).load("train").labels) == 54


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1", "CMYK"])
def test_every_kind_of_picture_becomes_rgb(folder, mode):
    suffix = "jpg" if mode == "CMYK" else "png"
    for file in (folder / "test").rglob("*.png"):
        file.unlink()
    for name in CLASSES:
        Image.new("RGB", (20, 20), (255, 255, 255)).convert(mode).save(
            folder / "test" / name / f"a.{suffix}"
        )
    images = task(folder).load("test").images
    assert images.shape == (3, 20, 20, 3) and images.min() > 250


@pytest.mark.parametrize(("width", "height"), [(40, 20), (20, 60)])
def test_other_shapes_give_their_centre_square(folder, width, height):
    picture = np.zeros((height, width, 3), np.uint8)
    top = (height - 20) // 2
    left = (width - 20) // 2
    picture[top : top + 20, left : left + 20] = pixels(1, 20, "centre")[0]
    Image.fromarray(picture).save(folder / "test" / "owl" / "0.png")
    images = task(folder).load("test")
    assert any(np.array_equal(image, pixels(1, 20, "centre")[0]) for image in images.images)
    assert task(folder, side=32).load("test").images.shape == (15, 32, 32, 3)


def test_a_phone_held_upright_is_turned_back(folder):
    upright = Image.fromarray(pixels(1, 20, "phone")[0])
    exif = Image.Exif()
    exif[0x0112] = 6  # stored a quarter turn to the left
    file = folder / "train" / "dog" / "phone.png"
    upright.transpose(Image.Transpose.ROTATE_90).save(file, exif=exif)
    images = [task(folder).load(split).images for split in ("train", "val")]
    assert any(np.array_equal(image, np.asarray(upright)) for image in np.concatenate(images))


@pytest.mark.parametrize("split", ["train", "test"])
def test_missing_split_is_named(folder, split):
    shutil.rmtree(folder / split)
    with pytest.raises(
        ValueError, match=rf"Task 'animals': .*{split} is no folder; expected .*<class>/<image>"
    ):
        task(folder)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="Task 'animals': .*nowhere.train is no folder"):
        task(tmp_path / "nowhere")


def test_empty_split_is_named(folder):
    for file in (folder / "test").rglob("*.png"):
        file.unlink()
    with pytest.raises(ValueError, match="Task 'animals': split 'test' in .* is empty; put images"):
        task(folder).load("test")


def test_classes_that_differ_between_splits_are_refused(folder):
    (folder / "test" / "owl").rename(folder / "test" / "owls")
    with pytest.raises(ValueError, match="class folders of train .* and test .* differ"):
        task(folder)


def test_one_class_is_none(folder):
    for split, name in (("train", "dog"), ("test", "dog"), ("train", "owl"), ("test", "owl")):
        shutil.rmtree(folder / split / name)
    with pytest.raises(ValueError, match="two"):
        task(folder)


def test_number_of_class_names_must_fit(folder):
    with pytest.raises(ValueError, match="2 class_names for 3 class folders .*give one each"):
        task(folder, class_names=["a", "b"])


@pytest.mark.parametrize("content", [b"", b"no image at all", "truncated"])
def test_picture_that_cannot_be_read_is_named(folder, content):
    file = folder / "test" / "dog" / "3.png"
    file.write_bytes(file.read_bytes()[:200] if content == "truncated" else content)
    with pytest.raises(
        ValueError,
        match=r"Task 'animals': .*3\.png cannot be read as an image .*; repair or remove it",
    ):
        task(folder).load("test")


def split_of(num: int, *names) -> Images:
    return Images(pixels(num, 4, *names), np.zeros(num, np.int64), np.arange(num))


def test_limit_takes_the_first_images():
    images = split_of(6, "limit")
    assert checks.limited(images, None, "t", "val") is images
    few = checks.limited(images, 4, "t", "val")
    assert len(few.labels) == len(few.blocks) == 4 and np.array_equal(few.images, images.images[:4])
    assert len(checks.limited(images, 100, "t", "val").labels) == 6


def test_empty_or_torn_splits_are_refused():
    with pytest.raises(
        ValueError, match="Task 't' has an empty split 'val'; check its source, or data.max_val"
    ):
        checks.limited(split_of(0), None, "t", "val")
    images = split_of(6, "torn")
    with pytest.raises(ValueError, match="different lengths"):
        checks.limited(images._replace(labels=images.labels[:5]), None, "t", "val")


def test_leak_between_splits_is_counted():
    train = split_of(6, "train")
    other = split_of(4, "other")
    require_disjoint(train, other)
    leaky = other._replace(images=np.concatenate([other.images[:2], train.images[3:5]]))
    with pytest.raises(
        ValueError,
        match="Task 't': 2 images of 'test' are also in 'train', pixel for pixel .*; remove",
    ):
        require_disjoint(train, leaky)
    almost = train.images[:1].copy()
    almost[0, 0, 0, 0] ^= 1
    require_disjoint(train, other._replace(images=almost))
