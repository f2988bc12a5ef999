"""The data sets of the paper, and the twelve that others merge beside them: names, order of labels,
prompts, counts, and the split rule.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tangent_bench import registry
from tangent_bench.images import stored

ROOT = Path(__file__).parents[2]
# paper.md, section 2: classes, train, val, test
SIZES = {
    "cars": (196, 7330, 814, 8041),
    "dtd": (47, 3384, 376, 1880),
    "eurosat": (10, 21600, 2700, 2700),
    "gtsrb": (43, 23976, 2664, 12630),
    "mnist_full": (10, 55000, 5000, 10000),
    "resisc45": (45, 17010, 1890, 6300),
    "sun397": (397, 17865, 1985, 19850),
    "svhn": (10, 68257, 5000, 26032),
    "imagenet": (1000, None, 5000, 50000),
}
# The further data sets of 14 and of 20 tasks (nik-dim/tall_masks): classes, and published images
# of train and test; a tenth of train, at most 5,000, becomes val by the same rule.
FURTHER = {
    "cifar100": (100, 50000, 10000),
    "stl10": (10, 5000, 8000),
    "flowers102": (102, 1020, 6149),
    "oxford_pets": (37, 3680, 3669),
    "pcam": (2, 262144, 32768),
    "fer2013": (7, 28709, 7178),
    "emnist": (26, 124800, 20800),
    "cifar10": (10, 50000, 10000),
    "food101": (101, 75750, 25250),
    "fashion_mnist": (10, 60000, 10000),
    "rendered_sst2": (2, 6920, 1821),
    "kmnist": (10, 60000, 10000),
}
# Published images, before validation is cut off (EuroSAT: of the hub copy, which has no own one).
PUBLISHED = {
    "cars": 8144,
    "dtd": 3760,
    "eurosat": 21600,
    "gtsrb": 26640,
    "mnist_full": 60000,
    "resisc45": 18900,
    "sun397": 19850,
    "svhn": 73257,
    "imagenet": 1281167,
}
# A few labels of the data sets themselves: (first, another, last).
LABELS = {
    "cars": {
        0: "AM General Hummer SUV 2000",
        5: "Acura Integra Type R 2001",
        195: "smart fortwo Convertible 2012",
    },
    "dtd": {0: "banded", 30: "polka-dotted", 46: "zigzagged"},
    "eurosat": {0: "annual crop land", 2: "brushland or shrubland", 9: "lake or sea"},
    "gtsrb": {
        0: "red and white circle 20 kph speed limit",
        14: "stop",
        31: "red and white triangle with deer warning",
    },
    "mnist_full": {0: "0", 9: "9"},
    "resisc45": {0: "airplane", 16: "ground track field", 44: "wetland"},
    "sun397": {0: "abbey", 8: "apartment building outdoor", 396: "youth hostel"},
    "svhn": {0: "0", 9: "9"},
    "imagenet": {0: "tench", 207: "Golden Retriever", 999: "toilet paper"},
    "cifar100": {0: "apple", 26: "crab", 99: "worm"},
    "stl10": {0: "airplane", 2: "car", 9: "truck"},
    "flowers102": {0: "pink primrose", 59: "pink and yellow dahlia", 101: "blackberry lily"},
    "oxford_pets": {0: "Abyssinian", 1: "american bulldog", 36: "yorkshire terrier"},
    "pcam": {0: "lymph node", 1: "lymph node containing metastatic tumor tissue"},
    "fer2013": {0: "angry", 4: "neutral", 6: "surprised"},
    "emnist": {0: "A", 25: "Z"},
    "cifar10": {0: "airplane", 1: "automobile", 9: "truck"},
    "food101": {0: "apple pie", 100: "waffles"},
    "fashion_mnist": {0: "T-shirt/top", 5: "Sandal", 9: "Ankle boot"},
    "rendered_sst2": {0: "negative", 1: "positive"},
    "kmnist": {0: "o", 3: "tsu", 9: "wo"},
}


def module(name):
    return registry.load("tasks", name)


def test_every_task_with_an_origin_is_of_the_paper_or_of_the_field():
    found = {name for name in registry.names("tasks") if hasattr(module(name), "ORIGIN")}
    assert found - {"dtd_leaked"} == {*SIZES, *FURTHER}  # of another print: test_leaked.py


@pytest.mark.parametrize("name", FURTHER)
def test_counts_of_further_tasks_are_the_published_ones_by_the_rule(name):
    classes, num_train, num_test = FURTHER[name]
    train, val = stored.cut(num_train)
    counts = module(name).ORIGIN.counts
    assert counts == {"train": len(train), "val": len(val), "test": num_test}
    assert len(module(name).TASK.class_names) == classes
    assert module(name).ORIGIN.counts_cut is None


@pytest.mark.parametrize("name", FURTHER)
def test_a_further_task_says_that_it_was_never_seen_and_whether_it_is_pinned(name):
    task, origin = module(name).TASK, module(name).ORIGIN
    assert "Never downloaded here" in task.source
    assert ("not pinned" in task.source) == (origin.revision is None)
    if origin.revision:
        assert re.fullmatch("[0-9a-f]{40}", origin.revision)
        assert "revision: embeddings-benchmark/mteb" in task.source


def test_pets_are_sorted_without_case_as_the_copy_has_them():
    names = [stored.plain(each) for each in module("oxford_pets").TASK.class_names]
    assert names == sorted(names)


@pytest.mark.parametrize("name", ["cifar100", "cifar10", "stl10", "fer2013", "food101"])
def test_further_names_are_in_alphabetical_order(name):
    names = [each.replace(" ", "_") for each in module(name).TASK.class_names]
    assert names == sorted(names)


@pytest.mark.parametrize("name", SIZES)
def test_counts_are_the_papers(name):
    classes, *sizes = SIZES[name]
    counts = module(name).ORIGIN.counts
    assert len(module(name).TASK.class_names) == classes
    assert [counts.get(split) for split in ("train", "val", "test")] == sizes


@pytest.mark.parametrize("name", SIZES)
def test_the_rule_gives_the_counts(name):
    train, val = stored.cut(PUBLISHED[name])
    counts = module(name).ORIGIN.counts_cut or module(name).ORIGIN.counts
    assert (len(val), counts.get("train", len(train))) == (counts["val"], len(train))


def test_eurosat_without_its_own_validation_gives_up_a_tenth():
    assert module("eurosat").ORIGIN.counts_cut == {"train": 19440, "val": 2160, "test": 2700}


@pytest.mark.parametrize("name", LABELS)
def test_labels_have_their_names(name):
    names = module(name).TASK.class_names
    assert {label: names[label] for label in LABELS[name]} == LABELS[name]


@pytest.mark.parametrize("name", LABELS)
def test_prompts_and_names_are_whole(name):
    task = module(name).TASK
    assert len(set(task.templates)) == len(task.templates) > 0
    assert all(
        template.count("{}") == 1 and template.count("{") == 1 for template in task.templates
    )
    assert all(each == each.strip() and each and "_" not in each for each in task.class_names)
    twice = {each for each in task.class_names if task.class_names.count(each) > 1}
    assert twice == ({"missile", "sunglasses"} if name == "imagenet" else set())


@pytest.mark.parametrize(
    ("name", "num", "prompt"),
    [
        ("cars", 8, "i love my {}!"),
        ("dtd", 8, "a photo of the {} object."),
        ("eurosat", 3, "a centered satellite photo of {}."),
        ("gtsrb", 3, 'a close up photo of a "{}" traffic sign.'),
        ("mnist_full", 1, 'a photo of the number: "{}".'),
        ("resisc45", 18, "aerial view of the {}."),
        ("sun397", 2, "a photo of the {}."),
        ("svhn", 1, 'a photo of the number: "{}".'),
        ("imagenet", 80, "itap of my {}."),
        ("cifar100", 18, "a low contrast photo of the {}."),
        ("stl10", 2, "a photo of the {}."),
        ("flowers102", 1, "a photo of a {}, a type of flower."),
        ("oxford_pets", 1, "a photo of a {}, a type of pet."),
        ("pcam", 1, "this is a photo of {}"),
        ("fer2013", 6, "look at how {} they are."),
        ("cifar10", 18, "a photo of the small {}."),
        ("food101", 1, "a photo of {}, a type of food."),
        ("rendered_sst2", 1, "a {} review of a movie."),
    ],
)
def test_prompts_are_clips(name, num, prompt):
    assert len(module(name).TASK.templates) == num and prompt in module(name).TASK.templates


@pytest.mark.parametrize("name", sorted({*LABELS} - {"imagenet"}))
def test_no_two_names_are_one_when_spelt_plainly(name):
    origin = module(name).ORIGIN
    names = module(name).TASK.class_names
    for group in (names, origin.folder_names or names):
        assert len({stored.plain(each) for each in group}) == len(names)


def test_sun397_is_in_the_order_of_its_folders():
    folders = module("sun397").ORIGIN.folder_names
    assert list(folders) == sorted(folders)
    assert [folder[2:].replace("_", " ") for folder in folders] == list(
        module("sun397").TASK.class_names
    )


def test_eurosat_is_in_the_order_of_its_folders():
    folders = module("eurosat").ORIGIN.folder_names
    assert list(folders) == sorted(folders) and folders[-1] == "SeaLake"


def test_imagenet_is_read_from_open_clip_itself():
    from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES, OPENAI_IMAGENET_TEMPLATES

    task = module("imagenet").TASK
    assert list(task.class_names) == list(IMAGENET_CLASSNAMES)
    assert [t.format("x") for t in task.templates] == [
        template("x") for template in OPENAI_IMAGENET_TEMPLATES
    ]


@pytest.mark.parametrize("name", SIZES)
def test_revision_is_pinned(name):
    assert re.fullmatch("[0-9a-f]{40}", module(name).ORIGIN.revision)
    assert set(module(name).ORIGIN.files) == set(module(name).ORIGIN.splits.values())


HEAVY = {"torch", "open_clip", "datasets", "pyarrow", "huggingface_hub", "pandas"}


def test_declarations_import_nothing_heavy():
    code = (
        "import sys; from tangent_bench import registry\n"
        f"[registry.load('tasks', n).TASK.class_names for n in {list(LABELS)}]\n"
        f"print(*{HEAVY} & set(sys.modules))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == ""


def test_permutation_is_random_splits():
    import torch
    from torch.utils.data import random_split

    for num in (10, 137, 60000):
        train, val = stored.cut(num)
        generator = torch.Generator().manual_seed(0)
        theirs = random_split(range(num), [len(train), len(val)], generator=generator)
        assert [list(part.indices) for part in theirs] == [train.tolist(), val.tolist()]


def test_permutation_is_that_of_the_official_code():
    train, val = stored.cut(60000)
    assert train[0] == 36044  # asserted by gortizji/tangent_task_arithmetic for MNIST
    assert sorted([*train, *val]) == list(range(60000))


def test_a_tenth_is_rounded_as_the_official_code_does():
    nums = np.arange(1, 300_000)
    assert np.array_equal((nums * 0.1).astype(int), nums // 10)
