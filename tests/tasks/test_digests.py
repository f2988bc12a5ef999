"""Images are byte for byte those that the published numbers are about."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from tangent_bench import registry
from tests.tasks.content import content_digest

FILE = Path(__file__).parents[2] / "workflow" / "resources" / "digests.csv"
PUBLISHED = Path(__file__).parents[2] / "results/published"


def pins() -> dict[tuple[str, str], tuple[str, str]]:
    """(num_images, sha256) of each (task, split)."""
    with FILE.open(newline="") as file:
        return {
            (row["task"], row["split"]): (row["num_images"], row["sha256"])
            for row in csv.DictReader(file)
        }


def published() -> set[str]:
    """The tasks that a published row is about, less those of other people's data sets."""
    tasks = set()
    for file in PUBLISHED.glob("*/rows.csv.gz"):
        column = pd.read_csv(file, comment="#", usecols=["task"], keep_default_na=False)["task"]
        tasks.update(column.unique())
    known = tasks & set(registry.names("tasks"))
    return {name for name in known if not hasattr(registry.load("tasks", name), "ORIGIN")}


@pytest.mark.parametrize(("name", "split"), sorted(pins()))
def test_content_is_pinned(name: str, split: str) -> None:
    images = registry.load("tasks", name).load(split)
    content = (str(len(images.labels)), content_digest(images))
    pinned = pins()[name, split]
    assert content == pinned, (
        f"Images of {name}/{split} are not those that {FILE.name} pins: they give {content}, "
        f"expected {pinned}. Without a change of the task, look at the versions of Pillow and "
        "NumPy. With one, every result of the task is void; then write the row "
        f"{name},{split},{','.join(content)} into workflow/resources/{FILE.name}."
    )


def test_every_published_task_is_pinned() -> None:
    """A task without published numbers needs no pin."""
    assert len(published()) > 8
    for name in published():
        splits = {split for task, split in pins() if task == name}
        assert splits == set(registry.load("tasks", name).TASK.splits), (
            f"published rows are about {name}; pin its splits in {FILE.name}"
        )
