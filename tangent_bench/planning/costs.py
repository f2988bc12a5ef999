"""Seconds of a unit of work (`units`) on this machine.

They are measured with the model itself, its weights random, on one core or on the GPU that the
config asks for.

Where it asks for a GPU and there is none, a pass of an image is assumed to take the model's FLOPs
at `resources.GPU_GFLOP_PER_SECOND`, other work as many passes as it comes to, and a text its own
FLOPs. Crops, digests and starts are measured all the same: they are the processor's.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from tangent_bench.planning import resources
from tangent_bench.planning.sizes import ModelSize
from tangent_bench.planning.towers import LONG, Stage, noise, seconds_of, to_crop
from tangent_bench.planning.units import Unit, passes

_START = """
import sys, time
sys.path.insert(0, sys.argv[1])
start = time.process_time()
import json
from tangent_bench.store import artefacts, rows
from tangent_bench import registry
if len(sys.argv) > 2:
    from tangent_bench.tangent import features
    from tangent_bench.finetuning import loop
    from tangent_bench import models
    from tangent_bench.models._tower import image_tower
    import open_clip
    image_tower(models.find(sys.argv[2], json.loads(sys.argv[3])), "random", 0)
else:
    import pandas
print(time.process_time() - start)
"""


def gpu_is_missing(config: Mapping) -> bool:
    """Whether the config asks for a GPU that PyTorch does not find here."""
    if config["device"] == "cpu":
        return False
    import torch

    return not torch.cuda.is_available()


class Costs(dict[Unit, float]):
    """Seconds of each unit, measured when it is asked for."""

    def __init__(self, config: Mapping, sizes: Mapping[str, ModelSize]) -> None:
        super().__init__({("second", ""): 1.0})
        self.config = config
        self.sizes = sizes
        self.assumed = gpu_is_missing(config)
        self._stage: Stage | None = None

    def __missing__(self, unit: Unit) -> float:
        name, model = unit
        self[unit] = self._of_model(name, model) if model else PLAIN[name]()
        return self[unit]

    def _of_model(self, name: str, model: str) -> float:
        if name == "start network":
            return _start_network(model, json.dumps(self.config["custom_models"]))
        if name == "dot":
            return _dot(self.sizes[model].parameters)
        if self.assumed:
            return self._assume(name, model)
        if name == "prompt":
            return self.sizes[model].prompt_seconds
        return self._on_stage(model).measure(name)

    def _on_stage(self, model: str) -> Stage:
        if self._stage is None or self._stage.name != model:
            self._stage = None  # freed before the next is made
            self._stage = Stage(model, self.config)
        return self._stage

    def _assume(self, name: str, model: str) -> float:
        """Seconds of a unit on a GPU by its FLOPs; moving weights is assumed to cost nothing."""
        if name in ("sum", "update"):
            return 0.0
        if name == "prompt":
            return _gpu_seconds(self.sizes[model].prompt_gflop)
        if name == "kernel pair":
            return _gpu_seconds(2e-9 * self.sizes[model].parameters)
        of_pass = _gpu_seconds(resources.gflop_of(model, self.config["custom_models"]))
        crop = self[("crop", "")] if name.endswith(" step") else 0.0
        return of_pass * passes(name) + crop


def _gpu_seconds(gflop: float) -> float:
    return gflop / resources.GPU_GFLOP_PER_SECOND


def _start_network(*arguments: str) -> float:
    """The fastest of three starts; a slow one is made once."""
    first = _start(*arguments)
    return first if first > LONG else min(first, _start(*arguments), _start(*arguments))


def _start(*arguments: str) -> float:
    """Seconds until a job's own work begins, in a process of its own."""
    command = [sys.executable, "-c", _START, str(Path(__file__).parents[2]), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        silent = f"its process ended with status {done.returncode} and said nothing"
        sentences = done.stderr.strip().splitlines() or [silent]
        raise ValueError(f"A job cannot start here: {sentences[-1]}")
    return float(done.stdout.split()[-1])


def _dot(parameters: int) -> float:
    import torch

    from tangent_bench.tangent.vectors import dot

    some = min(parameters, 10**7)
    vector = {"": torch.ones(some)}
    return seconds_of(lambda: dot(vector, vector)) * parameters / some


def _crop() -> float:
    """Of one image of 224 pixels."""
    from tangent_bench.finetuning.loop import augment

    images = to_crop(8, 224)
    return seconds_of(lambda: augment(images, 224, 0.9, 0)) / len(images)


def _logit() -> float:
    from tangent_bench.measuring.evaluation import TangentEvaluator

    features_ND = np.ones((500, 64), np.float32)
    head_KD = np.ones((20, 64), np.float32)
    num_vectors = 8
    num_points = 20
    points = [dict.fromkeys(map(str, range(num_vectors)), 0.5)] * num_points
    evaluator = TangentEvaluator(
        lambda task, split: features_ND,
        lambda source, task, split: features_ND,
        lambda task: head_KD,
    )
    seconds = seconds_of(lambda: evaluator.predict("", "", points))
    return seconds / (num_vectors * num_points * len(features_ND) * len(head_KD))


def _flop() -> float:
    left = np.ones((1000, 1000), np.float32)
    right = np.ones((1000, 100), np.float32)
    return seconds_of(lambda: left @ right) / (2 * 1000 * 1000 * 100)


def _basis() -> float:
    square = np.random.default_rng(0).standard_normal((200, 200))
    return seconds_of(lambda: np.linalg.qr(square)) / 200**3


def _wide_step() -> float:
    from tangent_bench.tangent import wide_network as network

    rng = np.random.default_rng(0)
    width = 1024
    num_points = 32
    steps = 3
    weights = network.initialise(64, width, 2, rng)
    inputs = rng.standard_normal((num_points, 64))
    seconds = seconds_of(lambda: network.train(weights, inputs, inputs[:, 0], 1e-3, steps))
    return seconds / (steps * num_points * width**2)


def _draw() -> float:
    from tangent_bench.measuring.resampling import weights

    return seconds_of(lambda: weights(np.arange(1000), 100, "plan")) / (101 * 1000)


def _byte() -> float:
    """Takes the digest of content when it is loaded or saved, and of the file for the record."""
    block = bytes(2**24)
    return 2 * seconds_of(lambda: hashlib.sha256(block).digest()) / len(block)


def _tile() -> float:
    from tangent_bench.figures._contact_sheet import EXAMPLES, sheet

    num_classes = 16
    num_images = num_classes * EXAMPLES
    gradient = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3)
    images = np.minimum(gradient + noise(num_images, 32, 32) / 8, 255).astype(np.uint8)
    labels = np.arange(num_images) % num_classes
    names = [f"class {k}" for k in range(num_classes)]

    def call() -> None:
        sheet(images, labels, names, "").save(io.BytesIO(), format="PNG", optimize=True)

    return seconds_of(call) / num_classes


def _decode(width: int, height: int, side: int, form: str) -> float:
    """Decode an image, cut its square, and take the digest of its pixels."""
    from PIL import Image

    from tangent_bench.images.decoding import decode
    from tangent_bench.images.stored import square

    gradient = np.linspace(0, 200, height * width * 3).reshape(height, width, 3)
    file = io.BytesIO()
    pixels = (gradient + noise(height, width) / 8).astype(np.uint8)
    Image.fromarray(pixels).save(file, format=form)

    def call() -> None:
        image = decode(file.getvalue(), "an image", turn=False)
        hashlib.sha256(np.asarray(image).data).digest()
        square(image, side)

    return seconds_of(call)


# Units that belong to no model.
PLAIN: dict[str, Callable[[], float]] = {
    "start": lambda: min(_start() for _ in range(3)),
    "crop": _crop,
    "logit": _logit,
    "flop": _flop,
    "basis": _basis,
    "wide step": _wide_step,
    "draw": _draw,
    "byte": _byte,
    "tile": _tile,
    "decode": partial(_decode, 500, 375, 224, "JPEG"),
    "decode native": partial(_decode, 32, 32, 32, "PNG"),
}
