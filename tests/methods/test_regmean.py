"""RegMean against a regression that NumPy solves, and which inputs its Gram matrices see."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from tangent_bench import merging
from tangent_bench.methods import Data, _grams, _passes
from tangent_bench.tangent import linearize
from tests import small

TASKS = ("one", "two", "three")
SIDE = (3, 2, 2)  # 12 inputs of `small.Straight` and `small.Curved`


def images(task: str, number: int) -> torch.Tensor:
    return 0.7 * small.normal("regmean", task, shape=(40, *SIDE))[:number] + 0.3 * len(task)


def merge(network: nn.Module, vectors: dict, seen=images, **values) -> dict:
    data = Data(network, {}, seen)
    return merging.find("regmean", values).prepare(
        vectors, linearize.parameters(network), data=data
    )


def moved(network: nn.Module, tasks=TASKS) -> dict:
    theta0 = linearize.parameters(network)
    return {task: small.direction(theta0, task, size=0.5) for task in tasks}


def test_it_is_the_regression_of_all_outputs_on_all_inputs():
    """min Σ_t ‖X_t W − X_t W_t‖² as one least-squares problem, with all tasks' inputs stacked."""
    network = small.Straight()
    weight = network.only.weight.numpy()
    vectors = moved(network)
    inputs = {task: images(task, 40).flatten(1).numpy() for task in TASKS}
    outputs = [inputs[task] @ (weight + vectors[task]["only.weight"].numpy()).T for task in TASKS]
    expected = np.linalg.lstsq(np.vstack(list(inputs.values())), np.vstack(outputs), rcond=None)[
        0
    ].T
    found = merge(network, vectors, off_diagonal=1.0, ridge=1e-12)
    np.testing.assert_allclose(
        weight + found["only.weight"].numpy(), expected, rtol=1e-8, atol=1e-8
    )
    average = sum(vector["only.bias"] for vector in vectors.values()) / 3
    torch.testing.assert_close(found["only.bias"], average, rtol=1e-12, atol=0)


def test_off_diagonals_are_scaled():
    network = small.Straight()
    vectors = moved(small.Straight())
    left = np.zeros((12, 12))
    right = np.zeros((12, 5))
    for task in TASKS:
        x = images(task, 25).flatten(1).numpy()
        gram = x.T @ x * (0.6 + 0.4 * np.eye(12))
        left = left + gram
        right = right + gram @ vectors[task]["only.weight"].numpy().T
    found = merge(network, vectors, off_diagonal=0.6, images=25, ridge=1e-12)
    np.testing.assert_allclose(
        found["only.weight"].numpy(), np.linalg.solve(left, right).T, rtol=1e-8
    )


def test_a_task_with_fewer_images_counts_as_much():
    network = small.Straight()
    vectors = moved(small.Straight())
    plain = merge(network, vectors)
    repeated = merge(
        network, vectors, lambda t, n: images(t, n).repeat(1 + 2 * (t == "two"), 1, 1, 1)[:n]
    )
    torch.testing.assert_close(plain["only.weight"], repeated["only.weight"], rtol=1e-9, atol=1e-12)


def test_equal_inputs_give_the_average():
    network = small.Straight()
    vectors = moved(small.Straight())
    found = merge(network, vectors, lambda task, number: images("all", number))
    for name in found:
        average = sum(vector[name] for vector in vectors.values()) / 3
        torch.testing.assert_close(found[name], average, rtol=1e-9, atol=1e-12)


def test_one_task_returns_its_checkpoint(clip_folder):
    network = small.vit(clip_folder)
    vectors = moved(network, ("one",))
    found = merge(network, vectors, lambda task, number: small.images(3, 3, 32, 32))
    assert all(torch.equal(found[name], value) for name, value in vectors["one"].items())


def test_directions_that_no_input_takes_are_averaged():
    """The first input is 0 in every image, and there are fewer images than inputs."""
    network = small.Straight()
    vectors = moved(small.Straight())
    few = {
        task: torch.cat([torch.zeros(4, 1), images(task, 4).flatten(1)[:, 1:]], 1).reshape(4, *SIDE)
        for task in TASKS
    }
    found = merge(network, vectors, lambda task, number: few[task][:1], off_diagonal=1.0)[
        "only.weight"
    ]
    average = sum(vector["only.weight"] for vector in vectors.values()) / 3
    torch.testing.assert_close(found[:, 0], average[:, 0])
    space = torch.linalg.qr(torch.stack([few[task][0].flatten() for task in TASKS]).T)[0]
    away = torch.eye(12, dtype=torch.float64) - space @ space.T
    size = torch.stack([few[task][0].flatten() for task in TASKS]).square().sum(0).sqrt()
    size[0] = 1.0
    assert float((found - average).abs().max()) > 0.05
    # the pull is Euclidean in scaled units: the difference lies in D⁻² times the inputs' span
    torch.testing.assert_close(
        ((found - average) * size**2) @ away,
        torch.zeros(5, 12, dtype=torch.float64),
        atol=1e-4,
        rtol=0,
    )


def test_a_singular_sum_is_one_sentence():
    network = small.Straight().float()
    vectors = moved(network)
    few = {t: 100 * small.images(1, *SIDE, dtype=torch.float32).repeat(40, 1, 1, 1) for t in TASKS}
    with pytest.raises(
        ValueError, match=r"'only.weight' is singular up to rounding at ridge 1e-12; lower"
    ):
        merge(network, vectors, lambda task, number: few[task], off_diagonal=1.0, ridge=1e-12)


def _remember(seen: dict, name: str, module: nn.Module, args: tuple, kwargs: dict) -> None:
    """A forward hook that keeps the first input under a name."""
    seen[name] = (args or tuple(kwargs.values()))[0]


def hooked(network: nn.Module, theta: dict, images_BCHW: torch.Tensor) -> dict[str, torch.Tensor]:
    """Inputs of layers as forward hooks see them, where modules are called."""
    seen = {}
    handles = []
    for name, module in network.named_modules():
        keys = {
            "mlp.c_fc": "weight",
            "mlp.c_proj": "weight",
            "attn": "in_proj_weight",
            "first": "weight",
            "second": "weight",
        }
        key = next((k for end, k in keys.items() if name.endswith(end)), None)
        if key:
            hook = partial(_remember, seen, f"{name}.{key}")
            handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))
    linearize.encode(network, theta, images_BCHW)
    for handle in handles:
        handle.remove()
    return seen


def test_inputs_are_those_of_the_layers(case):
    theta = small.moved(case.theta0, case.tau)
    found = _grams.grams(case.network, theta, case.images)
    seen = hooked(case.network, theta, case.images)
    assert len(seen) == (2 if isinstance(case.network, small.Curved) else 6)
    for name, inputs in seen.items():
        rows = inputs.flatten(0, -2)
        torch.testing.assert_close(
            found[name].matrix, rows.T @ rows / len(case.images), rtol=1e-9, atol=1e-9
        )
        assert found[name].side == 1


def test_inputs_that_no_module_shows(clip_folder, monkeypatch):
    """out_proj takes the mixed values, which solving W_o y + b recovers; `proj` the last layer
    norm.
    """
    network = small.vit(clip_folder)
    pictures = small.images(40, 3, 32, 32)
    theta = linearize.parameters(network)
    outputs = {}
    for number, block in enumerate(network.transformer.resblocks):
        block.attn.register_forward_hook(
            lambda m, args, out, number=number: outputs.__setitem__(number, out[0])
        )
    network.ln_post.register_forward_hook(lambda m, args, out: outputs.__setitem__("last", out))
    found = _grams.grams(network, theta, pictures[:30])
    linearize.encode(network, theta, pictures[:30])
    for number in (0, 1):
        weight, bias = (
            theta[f"transformer.resblocks.{number}.attn.out_proj.{k}"] for k in ("weight", "bias")
        )
        mixed = torch.linalg.solve(weight, (outputs[number].flatten(0, 1) - bias).T).T
        gram = found[f"transformer.resblocks.{number}.attn.out_proj.weight"]
        torch.testing.assert_close(gram.matrix, mixed.T @ mixed / 30, rtol=1e-6, atol=1e-9)
        assert gram.side == 1
    last = outputs["last"][:, 0] if outputs["last"].ndim == 3 else outputs["last"]
    assert found["proj"].side == 0
    torch.testing.assert_close(found["proj"].matrix, last.T @ last / 30, rtol=1e-9, atol=1e-12)


def test_matrices_of_an_image_tower(clip_folder):
    network = small.vit(clip_folder)
    found = _grams.grams(network, linearize.parameters(network), small.images(2, 3, 32, 32))
    names = ("attn.in_proj_weight", "attn.out_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
    assert set(found) == {f"transformer.resblocks.{k}.{name}" for k in (0, 1) for name in names} | {
        "proj"
    }


def test_batches_do_not_matter(clip_folder, monkeypatch):
    network = small.vit(clip_folder)
    pictures = small.images(7, 3, 32, 32)
    whole = _grams.grams(network, linearize.parameters(network), pictures)
    monkeypatch.setattr(_grams, "BATCH", 3)
    parts = _grams.grams(network, linearize.parameters(network), pictures)
    for name in whole:
        torch.testing.assert_close(whole[name].matrix, parts[name].matrix, rtol=1e-9, atol=1e-12)


def test_inputs_are_taken_at_each_task_s_own_weights():
    """In a network of two layers, the second layer's inputs depend on the task's first layer."""
    network = small.Curved()
    vectors = moved(small.Curved())
    theta0 = linearize.parameters(network)
    left = np.zeros((7, 7))
    right = np.zeros((7, 5))
    for task, vector in vectors.items():
        first, bias = (theta0[f"first.{k}"] + vector[f"first.{k}"] for k in ("weight", "bias"))
        x = np.tanh(images(task, 40).flatten(1).numpy() @ first.numpy().T + bias.numpy())
        left = left + x.T @ x
        right = right + x.T @ x @ vector["second.weight"].numpy().T
    found = merge(network, vectors, off_diagonal=1.0, ridge=1e-12)["second.weight"].numpy()
    np.testing.assert_allclose(found, np.linalg.solve(left, right).T, rtol=1e-7)


class Odd(nn.Module):
    """A matrix used from the left, in parts or by look-up is not seen; one used twice is."""

    def __init__(self) -> None:
        super().__init__()
        shapes = {"left": (12, 12), "parts": (6, 12), "table": (4, 12), "twice": (12, 12)}
        for name, shape in shapes.items():
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))
        small.fill(self, "odd")

    def forward(self, images_BCHW):
        x = images_BCHW.flatten(1) + self.table[2]
        x = (self.left @ x.T).T
        x = torch.cat([nn.functional.linear(x, part) for part in self.parts.chunk(2)] * 2, 1)
        return torch.tanh(x @ self.twice) @ self.twice


def test_what_is_not_seen_is_averaged():
    network = Odd()
    vectors = moved(Odd())
    theta = linearize.parameters(network)
    assert set(_grams.grams(network, theta, images("one", 4))) == {"twice"}
    found = merge(network, vectors)
    for name in ("left", "parts", "table"):
        torch.testing.assert_close(
            found[name], sum(v[name] for v in vectors.values()) / 3, rtol=1e-12, atol=0
        )


def test_weights_of_a_task_are_tensors_of_their_own():
    network = small.Straight()
    vectors = moved(small.Straight(), ("one",))
    theta0 = linearize.parameters(network)
    theta = _passes.fine_tuned(
        merging.Context(theta0, data=Data(network, {}, images)), vectors["one"]
    )
    assert all(torch.equal(theta[k], theta0[k] + vectors["one"][k]) for k in theta0)
    assert len({value.untyped_storage().data_ptr() for value in theta.values()}) == len(theta)
