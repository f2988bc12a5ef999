"""The encoder of texts written out, against its module and torch.func in float64."""

from __future__ import annotations

import pytest
import torch

from tangent_bench.language import rules
from tangent_bench.language.tables import PADDING
from tangent_bench.tangent import features, kernel, layer_gradients, linearize, written
from tangent_bench.tangent.vectors import combine, subtract
from tests.language.small import SIZES, encoder, random_like, tokens

TIGHT = {"rtol": 1e-10, "atol": 1e-11}


@pytest.fixture(params=[False, True], ids=["fixed tables", "trained tables"])
def case(request):
    network = encoder(train_tables=request.param)
    theta0 = linearize.parameters(network)
    return network, theta0, [random_like(theta0, seed) for seed in range(3)], tokens()


def test_products_of_several_tangents_equal_torch_func(case):
    network, theta0, tangents, tokens_BL = case
    base, change = rules.linearize(network, theta0, tokens_BL)
    for tangent in tangents:
        expected_base, expected = linearize.product(network, theta0, tangent, tokens_BL)
        torch.testing.assert_close(base, expected_base, **TIGHT)
        torch.testing.assert_close(change(tangent), expected, **TIGHT)
        alone = rules.product(network, theta0, tangent, tokens_BL)
        torch.testing.assert_close(alone, expected, **TIGHT)


def test_products_equal_a_central_difference(case):
    network, theta0, tangents, tokens_BL = case
    step = 1e-5
    ends = [
        linearize.encode(network, combine([(1.0, theta0), (s, tangents[0])]), tokens_BL)
        for s in (step, -step)
    ]
    _, change = rules.linearize(network, theta0, tokens_BL)
    torch.testing.assert_close(
        change(tangents[0]), (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-6
    )


def test_each_parameter_alone_has_its_own_rule(case):
    network, theta0, tangents, tokens_BL = case
    _, change = rules.linearize(network, theta0, tokens_BL)
    for name in theta0:
        alone = {k: v if k == name else torch.zeros_like(v) for k, v in tangents[0].items()}
        expected = linearize.product(network, theta0, alone, tokens_BL)[1]
        torch.testing.assert_close(
            change(alone), expected, msg=lambda m, name=name: f"{name}: {m}", **TIGHT
        )


def test_gradient_in_the_parameters_is_that_of_the_network(case):
    network, theta0, _, tokens_BL = case
    gradients = []
    for encode in (rules.encode, linearize.encode):
        theta = {k: v.clone().requires_grad_(True) for k, v in theta0.items()}
        loss = encode(network, theta, tokens_BL).tanh().sum()
        gradients.append(torch.autograd.grad(loss, list(theta.values())))
    for name, a, b in zip(theta0, *gradients, strict=True):
        torch.testing.assert_close(a, b, msg=lambda m, name=name: f"{name}: {m}", **TIGHT)


def test_one_pass_gives_value_gradient_and_product(case):
    """What a step of linear fine-tuning needs: the graph at θ0, and J τ beside it."""
    network, theta0, tangents, tokens_BL = case
    theta = {k: v.clone().requires_grad_(True) for k, v in theta0.items()}
    base, change = rules.linearize(network, theta, tokens_BL)
    moved = change(tangents[0])
    assert base.requires_grad and not moved.requires_grad
    weights = torch.randn(base.shape, dtype=base.dtype, generator=torch.Generator().manual_seed(2))
    gradients = torch.autograd.grad((base * weights).sum(), list(theta.values()))
    pairs = zip(gradients, (tangents[0][name] for name in theta0), strict=True)
    along = sum((gradient * tangent).sum() for gradient, tangent in pairs)
    torch.testing.assert_close(along, (moved * weights).sum(), **TIGHT)  # wᵀ(J τ) = (Jᵀ w)ᵀ τ


def test_linear_fine_tuning_and_features_go_by_these_rules(case, monkeypatch):
    """The expansion, its gradient and stored products, which torch.func is not asked for."""
    network, theta0, tangents, tokens_BL = case
    moved = combine([(1.0, theta0), (0.1, tangents[0])])
    tau = subtract(moved, theta0)
    base, change = linearize.product(network, theta0, tau, tokens_BL)
    theta = {k: v.clone().requires_grad_(True) for k, v in theta0.items()}
    cotangent = linearize.encode(network, theta0, tokens_BL).cos()
    plain = linearize.encode(network, theta, tokens_BL)
    expected = torch.autograd.grad((plain * cotangent).sum(), list(theta.values()))
    monkeypatch.setattr(torch.func, "jvp", None)
    assert written.passes(network) and written.encoder(network)
    leaves = {k: v.clone().requires_grad_(True) for k, v in moved.items()}
    outputs = linearize.encode_linearized(network, theta0, leaves, tokens_BL)
    torch.testing.assert_close(outputs, base + change, **TIGHT)
    torch.testing.assert_close(
        linearize.change(network, theta0, leaves, tokens_BL), change, **TIGHT
    )
    found = torch.autograd.grad((outputs * cotangent).sum(), list(leaves.values()))
    for name, a, b in zip(theta0, found, expected, strict=True):
        torch.testing.assert_close(a, b, msg=lambda m, name=name: f"{name}: {m}", **TIGHT)
    (stored,) = features.changes(network, theta0, [tau], tokens_BL, batch_size=2)
    torch.testing.assert_close(torch.from_numpy(stored), change, **TIGHT)


def test_padding_alone_changes_nothing(case):
    """Nor does it make work: columns that only fill a batch up are left out."""
    network, theta0, tangents, tokens_BL = case
    wider_BL = torch.nn.functional.pad(tokens_BL, (0, 3), value=PADDING)
    base, change = rules.linearize(network, theta0, tokens_BL)
    found, moved = rules.linearize(network, theta0, wider_BL)
    torch.testing.assert_close(found, base, rtol=0, atol=0)
    torch.testing.assert_close(moved(tangents[0]), change(tangents[0]), rtol=0, atol=0)
    torch.testing.assert_close(network(wider_BL), base, **TIGHT)
    with pytest.raises(ValueError, match="were given: expected integers"):
        rules.encode(network, theta0, tokens_BL[0])


def test_kernels_layer_by_layer_equal_plain_jacobians():
    """Where tables are trained, gradients by layer do not have all of θ, and are not taken."""
    network = encoder()
    theta0 = linearize.parameters(network)
    readout_KD = torch.randn(2, SIZES.width, generator=torch.Generator().manual_seed(5)).double()
    assert layer_gradients.supports(network)
    found = kernel.empirical(network, theta0, tokens(), readout_KD, batch_size=2)
    jacobian = torch.func.jacrev(lambda theta: linearize.encode(network, theta, tokens()))(theta0)
    parts = [torch.einsum("kd,bd...->bk...", readout_KD, part) for part in jacobian.values()]
    rows_BP = torch.cat([part.flatten(1) for part in parts], 1)
    torch.testing.assert_close(torch.from_numpy(found), rows_BP @ rows_BP.T, **TIGHT)
    assert not layer_gradients.supports(encoder(train_tables=True))


def test_single_precision_rounds_by_less_than_a_millionth_of_the_length(case):
    network, theta0, tangents, tokens_BL = case
    base, change = rules.linearize(network, theta0, tokens_BL)
    network.float()
    single = [{k: v.float() for k, v in each.items()} for each in (theta0, tangents[0])]
    found_base, found_change = rules.linearize(network, single[0], tokens_BL)
    moved = change(tangents[0])
    assert (found_base - base).norm() < 3e-6 * base.norm()
    assert (found_change(single[1]) - moved).norm() < 3e-6 * moved.norm()
