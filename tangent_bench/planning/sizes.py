"""How large tasks and models are: images, classes and bytes; parameters and width of the embedding.

Embedded tasks are loaded, which also measures how long that takes. The numbers of the paper's data
sets are known, so their data need not be there. The files of a folder are counted. A task of the
hub is counted once it has been prepared.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench import models, registry, tasks
from tangent_bench.planning.towers import ASPECT, features_width, seconds_of
from tangent_bench.store import layout

if TYPE_CHECKING:
    from tangent_bench.models._tower import Tower

LABEL_AND_BLOCK = 16  # bytes beside the pixels of an image
OF_EACH = 72  # bytes beside the pixels of a stored image: label, block, hash, offset, shape
UNNAMED_CLASSES = 100  # assumed of a task of the hub whose entry names no classes
TEXTS = (
    "a photo of a cat",
    "a picture of two dogs",
    "a red square on the left",
    "a handwritten 7",
)

# Runs in a fresh process: what loading a task's splits takes, its import included.
_LOAD = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
start = time.process_time()
from tangent_bench import registry
source = registry.task(sys.argv[2])
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
        num_classes: of its labels.
        num_templates: texts for each class.
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
        """Bytes of the files of these splits."""
        return sum(self.images[split] * self.image_bytes[split] for split in splits)


@dataclass(frozen=True)
class ModelSize:
    """Size of a model.

    Attributes:
        parameters: of the image tower.
        embedding: its width.
        prompt_seconds: of a text through the text tower, measured.
        prompt_gflop: of the same.
    """

    parameters: int
    embedding: int
    prompt_seconds: float = 0.0
    prompt_gflop: float = 0.0


class NotCountedYet(ValueError):
    """How many images a task has is known only once they have been prepared."""


class Sizes:
    """Sizes of all that the jobs of one config read and leave."""

    def __init__(
        self, config: Mapping, tasks: Mapping[str, TaskSize], models: Mapping[str, ModelSize]
    ) -> None:
        self.config = config
        self.tasks = dict(tasks)
        self.models = dict(models)

    def vector_bytes(self, model: str) -> int:
        """Bytes of a stored vector, float32."""
        return 4 * self.models[model].parameters

    def evaluated(self, task: str) -> int:
        """Images of val and test."""
        return self.tasks[task].images["val"] + self.tasks[task].images["test"]

    def features_bytes(self, model: str, task: str, training: str) -> int:
        """Bytes of J τ of all vectors on a task's images."""
        num_vectors = len(layout.sources(self.config, training))
        return 4 * num_vectors * self.models[model].embedding * self.evaluated(task)

    def base_bytes(self, model: str, task: str) -> int:
        """Bytes of f0, with labels and blocks."""
        return (4 * self.models[model].embedding + LABEL_AND_BLOCK) * self.evaluated(task)


def of_tasks(config: Mapping) -> dict[str, TaskSize]:
    """Sizes of all tasks of a config, the control included.

    Raises:
        ValueError: the number of images of a task is not known yet.
    """
    return {task: of_task(task, config) for task in [*config["tasks"], config["control"]]}


def of_task(name: str, config: Mapping) -> TaskSize:
    """Size of one task.

    Raises:
        NotCountedYet: the number of its images is not known yet.
        ValueError: it cannot be loaded, or its folder does not fit the layout.
    """
    if name in config["custom_tasks"]:
        return _custom(name, config)
    if hasattr(registry.task(name), "ORIGIN"):
        return _known(name, config)
    return _drawn(name, config)


def _drawn(name: str, config: Mapping) -> TaskSize:
    """Size of an embedded task, which is drawn once in a process of its own."""
    command = [sys.executable, "-c", _LOAD, str(Path(__file__).parents[2]), name]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["its process was killed; run again."]
        raise ValueError(f"Task {name!r} cannot be loaded: {said[-1]}")
    num_classes, num_templates, splits = json.loads(done.stdout)
    return as_drawn(
        config,
        images={split: number for split, (number, _) in splits.items()},
        num_classes=num_classes,
        num_templates=num_templates,
        seconds={split: seconds for split, (_, seconds) in splits.items()},
    )


def as_drawn(
    config: Mapping,
    images: Mapping[str, int],
    num_classes: int,
    num_templates: int,
    seconds: Mapping[str, float],
) -> TaskSize:
    """Size of an embedded task of which so much is known.

    Args:
        config: complete; its limits are applied.
        images: split → number of images that are drawn.
        num_classes: of its labels.
        num_templates: texts for each class.
        seconds: split → seconds that drawing it takes.
    """
    used = _limited(images, config)
    return TaskSize(
        used,
        image_bytes=dict.fromkeys(used, _plain_bytes(tasks.SIDE)),
        num_classes=num_classes,
        num_templates=num_templates,
        seconds=seconds,
    )


def _known(name: str, config: Mapping) -> TaskSize:
    """Size of one of the paper's data sets."""
    source = registry.task(name)
    counts = dict(source.ORIGIN.counts)
    images = {
        split: _prepared(name, split, config) or counts.get(split) for split in source.TASK.splits
    }
    native = source.ORIGIN.native
    side = getattr(source, "side", config["data"]["side"])
    return TaskSize(
        _limited(_all_known(name, images, config), config),
        image_bytes=_image_bytes(images, side, native),
        num_classes=len(source.TASK.class_names),
        num_templates=len(source.TASK.templates),
        native=native is not None,
    )


def _custom(name: str, config: Mapping) -> TaskSize:
    """Size of a task of the user's own; nothing is decoded, and nothing is asked of the hub."""
    entry = config["custom_tasks"][name]
    if "hub" in entry:
        return _of_hub(name, entry, config)
    from tangent_bench.images.sources import own_folder

    task = own_folder(name, entry)
    images = _limited({split: task.count(split) for split in task.TASK.splits}, config)
    return TaskSize(
        images,
        image_bytes=dict.fromkeys(images, _plain_bytes(task.side)),
        num_classes=len(task.TASK.class_names),
        num_templates=len(entry["templates"]),
    )


def _of_hub(name: str, entry: Mapping, config: Mapping) -> TaskSize:
    images = {split: _prepared(name, split, config) for split in tasks.SPLITS}
    return TaskSize(
        _limited(_all_known(name, images, config), config),
        image_bytes=_image_bytes(images, entry.get("side", tasks.SIDE), native=None),
        num_classes=len(entry.get("class_names") or ()) or UNNAMED_CLASSES,
        num_templates=len(entry["templates"]),
    )


def _all_known(name: str, images: Mapping[str, int | None], config: Mapping) -> dict[str, int]:
    """The numbers of images, if each of them is known."""
    known = {split: number for split, number in images.items() if number is not None}
    for split in images:
        if split not in known:
            raise NotCountedYet(
                f"How many images split {split!r} of task {name!r} has is not known yet: prepare "
                f"it first (snakemake {config['results']}/{layout.data(name, split)}), then plan "
                "again."
            )
    return known


def _plain_bytes(side: int) -> int:
    """Bytes of a square image without a header."""
    return 3 * side**2 + LABEL_AND_BLOCK


def _image_bytes(images: Mapping[str, object], side: int, native: int | None) -> dict[str, int]:
    """Split → bytes of an image; training images that are not small keep their shape."""
    square = 3 * (native or side) ** 2 + OF_EACH
    whole = square if native else round(3 * ASPECT * (8 * side / 7) ** 2) + OF_EACH
    return {split: whole if split == "train" else square for split in images}


def _prepared(name: str, split: str, config: Mapping) -> int | None:
    """Number of images of a split that was prepared before, from the header of its file."""
    path = Path(config["results"]) / layout.data(name, split)
    try:
        with open(path, "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
            return header["labels"]["shape"][0]
    except (OSError, ValueError, KeyError):
        return None


def _limited(images: Mapping[str, int], config: Mapping) -> dict[str, int]:
    """The numbers of images, cut to the config's limits."""
    return {
        split: min(number, config["data"][f"max_{split}"] or number)
        for split, number in images.items()
    }


def of_models(config: Mapping, device: str = "cpu") -> dict[str, ModelSize]:
    """Sizes of all models of a config; their weights are drawn, not read.

    Args:
        config: complete, as `jobs.read_config` gives it.
        device: where texts are timed.

    Raises:
        ValueError: a model cannot be made.
    """
    custom = config["custom_models"]
    from tangent_bench.models._tower import image_tower

    found = {}
    for name in config["models"]:
        about = models.find(name, custom)
        if about.is_clip:
            found[name] = of_model(about, models.create(about, "random"), device)
        else:
            found[name] = of_tower(image_tower(about, "random", 0))
    return found


def of_tower(tower: Tower) -> ModelSize:
    """Size of a model without a text tower."""
    return ModelSize(
        parameters=sum(value.numel() for value in tower.theta0.values()),
        embedding=features_width(tower, tower.prepare(tower.inputs.example(1))),
    )


def of_model(about: models.Model, network: models.Clip, device: str = "cpu") -> ModelSize:
    """Size of one model.

    Args:
        about: the model.
        network: made of it, with whatever weights.
        device: where texts are timed.
    """
    network = network.to(device)
    tokens = models.tokenizer(about)(list(TEXTS)).to(device)
    # Of some classes the text tower is a module of its own.
    text_tower: Any = getattr(network, "text", network)
    num_weights = sum(value.numel() for value in text_tower.transformer.parameters())
    return ModelSize(
        parameters=sum(value.numel() for value in network.visual.parameters()),
        embedding=network.encode_text(tokens).shape[1],
        prompt_seconds=seconds_of(lambda: network.encode_text(tokens), device) / len(tokens),
        prompt_gflop=2e-9 * num_weights * tokens.shape[1],
    )
