"""Seconds of a unit of work (`work`) on this machine: measured with the model itself, its weights random, on one core
or on the GPU that the config asks for.

Where it asks for a GPU and there is none, a pass of an image is taken to last the model's FLOPs at
`resources.GPU_GFLOP_PER_SECOND`, and other work as many passes as it comes to; a text as its own FLOPs. Crops, digests
and starts are measured all the same: they are the processor's.
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
from tangent_bench.planning.work import PASSES, Unit

OTHER_PASSES = 5.0  # of a training step of a mode that is not known here

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
        self.config, self.sizes, self.assumed = config, sizes, gpu_is_missing(config)
        self._stage: Stage | None = None

    def __missing__(self, unit: Unit) -> float:
        name, model = unit
        if name == "start network":
            arguments = [model, json.dumps(self.config["custom_models"])]
            first = _start(*arguments)
            self[unit] = (
                first if first > LONG else min(first, _start(*arguments), _start(*arguments))
            )
        elif name == "prompt" and not self.assumed:
            self[unit] = self.sizes[model].prompt_seconds
        elif name == "dot":
            self[unit] = _dot(self.sizes[model].parameters)
        elif model:
            self[unit] = (
                self._assume(name, model) if self.assumed else self._of(model).measure(name)
            )
        else:
            self[unit] = PLAIN[name]()
        return self[unit]

    def _of(self, model: str) -> Stage:
        if self._stage is None or self._stage.name != model:
            self._stage = None  # freed before the next is made
            self._stage = Stage(model, self.config)
        return self._stage

    def _assume(self, name: str, model: str) -> float:
        """Seconds of a unit on a GPU by its FLOPs; what only moves weights about is taken to cost nothing."""
        one = (
            resources.gflop_of(model, self.config["custom_models"]) / resources.GPU_GFLOP_PER_SECOND
        )
        if name in ("sum", "update"):
            return 0.0
        if name == "prompt":
            return self.sizes[model].prompt_gflop / resources.GPU_GFLOP_PER_SECOND
        if name == "kernel pair":
            return 2e-9 * self.sizes[model].parameters / resources.GPU_GFLOP_PER_SECOND
        crop = self[("crop", "")] if name.endswith(" step") else 0.0
        return one * PASSES.get(name, OTHER_PASSES) + crop


def _start(*arguments: str) -> float:
    """Seconds until a job's own work begins, in a process of its own."""
    command = [sys.executable, "-c", _START, str(Path(__file__).parents[2]), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [
            f"its process ended with status {done.returncode} and said nothing"
        ]
        raise ValueError(f"A job cannot start here: {said[-1]}")
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

    features, head, num, points = (
        np.ones((500, 64), np.float32),
        np.ones((20, 64), np.float32),
        8,
        20,
    )
    evaluator = TangentEvaluator(lambda *_: features, lambda *_: features, lambda _: head)
    asked = [dict.fromkeys(map(str, range(num)), 0.5)] * points
    return seconds_of(lambda: evaluator.predict("", "", asked)) / (num * points * 500 * 20)


def _flop() -> float:
    left, right = np.ones((1000, 1000), np.float32), np.ones((1000, 100), np.float32)
    return seconds_of(lambda: left @ right) / (2 * 1000 * 1000 * 100)


def _basis() -> float:
    square = np.random.default_rng(0).standard_normal((200, 200))
    return seconds_of(lambda: np.linalg.qr(square)) / 200**3


def _wide_step() -> float:
    from tangent_bench.tangent import wide_network as network

    rng, width, points, steps = np.random.default_rng(0), 1024, 32, 3
    weights, inputs = network.initialise(64, width, 2, rng), rng.standard_normal((points, 64))
    return seconds_of(lambda: network.train(weights, inputs, inputs[:, 0], 1e-3, steps)) / (
        steps * points * width**2
    )


def _draw() -> float:
    from tangent_bench.measuring.resampling import weights

    return seconds_of(lambda: weights(np.arange(1000), 100, "plan")) / (101 * 1000)


def _byte() -> float:
    """Digest of its content when it is loaded or saved, and of its file for the record."""
    block = bytes(2**24)
    return 2 * seconds_of(lambda: hashlib.sha256(block).digest()) / len(block)


def _tile() -> float:
    from tangent_bench.figures._contact_sheet import EXAMPLES, sheet

    num = 16
    smooth = np.linspace(0, 255, 32 * 32 * 3).reshape(32, 32, 3) + noise(num * EXAMPLES, 32, 32) / 8
    labels = np.arange(num * EXAMPLES) % num
    picture = [f"class {k}" for k in range(num)]
    call = lambda: sheet(np.uint8(np.minimum(smooth, 255)), labels, picture, "").save(  # noqa: E731
        io.BytesIO(), format="PNG", optimize=True
    )
    return seconds_of(call) / num


def _decode(width: int, height: int, side: int, form: str) -> float:
    """Decode an image, cut its square, and take the digest of its pixels."""
    from PIL import Image

    from tangent_bench.images.stored import decode, square

    gradient = np.linspace(0, 200, height * width * 3).reshape(height, width, 3)
    file = io.BytesIO()
    Image.fromarray(np.uint8(gradient + noise(height, width) / 8)).save(file, format=form)

    def call() -> None:
        image = decode(file.getvalue(), "an image", turn=False)
        hashlib.sha256(np.asarray(image)).digest()
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
