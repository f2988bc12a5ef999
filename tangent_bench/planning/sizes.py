"""How large tasks and models are: images, classes and bytes; parameters and width of the embedding.

Embedded tasks are loaded, which also measures what that takes; of the paper's data sets the numbers are known, and
they need not be there; a folder's files are counted; a task of the hub is counted once it has been prepared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tangent_bench import models, registry, tasks
from tangent_bench.store import layout

OF_EACH = 72  # bytes beside the pixels of an image of a store: label, block, hash, offset, shape

# Of a fresh process: what loading a task's splits takes, its import included.
_LOAD = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
start = time.process_time()
from tangent_bench import registry
source = registry.load("tasks", sys.argv[2])
begun, found = time.process_time() - start, {}
for split in source.TASK.splits:
    start = time.process_time()
    images = source.load(split)
    found[split] = len(images.labels), begun + time.process_time() - start
print(json.dumps([len(source.TASK.class_names), len(source.TASK.templates), found]))
"""


@dataclass(frozen=True)
class TaskSize:
    """Size of a task.

    Attributes:
        images: split → number of images that are used.
        image_bytes: split → bytes of one image on disk, with what belongs to it.
        seconds: split → seconds that drawing or reading it takes; none of images that are decoded.
        native: whether the images are small and stored as they are.
    """

    images: Mapping[str, int]
    image_bytes: Mapping[str, int]
    num_classes: int
    num_templates: int
    seconds: Mapping[str, float] = field(default_factory=dict)
    native: bool = False

    def bytes(self, *splits: str) -> int:
        """Of the files of these splits."""
        return sum(self.images[split] * self.image_bytes[split] for split in splits)


@dataclass(frozen=True)
class ModelSize:
    """Parameters of the image tower, width of the embedding, and seconds of a text through the text tower."""

    parameters: int
    embedding: int
    prompt_seconds: float = 0.0
    prompt_gflop: float = 0.0


def of_tasks(config: Mapping) -> dict[str, TaskSize]:
    """Sizes of all tasks of a config, the control included.

    Raises:
        ValueError: nobody knows yet how many images a task has.
    """
    return {task: _task(task, config) for task in [*config["tasks"], config["control"]]}


def _task(name: str, config: Mapping) -> TaskSize:
    if name in config["custom_tasks"]:
        return _custom(name, config)
    source = registry.load("tasks", name)
    if origin := getattr(source, "ORIGIN", None):
        about = len(source.TASK.class_names), len(source.TASK.templates)
        side = getattr(source, "side", config["data"]["side"])
        return _real(
            name, config, dict(origin.counts), side, origin.native, about, source.TASK.splits
        )
    command = [sys.executable, "-c", _LOAD, str(Path(__file__).parents[2]), name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise ValueError(f"Task {name!r} cannot be loaded: {done.stderr.strip().splitlines()[-1]}")
    num_classes, num_templates, found = json.loads(done.stdout)
    images = _limited({split: number for split, (number, _) in found.items()}, config)
    seconds = {split: seconds for split, (_, seconds) in found.items()}
    each = 3 * tasks.SIDE**2 + 16  # label and block
    return TaskSize(images, dict.fromkeys(images, each), num_classes, num_templates, seconds)


def _custom(name: str, config: Mapping) -> TaskSize:
    """A folder's files are counted, nothing is decoded; nothing is ever asked of the hub."""
    from tangent_bench.images.sources import custom_task

    entry = config["custom_tasks"][name]
    num_templates = len(entry["templates"])
    if "hub" in entry:
        num_classes = len(entry.get("class_names") or ()) or 100
        side = entry.get("side", tasks.SIDE)
        return _real(name, config, {}, side, None, (num_classes, num_templates), tasks.SPLITS)
    task = custom_task(name, entry)
    images = _limited({split: len(task.open(split)) for split in task.TASK.splits}, config)
    each = 3 * task.side**2 + 16
    return TaskSize(images, dict.fromkeys(images, each), len(task.TASK.class_names), num_templates)


def _real(
    name: str,
    config: Mapping,
    counts: dict,
    side: int,
    native: int | None,
    about: tuple[int, int],
    splits: tuple,
) -> TaskSize:
    images = {split: _prepared(name, split, config) or counts.get(split) for split in splits}
    if missing := [split for split, number in images.items() if number is None]:
        raise ValueError(
            f"How many images split {missing[0]!r} of task {name!r} has is not known yet: prepare it first "
            f"(snakemake {config['results']}/{layout.data(name, missing[0])}), then plan again."
        )
    square = 3 * (native or side) ** 2 + OF_EACH
    from tangent_bench.planning.towers import ASPECT

    whole = square if native else round(3 * ASPECT * (8 * side / 7) ** 2) + OF_EACH
    image_bytes = {split: whole if split == "train" else square for split in images}
    return TaskSize(_limited(images, config), image_bytes, *about, native=native is not None)


def _prepared(name: str, split: str, config: Mapping) -> int | None:
    """Number of images of a split that was prepared before; from the header of its file."""
    path = Path(config["results"]) / layout.data(name, split)
    try:
        with open(path, "rb") as file:
            return json.loads(file.read(int.from_bytes(file.read(8), "little")))["labels"]["shape"][
                0
            ]
    except (OSError, ValueError, KeyError):
        return None


def _limited(images: Mapping[str, int], config: Mapping) -> dict[str, int]:
    """The first so many, where the config says so."""
    return {
        split: min(number, config["data"][f"max_{split}"] or number)
        for split, number in images.items()
    }


def of_models(config: Mapping, device: str = "cpu") -> dict[str, ModelSize]:
    """Sizes of all models of a config; their weights are drawn, not read. Texts are timed on the device.

    Raises:
        ValueError: a model is none that open_clip knows.
    """
    return {
        name: _model(models.find(name, config["custom_models"]), device)
        for name in config["models"]
    }


def _model(about: models.Model, device: str) -> ModelSize:
    from tangent_bench.planning.towers import seconds_of

    network, tokenize = models.create(about, "random").to(device), models.tokenizer(about)
    texts = [
        "a photo of a cat",
        "a picture of two dogs",
        "a red square on the left",
        "a handwritten 7",
    ]
    tokens = tokenize(texts).to(device)
    embedding = network.encode_text(tokens).shape[1]
    seconds = seconds_of(lambda: network.encode_text(tokens), device) / len(tokens)
    blocks = sum(
        value.numel() for value in getattr(network, "text", network).transformer.parameters()
    )
    image_tower = sum(value.numel() for value in network.visual.parameters())
    return ModelSize(image_tower, embedding, seconds, 2e-9 * blocks * tokens.shape[1])
