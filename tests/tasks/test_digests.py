"""Images are byte for byte those that the published numbers are about."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tangent_bench import registry
from tangent_bench.images.task import content_digest

FILE = Path(__file__).parents[2] / "workflow" / "resources" / "digests.csv"
TASKS = {name: registry.load("tasks", name) for name in registry.names("tasks")}
SPLITS = [
    (n, split)
    for n, task in TASKS.items()
    if not hasattr(task, "ORIGIN")
    for split in task.TASK.splits
]


def pins() -> dict[tuple[str, str], tuple[str, str]]:
    """(num_images, sha256) of each (task, split)."""
    with FILE.open(newline="") as file:
        return {
            (row["task"], row["split"]): (row["num_images"], row["sha256"])
            for row in csv.DictReader(file)
        }


@pytest.mark.parametrize(("name", "split"), SPLITS)
def test_content_is_pinned(name: str, split: str) -> None:
    images = registry.load("tasks", name).load(split)
    found = (str(len(images.labels)), content_digest(images))
    pinned = pins().get((name, split))
    assert found == pinned, (
        f"Images of {name}/{split} are not those that {FILE.name} pins: found {found}, expected {pinned}. "
        "Without a change of the task, look at the versions of Pillow and NumPy. With one, every result of the task is "
        f"void; then write the row {name},{split},{','.join(found)} into workflow/resources/{FILE.name}."
    )


def test_every_pin_has_its_task() -> None:
    assert set(pins()) == set(SPLITS)
