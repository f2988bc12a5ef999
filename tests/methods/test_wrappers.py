"""LiNeS and SVC: what a wrapper makes of another method's direction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tangent_bench import merging
from tangent_bench.methods import Context, lines, svc
from tests import small

SHAPES = {
    "conv1.weight": (4, 3),
    "proj": (5, 4),
    "ln_pre.weight": (4,),
    "transformer.resblocks.0.mlp.c_fc.weight": (6, 4),
    "transformer.resblocks.1.mlp.c_fc.weight": (6, 4),
    "transformer.resblocks.2.mlp.c_fc.weight": (6, 4),
    "ln_post.weight": (4,),
}
DEPTHS = dict(zip(SHAPES, (0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 0.0), strict=True))
THETA0 = {name: torch.zeros(shape, dtype=torch.float64) for name, shape in SHAPES.items()}
TASKS = ("one", "two", "three")
VECTORS = {
    t: {name: small.normal(t, name, shape=shape) for name, shape in SHAPES.items()} for t in TASKS
}
TOTAL = {name: sum(VECTORS[t][name] for t in TASKS) for name in SHAPES}


def merge(name: str, vectors: dict = VECTORS, **values) -> dict:
    theta0 = {key: torch.zeros_like(v) for key, v in next(iter(vectors.values())).items()}
    return merging.find(
        name, {key.replace("__", "."): value for key, value in values.items()}
    ).prepare(vectors, theta0)


@pytest.mark.parametrize("beta", [0.0, 0.7])
def test_lines_scales_by_depth(beta):
    for ratio, first in ((True, 1 / 3), (False, 1.0)):
        direction = merge("lines+task_arithmetic", lines__beta=beta, lines__norm_ratio=ratio)
        for name in SHAPES:
            torch.testing.assert_close(
                direction[name], (first + beta * DEPTHS[name]) * TOTAL[name], rtol=1e-12, atol=0
            )


def test_lines_begins_at_the_ratio_of_norms():
    own = {name: 5.0 * value for name, value in VECTORS["one"].items()} | {
        "count": torch.tensor([4])
    }
    vectors = {t: vector | {"count": torch.tensor([9])} for t, vector in VECTORS.items()}
    adjusted = lines.adjust(own, vectors, Context({}, {"beta": 0.0, "norm_ratio": True}))
    norm = {
        k: sum(np.abs(v.numpy()).sum() for v in d.values())
        for k, d in (("Σ", TOTAL), ("1", VECTORS["one"]))
    }
    for name in SHAPES:
        torch.testing.assert_close(
            adjusted[name], norm["Σ"] / (3 * norm["1"]) * VECTORS["one"][name]
        )
    assert torch.equal(adjusted["count"], own["count"]) and list(adjusted) == list(own)


def test_lines_of_nothing_is_nothing():
    zeros = {t: dict(THETA0) for t in TASKS}
    assert all(
        torch.equal(value, THETA0[name])
        for name, value in merge("lines+task_arithmetic", zeros).items()
    )


def test_depth_of_every_parameter_of_an_image_tower(tmp_path):
    found = lines.depths(name for name, _ in small.vit(tmp_path).named_parameters())
    for name, depth in found.items():
        assert depth == float(name.startswith("transformer.resblocks.1.")), name
    assert set(found.values()) == {0.0, 1.0}


def test_depth_in_a_convnext():
    order = [
        "trunk.stem.0.weight",
        "trunk.stages.0.blocks.0.gamma",
        "trunk.stages.0.blocks.1.mlp.fc1.weight",
    ]
    order += [
        "trunk.stages.1.downsample.0.weight",
        "trunk.stages.1.blocks.0.gamma",
        "trunk.stages.1.blocks.10.gamma",
    ]
    order += ["trunk.head.norm.weight", "head.proj.weight"]
    # a stage's blocks sort as numbers, and blocks that the names leave out do not count
    assert lines.depths(reversed(order)) == dict(
        zip(order, (0, 0, 1 / 3, 2 / 3, 2 / 3, 1, 0, 0), strict=True)
    )
    many = {
        name: depth * 11
        for name, depth in lines.depths(f"resblocks.{i}.w" for i in range(12)).items()
    }
    assert many == {f"resblocks.{i}.w": pytest.approx(i) for i in range(12)}
    assert lines.depths(["conv1.w", "resblocks.0.w", "proj"]) == {
        "conv1.w": 0.0,
        "resblocks.0.w": 0.0,
        "proj": 0.0,
    }
    assert (
        lines.depths(["patch_embed.proj.w", "resblocks.0.w", "resblocks.1.w"])["patch_embed.proj.w"]
        == 0.0
    )


def test_lines_wants_blocks():
    with pytest.raises(
        ValueError,
        match=r"no blocks among 1 parameters, the first \['a'\]; expected names with 'resb",
    ):
        lines.depths(["a"])


def by_definition(merged: np.ndarray, taus: list[np.ndarray], floor: float) -> np.ndarray:
    u, sigma, v = np.linalg.svd(merged, full_matrices=False)
    total = np.zeros_like(merged)
    for r in range(len(sigma)):
        response = u[:, r] @ merged
        counted = 0.0
        for tau in taus:
            own = u[:, r] @ tau
            counted += max(floor, (response @ own) / (own @ own))
        total += len(taus) / counted * sigma[r] * np.outer(u[:, r], v[r])
    return total


@pytest.mark.parametrize("inner", ["task_arithmetic", "cart"])
@pytest.mark.parametrize("floor", [0.1, 1.0])
def test_svc_is_its_definition(inner, floor):
    direction = merge(f"svc+{inner}", svc__floor=floor)
    plain = merge(inner)
    for name in SHAPES:
        if name.startswith("ln"):
            assert torch.equal(direction[name], plain[name])
            continue
        merged, *taus = (
            d[name].numpy().T if name == "proj" else d[name].numpy()
            for d in (plain, *VECTORS.values())
        )
        expected = by_definition(merged, taus, floor)
        actual = direction[name].numpy().T if name == "proj" else direction[name].numpy()
        np.testing.assert_allclose(actual, expected, rtol=1e-9, atol=1e-9)


def test_svc_undoes_counting_twice():
    tau = VECTORS["one"]
    same = merge("svc+task_arithmetic", dict.fromkeys(TASKS, tau))
    alone = merge("svc+task_arithmetic", {"one": tau})
    for name in ("proj", "conv1.weight", "transformer.resblocks.1.mlp.c_fc.weight"):
        torch.testing.assert_close(same[name], tau[name], rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(alone[name], tau[name], rtol=1e-9, atol=1e-9)


def test_svc_of_tasks_that_share_nothing():
    taus = torch.zeros(2, 4, 4, dtype=torch.float64)
    taus[0, :2, :2] = torch.eye(2) * torch.tensor([4.0, 3.0])
    taus[1, 2:, 2:] = torch.eye(2) * torch.tensor([2.0, 1.0])
    # each direction counts once for its own task and by the floor for the other
    torch.testing.assert_close(svc.calibrate(taus.sum(0), taus, 0.1), 2 / 1.1 * taus.sum(0))


def test_svc_does_not_depend_on_the_length_of_the_direction():
    taus = small.normal("common", shape=(4, 5)) + 0.1 * small.normal("own", shape=(3, 4, 5))
    short, long = (svc.calibrate(c * taus.sum(0), taus, 1e-6) for c in (1.0, 5.0))
    torch.testing.assert_close(short, long, rtol=1e-9, atol=1e-9)


def test_wrappers_chain_and_change_nothing_that_they_were_given():
    before = {
        t: {name: value.clone() for name, value in vector.items()} for t, vector in VECTORS.items()
    }
    chained = merge("lines+svc+tsv_m", lines__norm_ratio=False, lines__beta=2.0)
    calibrated = merge("svc+tsv_m")
    for name in SHAPES:
        torch.testing.assert_close(
            chained[name], (1 + 2 * DEPTHS[name]) * calibrated[name], rtol=1e-12, atol=0
        )
        assert all(torch.equal(before[t][name], VECTORS[t][name]) for t in TASKS)
