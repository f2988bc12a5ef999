"""An analogy of four data sets in the format of MNIST's, from their files to a row of the table."""

from __future__ import annotations

import numpy as np
import pytest

from tangent_bench.store import rows
from tests.small import pixels
from tests.tasks.test_idx import write
from tests.workflow.checkout import preset

pytestmark = pytest.mark.full
TASKS = ("bright_digits", "dark_digits", "bright_signs", "dark_signs")
NAMES = {"digits": ["zero", "one"], "signs": ["red circle", "blue square"]}
SMALL = {
    "tasks": list(TASKS),
    "trainings": ["standard"],
    "modes": ["none-network", "standard-network", "standard-tangent"],
    "experiments": ["single_task", "task_analogies"],
    "task_analogies": {"quadruples": [list(TASKS)]},
    "joint_training": {"trainings": []},
}


def drawn(task: str, word: str, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright left or right half, in two sizes and two shades."""
    height = 8 if task.endswith("digits") else 10
    images = pixels(num, height, task, word)[..., 0] // 4
    labels = np.arange(num, dtype=np.uint8) % 2
    for image, label in zip(images, labels, strict=True):
        half = image[:, : height // 2] if label else image[:, height // 2 :]
        half += 150 if task.startswith("bright") else 60
    return images, labels


def test_four_data_sets_are_an_analogy(sources, tmp_path):
    own = {}
    for task in TASKS:
        folder = tmp_path / task
        for word, num in (("train", 96), ("t10k", 40)):
            write(folder, word, *drawn(task, word, num), end=".gz")
        own[task] = {
            "folder": str(folder),
            "title": task,
            "templates": ["a photo of a {}"],
            "class_names": NAMES[task.partition("_")[2]],
        }
    finished = sources.snakemake(*preset("micro", tmp_path, custom_tasks=own, **SMALL))
    assert finished.status == 0, finished.output
    found = rows.read(sources.path("results/micro/rows.csv"))
    found = found[found["experiment"] == "task_analogies"]
    sources_of = "bright_signs+dark_digits+bright_digits"
    tuned = found[found["metric"] == "analogy_accuracy_tuned"]
    assert tuned["evaluation"].tolist() == ["network", "tangent"]
    assert set(tuned["sources"]) == {sources_of} and set(tuned["task"]) == {"dark_signs"}
    table = sources.path("results/micro/tables/task_analogies.csv").read_text(encoding="utf-8")
    assert table.count("bright_digits : dark_digits :: bright_signs : dark_signs") == 2
