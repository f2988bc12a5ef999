"""Another image changes the state of a folder, links included, so that its results are stale."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tangent_bench import registry
from tangent_bench.images.class_folders import state
from tangent_bench.images.sources import hub_origin, state_below_root
from tests.workflow.checkout import Checkout, preset


def write(file: Path, text: str = "x") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.fixture
def folder(tmp_path) -> Path:
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            for k in range(3):
                write(tmp_path / "mine" / split / name / f"{k}.png")
    return tmp_path / "mine"


def _replace(folder: Path) -> None:
    write(folder / "test/cat/1.png", "another")


def _replace_by_one_of_the_same_size(folder: Path) -> None:
    os.utime(folder / "test/cat/1.png", ns=(1, 1))


def _add(folder: Path) -> None:
    write(folder / "test/cat/new.png")


def _remove(folder: Path) -> None:
    (folder / "test/cat/1.png").unlink()


def _rename(folder: Path) -> None:
    (folder / "test/cat/1.png").rename(folder / "test/cat/one.png")


def _relabel(folder: Path) -> None:
    (folder / "test/cat/1.png").rename(folder / "test/dog/other.png")


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)


def _add_a_class(folder: Path) -> None:
    (folder / "test/owl").mkdir()


OF_FILES = [_replace, _replace_by_one_of_the_same_size, _remove, _rename, _empty]
CHANGES = [*OF_FILES, _add, _relabel, _add_a_class]
CASES = [(kind, change) for kind in ("folder", "link", "links to folders") for change in CHANGES]
CASES += [("links to files", change) for change in OF_FILES]  # which see no others


@pytest.mark.parametrize(
    ("kind", "change"), CASES, ids=lambda each: getattr(each, "__name__", each)
)
def test_a_change_of_the_images_is_seen(folder, tmp_path, kind, change):
    seen = tmp_path / "seen"
    if kind == "folder":
        seen = folder
    elif kind == "link":
        seen.symlink_to(folder)
    elif kind == "links to folders":
        seen.mkdir()
        for split in ("train", "test"):
            (seen / split).symlink_to(folder / split)
    else:
        for file in list(folder.rglob("*.png")):
            link = seen / file.relative_to(folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(file)
    before = state(seen)
    assert state(seen) == before
    change(folder)
    assert state(seen) != before


def test_a_link_that_leads_elsewhere_is_seen(folder):
    """Both targets were visited by other names, so that neither is entered again."""
    link = folder / "test/owl"
    link.symlink_to("../train/cat")
    before = state(folder)
    link.unlink()
    link.symlink_to("../train/dog")
    assert state(folder) != before


def test_links_in_a_circle_come_to_an_end(folder):
    (folder / "train/cat/again").symlink_to("../..")
    (folder / "train/cat/self").symlink_to("self")
    before = state(folder)
    _replace(folder)
    assert state(folder) != before


def test_litter_and_the_place_of_the_folder_do_not_count(folder, tmp_path):
    before = state(folder)
    for name in (".DS_Store", "._0.png", "Thumbs.db", ".ipynb_checkpoints/0.png"):
        write(folder / "train/cat" / name)
    assert state(folder) == before
    folder.rename(tmp_path / "moved")
    assert state(tmp_path / "moved") == before


def test_names_that_are_no_text_do_not_stop_it(folder):
    with open(os.fsencode(folder / "train/cat") + b"/\xff.png", "wb"):
        pass
    assert len(state(folder)) == 16


@pytest.mark.parametrize("place", ["dtd/train/banded/0.jpg", "tanganke/dtd/data/x.parquet"])
def test_data_sets_below_the_root_have_a_state(tmp_path, monkeypatch, place):
    origin = registry.load("tasks", "dtd").ORIGIN
    monkeypatch.delenv("TANGENT_BENCH_DATA", raising=False)
    assert state_below_root(origin) == ""
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path))
    assert state_below_root(origin) == ""
    write(tmp_path / "svhn/data/x.parquet")
    assert state_below_root(origin) == "", "the files of another data set"
    file = write(tmp_path / place)
    first = state_below_root(origin)
    write(file, "another")
    second = state_below_root(origin)
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path / "empty"))
    assert len({"", first, second}) == 3 and state_below_root(origin) == ""


def test_data_sets_of_the_users_have_a_state(tmp_path, monkeypatch):
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path))
    origin = hub_origin("mine", {"hub": "lab/mine"})
    states = {state_below_root(origin)}
    for place in ("mine/data/train.parquet", "lab/mine/data/train.parquet"):
        write(tmp_path / place)
        states.add(state_below_root(origin))
    assert len(states) == 3


@pytest.mark.full
def test_the_rule_runs_again_when_images_change(tmp_path, monkeypatch):
    """A data set of the paper, and a folder of links; both were found "nothing to be done"."""
    from tests.tasks.test_leaked import draw

    checkout = Checkout.of_sources(tmp_path / "checkout")
    draw(tmp_path / "data/dtd", registry.load("tasks", "dtd").TASK.class_names)
    (tmp_path / "links").mkdir()
    for split in ("train", "test"):
        (tmp_path / "links" / split).symlink_to(tmp_path / "data/dtd" / split)
    own = {"mine": {"folder": str(tmp_path / "links"), "templates": ["a {}"]}}
    arguments = preset(
        "micro",
        tmp_path,
        tasks=["mnist", "dtd", "mine"],
        custom_tasks=own,
        data={"allow_counts": True},
        results="results/changed",
    )
    files = [f"results/changed/data/{name}/train.safetensors" for name in ("dtd", "mine")]
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path / "data"))
    made = checkout.snakemake(*files, *arguments)
    assert made.status == 0, made.output
    assert checkout.dry_run(*files, *arguments).jobs == {}
    (first, *_) = sorted((tmp_path / "data/dtd/train").rglob("*.*"))
    first.touch()
    assert checkout.dry_run(*files, *arguments).jobs == {"prepare_images": 2}
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("TANGENT_BENCH_DATA", str(tmp_path / "empty"))
    assert checkout.dry_run(files[0], *arguments).jobs == {"prepare_images": 1}
