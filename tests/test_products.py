"""Products by oneDNN are the products, forward and backward, and nothing else changes."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import linear

from tangent_bench.tangent import products

needed = pytest.mark.skipif(not products.available(), reason="this build of PyTorch has no oneDNN")
LARGE = 2**11, 64, 96  # above the size from which oneDNN takes over


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def close(found, exact):
    assert found.shape == exact.shape and found.dtype == torch.float32
    assert (found - exact).norm() < 1e-6 * exact.norm()


@pytest.fixture
def asked(monkeypatch):
    """How often oneDNN was asked."""
    counted = []
    real = products._rows
    monkeypatch.setattr(products, "_rows", lambda *args: counted.append(1) or real(*args))
    return counted


@needed
@pytest.mark.parametrize("first", [False, True], ids=["plain", "transposed"])
@pytest.mark.parametrize("second", [False, True], ids=["plain", "transposed"])
@pytest.mark.parametrize("num", [(2**11, 64, 96), (96, 2**11, 64), (64, 96, 2**11)], ids=str)
def test_a_product_of_any_layout(asked, first, second, num):
    rows, inner, columns = num
    a = normal(inner, rows).T if first else normal(rows, inner)
    b = normal(columns, inner, seed=1).T if second else normal(inner, columns, seed=1)
    with products.fast():
        found = a @ b
    assert asked
    close(found, a.double() @ b.double())


@needed
def test_a_linear_layer_and_its_gradients(asked):
    rows, inner, columns = LARGE
    x = normal(rows, inner)
    weight = normal(columns, inner, seed=1)
    bias = normal(columns, seed=2)
    given = normal(rows, columns, seed=3)
    leaves = [t.clone().requires_grad_(True) for t in (x, weight, bias)]
    with products.fast():
        y = linear(*leaves)
        found = torch.autograd.grad(y, leaves, given)
    assert len(asked) == 3
    x, weight, bias, given = (t.double() for t in (x, weight, bias, given))
    close(y, x @ weight.T + bias)
    for gradient, exact in zip(found, (given @ weight, given.T @ x, given.sum(0)), strict=True):
        close(gradient, exact)


@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("biased", [False, True])
def test_a_layer_without_gradients_is_the_same_layer(gelu, biased):
    rows, inner, columns = LARGE
    x = normal(rows, inner)
    weight = normal(columns, inner, seed=1)
    bias = normal(columns, seed=2) if biased else None
    exact = x.double() @ weight.double().T + (bias.double() if biased else 0.0)
    exact = torch.nn.functional.gelu(exact) if gelu else exact
    for context in (torch.no_grad, torch.enable_grad):
        with context():
            close(products.linear(x, weight, bias, gelu=gelu), exact)


@pytest.mark.parametrize(
    "a", [normal(*LARGE[:2], dtype=torch.float64), normal(4, 64)], ids=["double", "few"]
)
def test_others_are_left_as_they_are(asked, a):
    b = normal(64, 96, seed=1, dtype=a.dtype)
    with products.fast():
        found = a @ b
    assert not asked and torch.equal(found, a @ b)


@needed
def test_it_ends_with_the_block_and_may_be_entered_again(asked):
    a = normal(*LARGE[:2])
    b = normal(*LARGE[1:], seed=1)
    with products.fast():
        with products.fast():
            a @ b
        a @ b
    assert len(asked) == 2
    a @ b
    with pytest.raises(ZeroDivisionError), products.fast():
        1 / 0  # noqa: B018
    a @ b
    assert len(asked) == 2
    with products.fast():
        a @ b
    assert len(asked) == 3


def test_without_onednn_pytorch_does_it(asked, monkeypatch):
    monkeypatch.setattr(products, "available", lambda: False)
    a = normal(*LARGE[:2])
    b = normal(*LARGE[1:], seed=1)
    with products.fast():
        found = a @ b
    assert not asked and torch.equal(found, a @ b)


@pytest.mark.parametrize("knows", [True, False])
def test_a_precision_without_instructions_is_named_once(monkeypatch, caplog, knows):
    products.say_if_slow.cache_clear()
    monkeypatch.setattr(products, "knows", lambda precision: knows)
    for _ in range(2):
        products.say_if_slow("bfloat16", "cpu")
        products.say_if_slow("bfloat16", "cuda")
    assert [record.message.split(",")[0] for record in caplog.records] == (
        [] if knows else ["This processor has no instructions for bfloat16"]
    )
    products.say_if_slow.cache_clear()


def test_every_processor_knows_float32_and_says_what_else():
    assert products.knows("float32")
    flags = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    if flags.get("avx512_bf16") or flags.get("amx_bf16"):
        assert products.knows("bfloat16")
    elif flags.get("architecture") == "x86_64" and not flags["avx512_f"]:
        assert not products.knows("bfloat16")
