"""Copies of the hub as users find them: names of splits, classes twice, repeated pictures."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tangent_bench.images import checks, hub, notes, prepare
from tangent_bench.images.image_store import open_images
from tangent_bench.images.sources import custom_task, open_split
from tests import hub_copies
from tests.hub_copies import CARD, CLASSES, SPLITS, datasets, table, tiny, write_parquet

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture(autouse=True)
def unsaid(monkeypatch):
    monkeypatch.setattr(notes, "_said", set())


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path))
    return tmp_path


def write(root, **stored: str) -> None:
    """Stored name → the split whose images it has."""
    for name, split in stored.items():
        file = root / "mine/data" / f"{name}-00000-of-00001.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        table(split).to_parquet(file)


def mine(**entry):
    return custom_task("mine", {"hub": "lab/mine", "templates": ["a {}"], "side": 8, **entry})


def lengths(task) -> list[int]:
    return [len(task.open(split)) for split in SPLITS]


@pytest.mark.parametrize("word", ["validation", "val", "valid", "dev"])
def test_a_stored_validation_split_is_used(root, word, caplog):
    write(root, train="train", test="test")
    assert lengths(mine()) == [54, 6, 15]
    write(root, **{word: "test"})
    assert lengths(mine()) == [60, 15, 15]
    assert not caplog.text


def test_a_stored_validation_split_of_a_saved_table_is_used(root):
    parts = {"train": "train", "validation": "test", "test": "test"}
    saved = {stored: table(split) for stored, split in parts.items()}
    datasets.DatasetDict(saved).save_to_disk(root / "mine")
    assert lengths(mine()) == [60, 15, 15]


def test_a_validation_split_on_the_hub_is_used(tmp_path):
    """`datasets` reads a folder as a repository."""
    repository = write_parquet(tmp_path / "repository")
    table("test").to_parquet(repository / "data/validation-00000-of-00001.parquet")
    card = CARD.replace("gaussian_noise", "validation")
    (repository / "README.md").write_text(card)
    source = hub.HubSource(
        "mine", tiny(hub=str(repository), splits={}, files={}).ORIGIN, None, None
    )
    source.origin = tiny(hub=str(repository), splits={}, files={}, revision=None).ORIGIN
    assert source.splits == {"train": "train", "val": "validation", "test": "test"}


def test_splits_on_a_hub_that_is_out_of_reach_are_the_usual_two(caplog):
    source = hub.HubSource("mine", tiny(hub="lab/none", splits={}).ORIGIN, None, None)
    assert source.splits == {"train": "train", "test": "test"}
    assert "the names of the splits of lab/none cannot be had" in caplog.text


def test_splits_that_are_not_used_are_named(root, caplog):
    write(root, train="train", test="test", extra="test", validation="test")
    lengths(mine())
    assert caplog.text.count("has splits that are not used: extra; if one is meant") == 1
    caplog.clear()
    assert lengths(mine(splits={"train": "train", "test": "test"})) == [54, 6, 15]
    assert "not used: extra, validation;" in caplog.text


def test_two_splits_for_one_are_refused(root):
    write(root, train="train", test="test", val="test", validation="test")
    with pytest.raises(ValueError, match=r"splits val and validation, .* name those .*splits: \{"):
        lengths(mine())
    splits = {"train": "train", "val": "val", "test": "test"}
    assert lengths(mine(splits=splits)) == [60, 15, 15]


def test_a_copy_without_test_images_says_which_splits_it_has(root):
    write(root, train="train", validation="test")
    with pytest.raises(ValueError, match="the splits train, validation, of which none is 'test'"):
        mine().open("test")
    write(root / "other", fit="train")
    (root / "mine").rename(root / "moved")
    (root / "other/mine").rename(root / "mine")
    write(root, test="test")
    with pytest.raises(ValueError, match=r"the splits fit, test, of which none is 'train'; say"):
        mine()


@pytest.mark.parametrize(
    ("names", "twice"), [(("cat", "cat", "owl"), "cat"), (("a_b", "dog", "a b"), "a b")]
)
def test_names_that_come_twice_are_refused(root, names, twice, monkeypatch):
    write_parquet(root / "mine", names) if len(set(names)) == 3 else _write_twice(root)
    with pytest.raises(ValueError, match=f"2 classes of .*mine.* are named '{twice}', .*rename"):
        mine()


def _write_twice(root) -> None:
    """As other tools write it: `datasets` itself refuses such names."""
    import pyarrow.parquet as parquet

    write_parquet(root / "mine")
    for file in (root / "mine/data").iterdir():
        found = parquet.read_table(file)
        facts = json.loads(found.schema.metadata[b"huggingface"])
        facts["info"]["features"]["label"]["names"] = ["cat", "cat", "owl"]
        metadata = {b"huggingface": json.dumps(facts).encode()}
        parquet.write_table(found.replace_schema_metadata(metadata), file)


def test_names_in_other_letters_must_be_in_order(root):
    write_parquet(root / "mine", ("猫", "犬", "梟"))
    assert lengths(mine(class_names=["猫", "犬", "梟"])) == [54, 6, 15]
    with pytest.raises(ValueError, match="label 0 is '猫', expected '犬'"):
        lengths(mine(class_names=["犬", "猫", "梟"]))


def test_too_few_images_to_cut_validation_off(root, monkeypatch):
    monkeypatch.setattr(hub_copies, "NUM", {"train": 3, "test": 5})
    write(root, train="train", test="test")
    with pytest.raises(ValueError, match="of its 9 training images a tenth leaves none for it"):
        mine().open("val")


def test_a_saved_table_that_cannot_be_loaded_names_task_and_folder(root):
    datasets.DatasetDict({split: table(split) for split in ("train", "test")}).save_to_disk(
        root / "mine"
    )
    facts = root / "mine/test/dataset_info.json"
    facts.write_text(facts.read_text().replace('"ClassLabel"', '"Hologram"'))
    with pytest.raises(ValueError, match=r"Task 'mine': the library datasets cannot load .*test"):
        mine().open("test")


# Repeated pictures


def _repeated(split: str, label: int, number: int) -> tuple[bytes, str]:
    """From the twelfth on the pictures of a class are equal; those of test are others."""
    file = io.BytesIO()
    drawn = np.random.default_rng([label, min(number, 11), len(split)])
    Image.fromarray(drawn.integers(0, 256, (9, 9, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue(), "png"


def _prepared(root, task, max_leaks: int = 0, **allow):
    opened = {split: open_split(task, split, **allow) for split in ("train", "val")}
    prepare.write_split(root / "train", task.TASK, opened["train"], side=8)
    train = prepare.hashes(root / "train", opened["train"])
    prepare.write_split(
        root / "val", task.TASK, opened["val"], side=8, train=train, max_leaks=max_leaks
    )
    return train, prepare.hashes(root / "val")


def test_repeated_pictures_stay_in_train(root, monkeypatch, caplog):
    monkeypatch.setattr(hub_copies, "encoded", _repeated)
    write(root, train="train", test="test")
    train, val = _prepared(root, mine())
    images, of_each, about = open_images(root / "val")
    assert not train.keys() & val.keys() and 0 < len(images) < 6
    assert len(images) == len(of_each["labels"]) == about["number"]
    assert f"{6 - len(images)} of the images that are cut off train" in caplog.text


def test_the_papers_cut_is_refused_with_two_names_and_the_key(root, monkeypatch):
    monkeypatch.setattr(hub_copies, "encoded", _repeated)
    write_parquet(root / "tiny")
    words = r"images of 'val' .*\(image \d+ of .*data is image \d+ of .*data\); .*data\.max_leaks"
    with pytest.raises(ValueError, match=words):
        _prepared(root, tiny())
    train, val = _prepared(root, tiny(), max_leaks=6)
    assert train.keys() & val.keys()


def test_a_picture_that_is_always_the_same_leaves_no_validation(root, monkeypatch):
    one = _repeated("train", 0, 0)
    monkeypatch.setattr(hub_copies, "encoded", lambda *_: one)
    write(root, train="train", test="test")
    with pytest.raises(ValueError, match="repeats its pictures so that none is left for valid"):
        _prepared(root, mine())


def test_names_of_equal_pictures_are_those_of_the_stored_rows(root):
    write(root, train="train", test="test")
    named = checks.named_hashes(mine().open("val"))
    assert all(f"of {root}/mine/data" in name for name in named.values())
    assert mine().TASK.class_names == CLASSES


# A data set of the paper in folders


@pytest.mark.parametrize("word", ["validation", "Val", "valid"])
def test_folders_of_a_data_set_may_have_the_usual_words(root, word, caplog):
    """Validation would else be cut off train; the copy has 60 training images of its own."""
    hub_copies.write_folder(root)
    shutil.copytree(root / "tiny/test", root / "tiny" / word)
    (root / "tiny/train").rename(root / "tiny/Training")
    module = tiny(counts={"train": 60, "val": 15, "test": 15})
    assert [len(open_split(module, split)) for split in SPLITS] == [60, 15, 15]
    shutil.copytree(root / "tiny/test", root / "tiny/holdout")
    open_split(module, "test")
    assert "has folders that are not used: holdout;" in caplog.text


def test_litter_beside_the_images_of_a_data_set(root, caplog):
    hub_copies.write_folder(root)
    for name in ("._000.png", ".DS_Store", ".ipynb_checkpoints/0.png"):
        file = root / "tiny/train/dog" / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"\0")
    (root / "tiny/train/dog/notes.txt").write_text("x")
    assert len(open_split(tiny(), "train")) == 54
    assert "1 files in" in caplog.text and "passed over (1 .txt)" in caplog.text
