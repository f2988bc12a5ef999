"""Images of any shape in a mapped file: what comes out is what went in, and damage is found."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.finetuning.loop import augment
from tangent_bench.images import image_store
from tangent_bench.images.inputs import Batches, Pixels
from tangent_bench.store import artefacts
from tests import small

SHAPES = [(5, 4), (3, 7), (8, 8), (1, 1), (6, 2)]


def images(shapes=SHAPES) -> list[np.ndarray]:
    return [
        small.generator("store", k).integers(0, 256, (*shape, 3), dtype=np.uint8)
        for k, shape in enumerate(shapes)
    ]


def saved(path, shapes=SHAPES, order=(3, 0, 4, 1, 2), **about):
    given = images(shapes)
    labels = np.arange(len(given), dtype=np.int64) * 10
    image_store.save(path, ((k, given[k]) for k in order), len(given), {"labels": labels}, **about)
    return given


def test_what_comes_out_is_what_went_in(tmp_path):
    given = saved(tmp_path / "x.safetensors", title="Test")
    store, of_each, about = image_store.open_images(tmp_path / "x.safetensors")
    assert (
        len(store) == 5
        and of_each["labels"].tolist() == [0, 10, 20, 30, 40]
        and about["title"] == "Test"
    )
    for k, image in enumerate(given):
        np.testing.assert_array_equal(store[k], image)
    for found, k in zip(store[np.array([4, 1])], (4, 1), strict=True):
        np.testing.assert_array_equal(found, given[k])
    assert [image.shape for image in store[1:3]] == [(3, 7, 3), (8, 8, 3)]


def test_it_is_mapped_and_read_only(tmp_path):
    saved(tmp_path / "x.safetensors")
    store, *_ = image_store.open_images(tmp_path / "x.safetensors")
    assert isinstance(store[0], np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        store[0][0, 0, 0] = 1


def test_safetensors_reads_it_too_and_the_digest_is_that_of_the_content(tmp_path):
    from safetensors.numpy import load_file

    saved(tmp_path / "x.safetensors")
    plain = load_file(tmp_path / "x.safetensors")
    tensors, about = artefacts.load(tmp_path / "x.safetensors", "images")
    assert about["sha256"] == artefacts.digest(plain) and set(plain) == {
        "pixels",
        "offsets",
        "shapes",
        "labels",
    }
    assert all(value.ctypes.data % 8 == 0 for value in tensors.values())


def test_equal_shapes_are_an_array_and_others_are_not(tmp_path):
    given = saved(tmp_path / "x.safetensors", shapes=[(4, 4)] * 3, order=(2, 0, 1))
    store, *_ = image_store.open_images(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(np.asarray(store), np.stack(given))
    np.testing.assert_array_equal(np.asarray(store[1:]), np.stack(given[1:]))
    inputs = Pixels(4, (0.5,) * 3, (0.2,) * 3)
    pictures = Batches(store, inputs)
    whole = Batches(np.stack(given), inputs)
    assert all(a.equal(b) for a, b in zip(pictures.split(2), whole.split(2), strict=True))
    saved(tmp_path / "y.safetensors")
    with pytest.raises(ValueError, match="different shapes"):
        np.asarray(image_store.open_images(tmp_path / "y.safetensors")[0])


def test_an_array_of_images_is_opened_as_well(tmp_path):
    array = np.stack(images([(4, 4)] * 3))
    artefacts.save(
        tmp_path / "x.safetensors",
        "images",
        {"images": array, "labels": np.arange(3)},
        title="Test",
    )
    found, of_each, about = image_store.open_images(tmp_path / "x.safetensors")
    np.testing.assert_array_equal(found, array)
    assert of_each["labels"].tolist() == [0, 1, 2] and about["title"] == "Test"


def test_crops_of_a_store_are_those_of_an_array_and_shapes_may_differ(tmp_path):
    given = saved(tmp_path / "x.safetensors", shapes=[(9, 9)] * 4, order=(3, 1, 0, 2))
    store, *_ = image_store.open_images(tmp_path / "x.safetensors")
    chosen = np.array([2, 0, 3])
    assert augment(store[chosen], 5, 0.9, 7).equal(augment(np.stack(given)[chosen], 5, 0.9, 7))
    saved(tmp_path / "y.safetensors")
    ragged, *_ = image_store.open_images(tmp_path / "y.safetensors")
    assert augment(ragged[chosen], 5, 0.9, 7).shape == (3, 3, 5, 5)


def test_images_of_other_shapes_become_squares_one_by_one(tmp_path):
    given = saved(tmp_path / "y.safetensors")
    ragged, *_ = image_store.open_images(tmp_path / "y.safetensors")
    assert not ragged.is_array and ragged[:1].is_array
    inputs = Pixels(5, (0.5,) * 3, (0.2,) * 3)
    found = Batches(ragged, inputs).tensor()
    assert found.shape == (len(given), 3, 5, 5)
    for one, image in zip(found, given, strict=True):
        assert one.equal(inputs.tensor(image[None])[0])


@pytest.mark.parametrize(
    ("positions", "words"),
    [
        ((0, 1), "1 of 3 images did not come"),
        ((0, 0, 1), "came twice"),
        ((0, 1, 3), "does not belong"),
    ],
)
def test_what_is_missing_or_too_much_is_one_sentence_and_leaves_no_file(tmp_path, positions, words):
    given = images()
    with pytest.raises(ValueError, match=words):
        image_store.save(tmp_path / "x.safetensors", ((k, given[k]) for k in positions), 3, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("place", [3, 40, -60, -1])
def test_a_flipped_bit_is_found(tmp_path, place):
    saved(tmp_path / "x.safetensors")
    content = bytearray((tmp_path / "x.safetensors").read_bytes())
    content[place] ^= 4
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="damaged"):
        image_store.open_images(tmp_path / "x.safetensors")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_a_truncated_file_is_found(tmp_path, share):
    saved(tmp_path / "x.safetensors")
    content = (tmp_path / "x.safetensors").read_bytes()
    (tmp_path / "x.safetensors").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match="damaged"):
        image_store.open_images(tmp_path / "x.safetensors")
