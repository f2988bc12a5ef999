"""Where tensors lie, without a GPU: on PyTorch's "meta" device they hold no data and cannot meet
those of a CPU.
"""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from open_clip.transformer import VisionTransformer

from tangent_bench import models, registry
from tangent_bench.finetuning.step import Finetuning, Part, Recipe, _loss, pieces
from tangent_bench.images.pictures import prepare_images
from tangent_bench.jobs import devices
from tangent_bench.tangent import features, heads, kernel, linearize, vision

ELSEWHERE = torch.device("meta")


@pytest.fixture
def pretended():
    """Network, θ0, a vector and images on a device that is not the CPU."""
    network = (
        VisionTransformer(12, 4, 24, 2, 3, 2.0, output_dim=10)
        .eval()
        .requires_grad_(False)
        .to("meta")
    )
    theta0 = linearize.parameters(network)
    return (
        network,
        theta0,
        {k: v.clone() for k, v in theta0.items()},
        torch.empty(4, 3, 12, 12, device="meta"),
    )


def test_the_pretence_can_fail(pretended):
    with pytest.raises(RuntimeError, match="device"):
        linearize.encode(pretended[0], pretended[1], torch.empty(4, 3, 12, 12))


def test_passes_and_products_stay_on_the_device(pretended):
    network, theta0, tau, images = pretended
    for found in (
        linearize.encode(network, theta0, images),
        vision.encode(network, theta0, images),
        vision.product(network, theta0, tau, images),
        *linearize.product(network, theta0, tau, images),
        linearize.encode_linearized(network, theta0, tau, images),
        features._changes(network, theta0, [tau], images),
    ):
        assert found.device == ELSEWHERE


@pytest.mark.parametrize("training", ["standard", "linear"])
@pytest.mark.parametrize("again", [False, True])
def test_a_step_of_training_stays_on_the_device(pretended, training, again):
    network, theta0, _, images = pretended
    network.set_grad_checkpointing(again)
    run = Finetuning(
        theta0, Recipe(3, 4, 1e-3, 0.1, 1.0, 1, precision="float32", micro_batch_size=2)
    )
    parts = [
        Part(
            images,
            torch.zeros(4, dtype=torch.long, device="meta"),
            torch.empty(3, 10, device="meta"),
        )
    ]
    encoder = registry.load("training", training).encoder(network, theta0)
    for piece in pieces(parts, run.recipe):
        loss = _loss(encoder, run.theta, piece)
        loss.backward()
    assert loss.device == ELSEWHERE and all(
        value.grad.device == ELSEWHERE for value in run.theta.values()
    )
    assert all(value.grad.dtype == torch.float32 for value in run.theta.values())


def test_kernels_stay_on_the_device(pretended):
    network, theta0, _, images = pretended
    readout = kernel._readout(network, theta0, images, torch.empty(2, 10, dtype=torch.float64))
    assert readout.device == ELSEWHERE
    assert kernel._plain(network, theta0, images, readout, None, 2).device == ELSEWHERE


def test_heads_stay_on_the_device(monkeypatch):
    monkeypatch.setattr(heads, "_require_distinct", lambda *_: None)  # values are none there
    tiny = models.find("tiny")
    head = heads.build(
        models.create(tiny, "random").to("meta"), models.tokenizer(tiny), ["cat", "owl"], ["a {}"]
    )
    assert head.device == ELSEWHERE and head.shape == (2, 256)


def test_images_and_evaluation(pretended):
    images = prepare_images(np.zeros((2, 9, 8, 3), np.uint8), 12, (0.5,) * 3, (0.2,) * 3, "meta")
    assert images.device == ELSEWHERE and images.shape == (2, 3, 12, 12)


def test_a_gpu_that_is_not_there_is_one_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(
        ValueError, match="`device: cuda`, but PyTorch finds no GPU here; set `device: cpu`"
    ):
        devices.require("cuda")
    devices.require("cpu")


HOLDS = """
import sys, pathlib
from tangent_bench.jobs import devices
print(devices.choose(["a", "b"], pathlib.Path(sys.argv[1])), flush=True)
input()
"""


@pytest.fixture
def held(monkeypatch):
    files = []
    monkeypatch.setattr(devices, "_held", files)
    yield files
    for file in files:
        file.close()


def test_jobs_take_a_gpu_each_and_give_it_back_when_they_end(tmp_path, held):
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "0\n"
        assert devices.choose(["a", "b"], tmp_path) == 1
        assert devices.choose(["a", "b"], tmp_path) in (0, 1), "more jobs than GPUs share them"
        assert devices.choose(["c"], tmp_path) == 0, "another name, another GPU"
        other.kill()
    assert devices.choose(["a", "b"], tmp_path) == 0


def test_float32_is_float32_on_a_gpu(monkeypatch, tmp_path, held):
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    chosen = []
    for name, value in (
        ("is_available", lambda: True),
        ("device_count", lambda: 1),
        ("set_device", chosen.append),
        ("get_device_properties", lambda k: SimpleNamespace(uuid=f"gpu {k}")),
    ):
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    devices.require("cuda")
    devices.require("cuda")
    assert chosen == [0] and not torch.backends.cudnn.allow_tf32
