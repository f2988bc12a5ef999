"""Whose images are byte for byte those that the published numbers are about: the comparison itself
is in test_contract.py, where the images are drawn.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from tangent_bench import registry
from tests.tasks.content import FILE, pins

PUBLISHED = Path(__file__).parents[2] / "results/published"


def published() -> set[str]:
    """The tasks that a published row is about, less those of other people's data sets."""
    tasks = set()
    for file in PUBLISHED.glob("*/rows.csv.gz"):
        column = pd.read_csv(file, comment="#", usecols=["task"], keep_default_na=False)["task"]
        tasks.update(column.unique())
    known = tasks & set(registry.names("tasks"))
    return {name for name in known if not hasattr(registry.load("tasks", name), "ORIGIN")}


def test_every_published_task_is_pinned() -> None:
    """A task without published numbers needs no pin."""
    assert len(published()) > 8
    for name in published():
        splits = {split for task, split in pins() if task == name}
        assert splits == set(registry.load("tasks", name).TASK.splits), (
            f"published rows are about {name}; pin its splits in {FILE.name}"
        )


def test_the_page_counts_the_images_that_are_pinned() -> None:
    page = (PUBLISHED.parents[1] / "docs/explanation/tiny-preset.md").read_text(encoding="utf-8")
    counted = 0
    for line in page.splitlines():
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        if len(cells) == 3 and (cells[0], "test") in pins():
            number = re.sub(r"<!--.*?-->", "", cells[1]).replace(",", "")
            assert number == pins()[cells[0], "test"][0], cells[0]
            counted += 1
    assert counted == 9
