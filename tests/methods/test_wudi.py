"""WUDI's descent by Adam against automatic differentiation, and what it leaves at θ0."""

from __future__ import annotations

import logging

import pytest
import torch
from open_clip.transformer import VisionTransformer
from torch import Tensor

from tangent_bench import merging
from tangent_bench.methods import wudi
from tests import small

MERGED = {
    "transformer.resblocks.0.attn.in_proj_weight": (12, 6),
    "transformer.resblocks.0.attn.out_proj.weight": (6, 6),
    "transformer.resblocks.0.mlp.c_fc.weight": (9, 6),
    "transformer.resblocks.0.mlp.c_proj.weight": (6, 9),
}
LEFT = {
    "class_embedding": (6,),
    "positional_embedding": (5, 6),
    "conv1.weight": (6, 3, 2, 2),
    "transformer.resblocks.0.ln_1.weight": (6,),
    "transformer.resblocks.0.mlp.c_fc.bias": (9,),
    "ln_post.weight": (6,),
    "proj": (6, 4),
}
TASKS = ("one", "two", "three")


def vectors(tasks=TASKS, factor=1e-3) -> dict[str, dict[str, Tensor]]:
    return {
        t: {name: factor * small.normal(t, name, shape=s) for name, s in (MERGED | LEFT).items()}
        for t in tasks
    }


def merge(given: dict, **values) -> dict[str, Tensor]:
    first = next(iter(given.values()))
    theta0 = {name: torch.zeros_like(value) for name, value in first.items()}
    return merging.find("wudi", values).prepare(given, theta0)


def interference(x: Tensor, taus: Tensor) -> Tensor:
    return sum(((x - t) @ t.T).square().sum() / t.square().sum() for t in taus)


def descended(taus: Tensor, steps: int, rate: float) -> Tensor:
    x = torch.nn.Parameter(taus.sum(0))
    adam = torch.optim.Adam([x], lr=rate)
    for _ in range(steps):
        adam.zero_grad()
        interference(x, taus).backward()
        adam.step()
    return x.detach()


@pytest.mark.parametrize(("steps", "rate"), [(60, 1e-5), (10, 1e-3)])
def test_it_is_adam_on_the_interference(steps, rate):
    given = vectors()
    found = merge(given, steps=steps, rate=rate)
    for name in MERGED:
        taus = torch.stack([vector[name] for vector in given.values()])
        expected = descended(taus, steps, rate)
        torch.testing.assert_close(found[name], expected, rtol=1e-7, atol=1e-10)
        assert interference(found[name], taus) < interference(taus.sum(0), taus)


def test_defaults_are_the_authors():
    values = merging.find("wudi").values
    assert (values["wudi.steps"], values["wudi.rate"]) == (300, 1e-5)
    assert values["wudi.closed_form"] is False


def test_all_but_four_kinds_of_matrices_stay_at_theta0():
    found = merge(vectors(), steps=2)
    assert all(bool(found[name].any()) for name in MERGED)
    assert not any(bool(found[name].any()) for name in LEFT)


def test_four_kinds_are_what_an_image_tower_has():
    """The authors' list, by which they choose names of open_clip."""
    tower = VisionTransformer(8, 4, width=8, layers=2, heads=2, mlp_ratio=2, output_dim=4)
    listed = ("attn.in_proj_weight", "attn.out_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
    for name, value in tower.named_parameters():
        assert wudi.is_merged(name, value) == name.endswith(listed), name
    names = [name for name, _ in tower.named_parameters()]
    assert sum(name.endswith(listed) for name in names) == 8


def test_closed_form_is_where_adam_ends():
    taus = torch.stack([vector["proj"].T for vector in vectors(("one", "two")).values()])
    solved = wudi.solve(taus, 1e-12)
    near = wudi.descend(taus, 1500, 1e-5)
    least = float(interference(solved, taus))
    assert float(interference(near, taus)) == pytest.approx(least, rel=1e-3)
    assert float(interference(taus.sum(0), taus)) > 1.5 * least


def test_closed_form_averages_and_merges_the_projection():
    given = vectors()
    found = merge(given, closed_form=True)
    mean = sum(vector["conv1.weight"] for vector in given.values()) / 3
    torch.testing.assert_close(found["conv1.weight"], mean)
    taus = torch.stack([vector["proj"].T for vector in given.values()])
    torch.testing.assert_close(found["proj"], wudi.solve(taus, 1e-8).T)


def test_one_task_and_a_task_that_did_not_move():
    given = vectors(("one",))
    found = merge(given)
    # rounding is a slope too, and Adam answers it with a tenth of a step
    still = merge(given | {"two": {n: torch.zeros_like(x) for n, x in given["one"].items()}})
    for name in MERGED:
        assert torch.equal(found[name], given["one"][name])
        torch.testing.assert_close(still[name], given["one"][name], rtol=0, atol=5e-6)


def test_float32_steps_are_not_lost_beside_large_entries():
    """A step of 1e-5 is rounded by 3 % beside 4 in float32, 300 times in the same way."""
    taus = 4.0 * torch.stack([vector["proj"] for vector in vectors(factor=1.0).values()])
    whole = wudi.descend(taus.float().double(), 300, 1e-5)
    single = wudi.descend(taus.float(), 300, 1e-5)
    torch.testing.assert_close(single, whole.float(), rtol=0, atol=1e-6)
    assert single.dtype == torch.float32


def test_the_same_bits_again():
    first = merge(vectors(), steps=50)
    second = merge(vectors(), steps=50)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_no_matrix_is_said(caplog):
    given = {t: {"a.bias": small.normal(t, shape=(4,))} for t in TASKS}
    with caplog.at_level(logging.WARNING):
        found = merge(given)
        merge(vectors(), steps=0)
    assert [r.getMessage() for r in caplog.records] == [
        "WUDI found no weight matrix among 1 parameters: nothing moves. 'closed_form: true' "
        "averages them."
    ]
    assert not found["a.bias"].any()
