"""A GPU against the CPU of the same machine: values, products, kernels, training, merging. Run
where there is one.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench import merging, models, registry
from tangent_bench.finetuning import distillation
from tangent_bench.finetuning.loop import Source
from tangent_bench.finetuning.modes import fit
from tangent_bench.finetuning.pretraining import Pretraining, PretrainingRecipe
from tangent_bench.finetuning.saving import Saving
from tangent_bench.finetuning.step import Recipe
from tangent_bench.images.inputs import Batches, Pixels
from tangent_bench.measuring.evaluation import NetworkEvaluator
from tangent_bench.methods import Data
from tangent_bench.models._tower import image_tower
from tangent_bench.tangent import features, kernel, linearize, vision
from tangent_bench.tangent.linearize import parameters
from tangent_bench.tangent.vectors import subtract
from tests import small, test_pretraining
from tests.training.test_contract import SETTINGS

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
TIGHT = {"rtol": 1e-9, "atol": 1e-10}
TRAININGS = registry.names("training")
TASKS = ("one", "two", "three")
RECIPE = {
    "steps": 4,
    "batch_size": 6,
    "learning_rate": 0.01,
    "weight_decay": 0.1,
    "clip_norm": 1.0,
    "warmup_steps": 1,
}


@pytest.fixture(scope="module")
def sides(clip_folder):
    """The same tower on the CPU and on the GPU, float64, with θ0 of each."""
    found = {}
    for device in ("cpu", "cuda"):
        network = small.vit(clip_folder).to(device)
        found[device] = network, parameters(network)
    return found


def on(device, tensors):
    return {key: value.to(device) for key, value in tensors.items()}


def both(sides, call):
    """What a function of (network, θ0, τ, images) gives on either side."""
    found = []
    for device, (network, theta0) in sides.items():
        tau = on(device, small.direction(sides["cpu"][1], "gpu"))
        found.append(call(network, theta0, tau, small.images(6, 3, 32, 32).to(device)))
    return found


def gap(a, b) -> float:
    """‖a − b‖ / ‖b‖ of vectors by name."""
    square = sum(float((a[k].cpu() - b[k].cpu()).square().sum()) for k in b)
    return (square / sum(float(b[k].cpu().square().sum()) for k in b)) ** 0.5


CALLS = {
    "encode": lambda n, theta0, tau, x: linearize.encode(n, theta0, x),
    "written out": lambda n, theta0, tau, x: vision.encode(n, theta0, x),
    "linearized": lambda n, theta0, tau, x: linearize.encode_linearized(n, theta0, tau, x),
    "product": lambda n, theta0, tau, x: linearize.product(n, theta0, tau, x)[1],
    "product, written out": lambda n, theta0, tau, x: vision.linearize(n, theta0, x)[1](tau),
    "changes": lambda n, theta0, tau, x: features._changes(
        n, theta0, [tau, {k: -2 * v for k, v in tau.items()}], x
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_values_and_products(sides, call):
    cpu, gpu = both(sides, call)
    assert gpu.device.type == "cuda"
    torch.testing.assert_close(gpu.cpu(), cpu, **TIGHT)


@pytest.mark.parametrize("readout", [None, small.normal("gpu readout", shape=(3, 6))])
def test_kernels(sides, readout):
    cpu, gpu = both(
        sides, lambda n, theta0, tau, x: kernel.empirical(n, theta0, x, readout, x[:2] * 1.5)
    )
    np.testing.assert_allclose(gpu, cpu, rtol=1e-9)


def test_float32_is_float32():
    """TensorFloat-32, with which PyTorch convolves on a GPU unless told otherwise, is a thousand
    times coarser.
    """
    moved = {}
    pixels = small.pixels(16, 32, "float32")
    for device in ("cpu", "cuda"):
        tower = image_tower(models.find("tiny"), "pretrained", 0, device)
        moved[device] = linearize.encode(
            tower.module, tower.theta0, tower.prepare(pixels).tensor()
        ).cpu()
    error = (moved["cuda"] - moved["cpu"]).norm() / moved["cpu"].norm()
    assert error < 2e-6


def trained(name, network, saving=None, dtype=torch.float64, **changed):
    """θ0, θ* and the losses of a few steps of a mode."""
    labels = np.arange(18, dtype=np.int64) % 3
    source = Source(
        "t",
        small.pixels(18, 32, "training"),
        labels,
        5 * small.normal("head", shape=(3, 6)).to(dtype),
    )
    others = {other: small.pixels(11, 32, other) for other in ("u", "v")}
    recipe = Recipe(**RECIPE | changed)
    theta0 = parameters(network)
    found, losses = fit(
        name,
        network,
        theta0,
        [source],
        recipe,
        0,
        lambda x: x.to(dtype) * 2 - 1,
        32,
        settings=SETTINGS.get(name),
        others=others,
        saving=saving,
    )
    return theta0, found, losses


@pytest.mark.parametrize("name", TRAININGS)
def test_training(sides, name):
    (start, cpu, losses), (_, gpu, same) = (trained(name, network) for network, _ in sides.values())
    assert all(value.device.type == "cuda" for value in gpu.values())
    assert same == pytest.approx(losses, rel=1e-7)
    assert gap(subtract(on("cpu", gpu), start), subtract(cpu, start)) < 1e-5


@pytest.mark.parametrize("name", ["standard", "linear"])
def test_the_same_training_again_has_the_same_bits(sides, name):
    (_, once, _), (_, again, _) = (trained(name, sides["cuda"][0]) for _ in range(2))
    assert all(once[key].equal(again[key]) for key in once)


@pytest.mark.parametrize("name", ["standard", "linear"])
def test_training_in_pieces(sides, name):
    network, _ = sides["cuda"]
    (start, plain, _) = trained(name, network)
    (_, found, _) = trained(name, network, micro_batch_size=3)
    assert gap(subtract(found, start), subtract(plain, start)) < 1e-6


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ["standard", "linear", "tau_jp"])
def test_reduced_precision_is_near(clip_folder, name, precision):
    network = small.vit(clip_folder, torch.float32).to("cuda")
    start, plain, losses = trained(name, network, dtype=torch.float32)
    _, found, near = trained(name, network, dtype=torch.float32, precision=precision)
    assert (
        near != losses and near[0] == pytest.approx(losses[0], rel=0.01) and np.isfinite(near).all()
    )
    if (
        precision == "bfloat16"
    ):  # in float16 the first steps are skipped, until their gradients' scale fits
        assert gap(subtract(found, start), subtract(plain, start)) < 0.3
    assert all(value.dtype == torch.float32 for value in found.values())


@pytest.mark.parametrize("name", ["standard", "linear"])
def test_checkpointed_activations(sides, name):
    network, _ = sides["cuda"]
    start, plain, _ = trained(name, network)
    network.set_grad_checkpointing(True)
    try:
        _, found, _ = trained(name, network)
    finally:
        network.set_grad_checkpointing(False)
    assert gap(subtract(found, start), subtract(plain, start)) < 1e-9


@pytest.mark.parametrize("name", ["standard", "linear"])
def test_training_that_was_cut_off_goes_on(sides, name, tmp_path, monkeypatch):
    network, _ = sides["cuda"]
    _, whole, losses = trained(name, network)
    saving = Saving(tmp_path / "state.safetensors", {"run": 1}, every=0.0)
    keep = Saving.keep

    def cut(self, run):
        keep(self, run)
        if len(run.losses) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Saving, "keep", cut)
        trained(name, network, saving)
    _, found, same = trained(name, network, saving)
    assert same == losses and all(found[key].equal(whole[key]) for key in whole)


def test_a_pretraining_goes_on_where_a_cpu_left_it_and_back(clip_folder, tmp_path, monkeypatch):
    small.text_tower(clip_folder, tmp_path / "text")
    monkeypatch.setattr(distillation, "FILE", tmp_path / "text")

    def begun(device):
        model = small.clip_model(clip_folder)
        return Pretraining(test_pretraining.MICRO, model, test_pretraining.fetch, device)

    whole = begun("cpu")
    for step in range(4):
        whole.advance()
        if step == 0:
            whole.save(tmp_path / "state")
    for device in ("cuda", "cuda", "cpu"):
        trainer = begun(device)
        trainer.resume(tmp_path / "state")
        trainer.advance()
        trainer.save(tmp_path / "state")
    assert trainer.losses == pytest.approx(whole.losses, rel=1e-3)
    ours = dict(trainer.network.named_parameters())
    assert gap(ours, dict(whole.network.named_parameters())) < 1e-3


@pytest.mark.alone
def test_base_is_pretrained_within_ten_minutes():
    """But for its pictures, which the CPUs draw: by the pace of twenty steps."""
    recipe = PretrainingRecipe.from_config(test_pretraining.CONFIG)
    images = small.pixels(512, 32, "base")
    texts = np.random.default_rng(0).normal(size=(512, 3, 256)).astype(np.float16)
    trainer = Pretraining(
        recipe, models.find("base"), lambda rows: (images[rows % 512], texts[rows % 512]), "cuda"
    )
    for _ in range(5):
        trainer.advance()
    before = trainer.seconds
    for _ in range(20):
        trainer.advance()
    assert np.isfinite(trainer.losses).all()
    assert (trainer.seconds - before) / 20 * recipe.steps < 600


def test_predictions(clip_folder):
    """Of the network at θ0 + c τ, float32: as on the CPU."""
    pixels = small.pixels(64, 32, "predicted")
    head = small.normal("predicted head", shape=(7, 6)).float()
    chosen = []
    for device in ("cpu", "cuda"):
        network = small.vit(clip_folder, torch.float32).to(device)
        theta0 = parameters(network)
        tau = on(device, small.direction(on("cpu", theta0), "predicted", size=0.2))
        evaluator = NetworkEvaluator(
            lambda theta, x, n=network: linearize.encode(n, theta, x),
            theta0,
            {"t": tau},
            lambda task: head,
            lambda task, split, d=device: Batches(pixels, Pixels(32, (0.5,) * 3, (0.25,) * 3), d),
            20,
            lambda theta, x, n=network: vision.encode(n, theta, x),
        )
        chosen.append(evaluator.predict("t", "test", [{}, {"t": 0.5}, {"t": 1.0}]))
    assert len(np.unique(chosen[0])) > 2
    np.testing.assert_array_equal(*chosen)


@pytest.mark.parametrize("name", registry.names("methods"))
def test_merging(sides, name):
    """Vectors lie on the CPU, what a method looks at on the GPU, as in a job."""
    theta0 = sides["cpu"][1]
    if not hasattr(merging.module(name), "prepare"):
        name += "+task_arithmetic"
    merger = merging.find(name)
    values = {key: p.quick for key, p in merger.method.parameters.items() if p.quick is not None}
    merger = merging.find(name, values)
    vectors = {task: small.direction(theta0, task) for task in TASKS}
    found = []
    for device, (network, _) in sides.items():
        data = Data(
            network,
            {task: small.normal("merging head", task, shape=(4, 6)).to(device) for task in TASKS},
            lambda task, number, d=device: small.normal("merging", task, shape=(20, 3, 32, 32))[
                :number
            ].to(d),
            lambda task, number, d=device: (torch.arange(20) % 4)[:number].to(d),
        )
        found.append(merger.prepare(vectors, theta0, 0, data))
    assert all(value.device.type == "cpu" for value in found[1].values())
    assert gap(found[1], found[0]) < 1e-6
