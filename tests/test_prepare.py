"""Real data sets as they are stored: sizes, order, facts, and images in two splits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tangent_bench.images import image_store, prepare
from tangent_bench.images.stored import Split
from tangent_bench.tasks import Task
from tests import small

SIZES = ((70, 50), (32, 90), (40, 40))
TASK = Task("Real", ("cat", "dog"), ("a {}",), "real", "drawn", "CC0")


class MemoryRows:
    """Images in memory that come in an order of their own."""

    place = "somewhere"
    names = None

    def __init__(self, pictures):
        self.pictures = pictures
        self.labels = np.arange(len(pictures), dtype=np.int64) % 2

    def name(self, row):
        return f"picture {row}"

    def read(self, rows):
        for row in sorted(map(int, rows), reverse=True):
            yield row, self.pictures[row]


def picture(number: int, width: int, height: int) -> Image.Image:
    noise = small.generator("prepare", number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def pictures(first: int = 0, sizes=SIZES) -> list[Image.Image]:
    return [picture(first + k, *size) for k, size in enumerate(sizes)]


def split(name="test", images=None) -> Split:
    rows = MemoryRows(pictures() if images is None else images)
    return Split("real", name, rows, np.array((2, 0, 1)), "abc")


def test_what_is_evaluated_is_the_centre_square(tmp_path):
    prepare.write_split(tmp_path / "x", TASK, split(), side=28)
    images, of_each, about = image_store.open_images(tmp_path / "x")
    assert np.asarray(images).shape == (3, 28, 28, 3) and of_each["labels"].tolist() == [0, 0, 1]
    wide = picture(0, 70, 50).resize((28, 28), Image.Resampling.BICUBIC, box=(10, 0, 60, 50))
    np.testing.assert_array_equal(images[1], np.asarray(wide))
    assert about["revision"] == "abc" and about["place"] == "somewhere" and about["number"] == 3
    assert about["class_names"] == ["cat", "dog"] and about["licence"] == "CC0"


def test_what_is_trained_on_keeps_its_shape_and_is_never_enlarged(tmp_path):
    prepare.write_split(tmp_path / "x", TASK, split("train"), side=28)  # shorter side: 32 at most
    images, *_ = image_store.open_images(tmp_path / "x")
    assert [image.shape for image in images] == [(32, 32, 3), (32, 45, 3), (90, 32, 3)]
    np.testing.assert_array_equal(images[2], np.asarray(picture(1, 32, 90)))


@pytest.mark.parametrize("name", ["train", "test"])
def test_small_squares_stay_as_they_are(tmp_path, name):
    prepare.write_split(
        tmp_path / "x", TASK, split(name, pictures(sizes=[(9, 9)] * 3)), side=28, native=9
    )
    np.testing.assert_array_equal(
        image_store.open_images(tmp_path / "x")[0][0], np.asarray(picture(2, 9, 9))
    )
    with pytest.raises(ValueError, match="an image of .* pixels, expected 9 × 9"):
        prepare.write_split(tmp_path / "y", TASK, split(name), side=28, native=9)
    assert not (tmp_path / "y").exists()


def test_the_first_so_many(tmp_path):
    prepare.write_split(tmp_path / "x", TASK, split(), side=28, limit=2)
    images, of_each, _ = image_store.open_images(tmp_path / "x")
    assert (
        len(images) == 2
        and of_each["labels"].tolist() == [0, 0]
        and of_each["blocks"].tolist() == [0, 1]
    )


@pytest.mark.parametrize(
    ("shared", "allowed", "passes"), [(0, 0, True), (1, 0, False), (2, 1, False), (2, 2, True)]
)
def test_images_that_were_trained_on_are_found_however_small_they_are_stored(
    tmp_path, shared, allowed, passes
):
    """Source pixels count: stored test images are cropped, stored training images are not."""
    prepare.write_split(tmp_path / "train", TASK, split("train"), side=28)
    other = split("test", [*pictures()[:shared], *pictures(first=10)[shared:]])
    arguments = {"side": 28, "train": prepare.hashes(tmp_path / "train"), "max_leaks": allowed}
    if passes:
        prepare.write_split(tmp_path / "test", TASK, other, **arguments)
    else:
        with pytest.raises(ValueError, match=f"{shared} images of 'test' are also in 'train'"):
            prepare.write_split(tmp_path / "test", TASK, other, **arguments)
        assert not (tmp_path / "test").exists()
