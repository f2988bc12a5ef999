"""Spectral methods against references in NumPy, and the laws that their definitions imply."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg

from tangent_bench import merging
from tangent_bench.methods import _spectral, iso_cts, wudi
from tests import small

SHAPES = {
    "transformer.resblocks.0.attn.in_proj_weight": (12, 6),
    "transformer.resblocks.0.mlp.c_fc.weight": (6, 7),
    "proj": (8, 6),
}
OTHERS = {
    "positional_embedding": (5, 6),
    "conv1.weight": (6, 3, 2, 2),
    "ln_pre.weight": (6,),
    "logit": (),
}
THETA0 = {
    name: torch.zeros(shape, dtype=torch.float64) for name, shape in (SHAPES | OTHERS).items()
}
TASKS = ("one", "two", "three")
NAMES = ("tsv_m", "iso_c", "iso_cts", "wudi", "cart")
OF_MATRICES = {"wudi": {"closed_form": True}}  # its descent by Adam: test_wudi.py


def vectors(tasks=TASKS) -> dict:
    return {
        t: {name: small.normal(t, name, shape=value.shape) for name, value in THETA0.items()}
        for t in tasks
    }


def merge(name: str, given: dict, **values) -> dict:
    first = next(iter(given.values()))
    return merging.find(name, OF_MATRICES.get(name, {}) | values).prepare(
        given, {key: torch.zeros_like(v) for key, v in first.items()}
    )


def turned(name: str, array: np.ndarray) -> np.ndarray:
    return array.T if name == "proj" else array


def matrices(given: dict, name: str) -> list[np.ndarray]:
    """[outputs, inputs] of every task."""
    return [turned(name, vector[name].numpy()) for vector in given.values()]


def isometry(array: np.ndarray) -> np.ndarray:
    return linalg.polar(array, side="right" if array.shape[0] >= array.shape[1] else "left")[0]


def tsv_m(taus: list[np.ndarray], fraction: float = 0.0) -> np.ndarray:
    rank = int(min(taus[0].shape) * fraction) if fraction else min(taus[0].shape) // len(taus)
    parts = [np.linalg.svd(tau) for tau in taus]
    left = isometry(np.hstack([u[:, :rank] for u, _, _ in parts]))
    right = isometry(np.vstack([v[:rank] for _, _, v in parts]))
    return np.einsum("ik,k,kj->ij", left, np.hstack([s[:rank] for _, s, _ in parts]), right)


def iso_c(taus: list[np.ndarray]) -> np.ndarray:
    total = np.sum(taus, axis=0)
    return np.linalg.svd(total, compute_uv=False).mean() * isometry(total)


def iso_cts_half(taus: list[np.ndarray]) -> np.ndarray:
    """Six directions, half of them common: three common and one of each of three tasks."""
    u, s, v = np.linalg.svd(np.sum(taus, axis=0), full_matrices=False)
    lefts = [u[:, :3]]
    sigmas = [s[:3]]
    rights = [v[:3]]
    outside = np.eye(len(u)) - u[:, :3] @ u[:, :3].T
    for tau in taus:
        u, s, v = np.linalg.svd(outside @ tau, full_matrices=False)
        lefts = [*lefts, u[:, :1]]
        sigmas = [*sigmas, s[:1]]
        rights = [*rights, v[:1]]
    return np.hstack(sigmas).mean() * isometry(np.hstack(lefts)) @ isometry(np.vstack(rights))


def cart(taus: list[np.ndarray], rank: int, scale: float) -> np.ndarray:
    centre = sum(taus) / len(taus)
    total = np.zeros_like(centre)
    for tau in taus:
        values, basis = np.linalg.eigh((tau - centre) @ (tau - centre).T)
        top = basis[:, np.argsort(values)[-rank:]]
        total += top @ top.T @ (tau - centre)
    return centre + scale * total


REFERENCES = [
    ("tsv_m", {}, tsv_m),
    ("tsv_m", {"fraction": 0.17}, lambda taus: tsv_m(taus, 0.17)),
    ("iso_c", {}, iso_c),
    ("iso_cts", {"common_space_fraction": 0.5}, iso_cts_half),
    ("cart", {"rank": 0.34, "scale": 1.7}, lambda taus: cart(taus, 2, 1.7)),
]


@pytest.mark.parametrize(("name", "given", "reference"), REFERENCES)
def test_matrices_are_those_of_the_definition(name, given, reference):
    direction = merge(name, vectors(), **given)
    for key in SHAPES:
        expected = turned(key, reference(matrices(vectors(), key)))
        np.testing.assert_allclose(direction[key].numpy(), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("key", SHAPES)
@pytest.mark.parametrize("ridge", [1e-8, 0.3])
def test_wudi_is_where_the_objective_is_flat(key, ridge):
    taus = torch.stack(
        [torch.from_numpy(np.ascontiguousarray(m)) for m in matrices(vectors(), key)]
    )

    def objective(x):
        interference = sum(((x - t) @ t.T).square().sum() / t.square().sum() for t in taus)
        return interference + ridge * (x - taus.mean(0)).square().sum()

    found = merge("wudi", vectors(), ridge=ridge)[key]
    x = (found.T if key == "proj" else found).clone().requires_grad_()
    slope, at_sum = (
        torch.autograd.grad(objective(p), p)[0].norm() for p in (x, taus.sum(0).requires_grad_())
    )
    assert slope < 1e-9 and at_sum > 1e-2
    assert objective(x) < objective(x + 0.01 * small.normal("step", shape=x.shape))


def test_wudi_ends():
    stack = small.normal("stack", shape=(3, 4, 5))
    torch.testing.assert_close(wudi.solve(stack, 1e9), stack.mean(0), rtol=1e-6, atol=1e-8)
    apart = torch.zeros(2, 4, 6, dtype=torch.float64)
    apart[0, :, :3] = small.normal("l", shape=(4, 3))
    apart[1, :, 3:] = small.normal("r", shape=(4, 3))
    # tasks of other inputs do not interfere: the sum serves both
    torch.testing.assert_close(wudi.solve(apart, 1e-12), apart.sum(0), rtol=1e-8, atol=1e-8)
    still = torch.stack([stack[0], torch.zeros_like(stack[0])])
    torch.testing.assert_close(
        wudi.solve(still, 1e-12) @ stack[0].T, stack[0] @ stack[0].T, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("name", NAMES)
def test_other_tensors_are_averaged_and_integers_stay(name):
    given = {t: v | {"steps": torch.tensor([3])} for t, v in vectors().items()}
    direction = merge(name, given)
    for key in OTHERS:
        mean = sum(vector[key] for vector in given.values()) / 3
        torch.testing.assert_close(direction[key], mean, rtol=1e-14, atol=1e-15)
    assert direction["steps"].dtype == torch.int64 and direction["steps"].tolist() == [0]
    single = merge(name, {t: {k: x.float() for k, x in v.items()} for t, v in vectors().items()})
    assert all(value.dtype == torch.float32 and value.is_contiguous() for value in single.values())


@pytest.mark.parametrize("name", NAMES)
def test_order_of_tasks_and_length_of_vectors(name):
    direction = merge(name, vectors())
    again = merge(name, vectors(("three", "one", "two")))
    longer = merge(name, {t: {k: 7.0 * x for k, x in v.items()} for t, v in vectors().items()})
    for key in THETA0:
        torch.testing.assert_close(again[key], direction[key], rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(longer[key], 7.0 * direction[key], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
def test_one_task(name):
    direction = merge(name, vectors(("two",)))
    tau = vectors(("two",))["two"]
    for key in SHAPES:
        if name in ("iso_c", "iso_cts"):
            expected = torch.from_numpy(turned(key, iso_c(matrices({"two": tau}, key))).copy())
            assert not torch.allclose(direction[key], tau[key], rtol=1e-3)
        else:
            expected = tau[key]
        torch.testing.assert_close(direction[key], expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_turning_inputs_and_outputs_turns_the_direction(name):
    key = "mlp.c_fc.weight"
    stack = small.normal("stack", shape=(3, 6, 7))
    left = torch.linalg.qr(small.normal("q", shape=(6, 6)))[0]
    right = torch.linalg.qr(small.normal("r", shape=(7, 7)))[0]
    plain = merge(name, {str(t): {key: tau} for t, tau in enumerate(stack)})[key]
    moved = merge(name, {str(t): {key: left @ tau @ right} for t, tau in enumerate(stack)})[key]
    torch.testing.assert_close(moved, left @ plain @ right, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "symmetric"), [*zip(NAMES, (True, True, False, False, True), strict=True)]
)
def test_transposed_matrices(name, symmetric):
    stack = small.normal("stack", shape=(3, 6, 7))
    plain = merge(name, {str(t): {"weight": tau} for t, tau in enumerate(stack)})["weight"]
    turned_over = merge(name, {str(t): {"weight": tau.T} for t, tau in enumerate(stack)})[
        "weight"
    ].T
    assert torch.allclose(plain, turned_over, rtol=1e-7, atol=1e-7) == symmetric
    # `proj` is stored as [inputs, outputs]: the same layer, whatever the method
    stored = merge(name, {str(t): {"proj": tau.T} for t, tau in enumerate(stack)})["proj"].T
    torch.testing.assert_close(stored, plain, rtol=1e-9, atol=1e-9)


def test_spectra():
    key = "transformer.resblocks.0.attn.in_proj_weight"
    taus = matrices(vectors(), key)
    kept = np.hstack([np.linalg.svd(tau, compute_uv=False)[:2] for tau in taus])
    spectrum = torch.linalg.svdvals(merge("tsv_m", vectors())[key]).numpy()
    np.testing.assert_allclose(spectrum, np.sort(kept)[::-1], rtol=1e-9)
    for name in ("iso_c", "iso_cts"):
        flat = torch.linalg.svdvals(merge(name, vectors())[key]).numpy()
        np.testing.assert_allclose(flat, flat.mean(), rtol=1e-9)


def test_what_is_the_same_method_at_an_end():
    common = merge("iso_cts", vectors(), common_space_fraction=1.0)
    flat = merge("iso_c", vectors())
    average = {key: sum(v[key] for v in vectors().values()) / 3 for key in THETA0}
    whole = merge("cart", vectors(), rank=1.0)
    none = merge("cart", vectors(), scale=0.0)
    for key in SHAPES:
        torch.testing.assert_close(common[key], flat[key], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(whole[key], average[key], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(none[key], average[key], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_tsv_m_of_a_task_twice_is_the_task(dtype):
    tau = {"weight": small.normal("tau", shape=(40, 30)).to(dtype)}
    u, sigma, v = np.linalg.svd(tau["weight"].numpy(), full_matrices=False)
    for fraction, rank in ((1.0, 30), (0.5, 15)):
        direction = merge("tsv_m", {"a": tau, "b": tau}, fraction=fraction)["weight"].numpy()
        near = 1e-3 if dtype == torch.float32 else 1e-9
        np.testing.assert_allclose(
            direction, (u[:, :rank] * sigma[:rank]) @ v[:rank], rtol=0, atol=near
        )


@pytest.mark.parametrize("name", NAMES)
def test_layers_that_did_not_move_and_more_tasks_than_rank(name):
    still = {t: {"weight": torch.zeros(4, 3)} for t in TASKS}
    assert torch.equal(merge(name, still)["weight"], torch.zeros(4, 3))
    many = {str(t): {"weight": small.normal(str(t), shape=(4, 3))} for t in range(9)}
    assert bool(torch.isfinite(merge(name, many)["weight"]).all())


def test_rank_split_is_that_of_the_paper():
    assert iso_cts.split_rank(768, 8, 0.8) == (616, 19)
    assert iso_cts.split_rank(13, 4, 0.5) == (5, 2)  # 7 / 4 is nearer to 2
    for rank in range(1, 9):
        for num_tasks in range(1, 6):
            common, own = iso_cts.split_rank(rank, num_tasks, 0.0)
            assert common >= 0 and own >= 0 and common + num_tasks * own == rank


def test_what_counts_as_a_matrix():
    wide = torch.zeros(2, 3)
    for name in (
        "a.in_proj_weight",
        "a.out_proj.weight",
        "mlp.c_fc.weight",
        "proj",
        "text_projection.weight",
    ):
        assert _spectral.is_matrix(name, wide)
    for name in ("positional_embedding", "token_embedding.weight", "a.bias", "class_embedding"):
        assert not _spectral.is_matrix(name, wide)
    for shape in ((3,), (1, 3), (3, 1), (2, 3, 1, 1)):
        assert not _spectral.is_matrix("a.weight", torch.zeros(shape))


def test_polar_keeps_weak_directions_that_are_known():
    """6e-7 of the largest is below float32's rounding, but float64 resolves that direction."""
    left, right = (
        torch.linalg.qr(small.normal("polar", side, shape=(40, 12)))[0]
        for side in ("left", "right")
    )
    right = torch.linalg.qr(right[:12])[0]
    matrix = (left * torch.logspace(0, -6.2, 12, dtype=torch.float64)) @ right.T
    expected = left @ right.T
    for given, wanted in ((matrix, expected), (matrix.T, expected.T)):
        found = _spectral.polar(given, torch.float32)
        assert float((found - wanted).abs().max()) < 1e-2
