"""The contract of every file of tangent_bench/tasks."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import pytest

from tangent_bench import registry
from tangent_bench.tasks import SIDE, SPLITS, Images, Task
from tests.tasks.content import content_digest, require_pinned

# Tasks with an ORIGIN need images from elsewhere: test_paper_tasks.py and test_sources.py.
NAMES = [n for n in registry.names("tasks") if not hasattr(registry.load("tasks", n), "ORIGIN")]
KINDS = ("real", "rendered", "generated")
OF_ONE_STYLE = ("filled_icons", "filled_pictograms", "outlined_icons", "outlined_pictograms")
DRAWN_FROM_SHEETS = (
    *("badges", "greek", "icons", "letters", "pictograms", "scripts"),
    *OF_ONE_STYLE,
)
# Blocks of validation, of test, and of a class in test: at least.
ENOUGH = (250, 500, 20)
# There are no more drawings of one style; no claim of the paper reads these tasks.
FEWER = {
    "filled_icons": (230, 450, 19),
    "outlined_icons": (140, 310, 4),
    "outlined_pictograms": (80, 140, 5),
}


def task(name: str) -> Task:
    return registry.load("tasks", name).TASK


@cache
def loaded(name: str, split: str) -> Images:
    return registry.load("tasks", name).load(split)


def hashes(images: Images) -> set[str]:
    return {hashlib.sha256(image.tobytes()).hexdigest() for image in images.images}


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_valid(name: str) -> None:
    fields = task(name)
    assert fields.title and fields.source and fields.licence and fields.block
    assert fields.kind in KINDS
    assert (
        fields.splits
        and set(fields.splits) <= set(SPLITS)
        and len(set(fields.splits)) == len(fields.splits)
    )
    assert len(fields.class_names) >= 2
    assert len(set(fields.class_names)) == len(fields.class_names)


@pytest.mark.parametrize("name", NAMES)
def test_prompts_are_complete(name: str) -> None:
    fields = task(name)
    assert fields.templates and len(set(fields.templates)) == len(fields.templates)
    for template in fields.templates:
        assert template.count("{}") == 1 and template.count("{") == 1, template
    for class_name in fields.class_names:
        assert class_name == class_name.strip().lower() and class_name, (
            "the tokenizer's corpus is in lower case"
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_images_obey_the_contract_and_are_those_of_published_numbers(name: str) -> None:
    """One test, since a split is drawn once for all that is asked of it."""
    _require_well_formed(name)
    _require_every_class(name)
    _require_something_to_see(name)
    if name in DRAWN_FROM_SHEETS:
        _require_contrast(name)
    _require_no_image_twice(name)
    _require_blocks_within_splits(name)
    _require_enough_blocks(name)
    for split in task(name).splits:
        require_pinned(name, split, loaded(name, split))


def _require_well_formed(name: str) -> None:
    for split in task(name).splits:
        images, labels, blocks = loaded(name, split)
        assert images.dtype == np.uint8 and images.shape == (len(labels), SIDE, SIDE, 3)
        assert (
            labels.dtype == np.int64 and blocks.dtype == np.int64 and blocks.shape == labels.shape
        )
        assert set(labels.tolist()) <= set(range(len(task(name).class_names)))


def _require_every_class(name: str) -> None:
    classes = set(range(len(task(name).class_names)))
    for split in set(task(name).splits) & {"train", "test"}:
        assert set(loaded(name, split).labels.tolist()) == classes, split


def _require_something_to_see(name: str) -> None:
    for split in task(name).splits:
        pixels = loaded(name, split).images.reshape(len(loaded(name, split).labels), -1)
        faint = int((pixels.max(axis=1) - pixels.min(axis=1) < 4).sum())
        assert faint == 0, f"{faint} images of {name}/{split} are of one colour"


def _require_contrast(name: str) -> None:
    """What is drawn in one colour on another stands out from it."""
    for split in task(name).splits:
        luma = loaded(name, split).images.astype(np.int64) @ np.array((299, 587, 114)) // 1000
        span = np.quantile(luma.reshape(len(luma), -1), (0.02, 0.98), axis=1)
        faint = int((span[1] - span[0] < 40).sum())
        assert faint == 0, f"{faint} images of {name}/{split} cannot be read"


def _require_no_image_twice(name: str) -> None:
    found = {split: hashes(loaded(name, split)) for split in task(name).splits}
    for split in found:
        assert len(found[split]) == len(loaded(name, split).labels), (
            f"{name}/{split} repeats an image"
        )
        for other in set(found) - {split}:
            assert not found[split] & found[other], f"{name}: {split} and {other} share images"


def _require_blocks_within_splits(name: str) -> None:
    if task(name).block == "image":
        for split in task(name).splits:
            blocks = loaded(name, split).blocks
            assert len(np.unique(blocks)) == len(blocks), "each image is to be a block of its own"
        return
    found = {split: set(loaded(name, split).blocks.tolist()) for split in task(name).splits}
    for split in found:
        for other in set(found) - {split}:
            assert not found[split] & found[other], f"{name}: a block lies in {split} and {other}"


def _require_enough_blocks(name: str) -> None:
    """Blocks are what is resampled: fewer make wide intervals, and a choice of α that moves."""
    *of_splits, of_class = FEWER.get(name, ENOUGH)
    for split, least in zip(("val", "test"), of_splits, strict=True):
        images = loaded(name, split)
        assert len(np.unique(images.blocks)) >= least, f"{name}/{split}: too few blocks to resample"
    for label, class_name in enumerate(task(name).class_names):
        blocks = np.unique(images.blocks[images.labels == label])
        assert len(blocks) >= of_class, f"{name}/test: too few blocks of {class_name}"


@pytest.mark.full
@pytest.mark.parametrize("name", NAMES)
def test_loading_twice_gives_the_same(name: str) -> None:
    split = task(name).splits[-1]
    again = registry.load("tasks", name).load(split)
    assert content_digest(again) == content_digest(loaded(name, split))
    assert np.array_equal(again.blocks, loaded(name, split).blocks)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_split_is_refused_in_words(name: str) -> None:
    with pytest.raises(ValueError, match="nonsense.*expected one of"):
        registry.load("tasks", name).load("nonsense")


def test_control_has_no_training_split() -> None:
    without = [name for name in NAMES if "train" not in task(name).splits]
    assert set(without) <= {"compositions"}, f"tasks without a training split: {without}"
