"""Probes against scikit-learn's optimum, differences, and the bound of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from tangent_bench.tangent import heads, probe
from tests import small

PENALTIES = (1e-2, 1e-4, 1e-6)


def case(num: int = 150, classes: int = 4, width: int = 7):
    """Features of various lengths around a centre for each class, that overlap; and labels."""
    labels = np.arange(num) % classes
    centres = small.normal("centres", shape=(classes, width)).numpy()
    noise = small.normal("noise", num, shape=(num, width)).numpy()
    lengths = 1 + 10 * (np.arange(num) % 3)[:, None]
    return lengths * (2 + centres[labels] + noise), labels


def truth(x, labels, penalty):
    """Scikit-learn's head of three classes or more, by Newton's method."""
    model = LogisticRegression(
        C=1 / (penalty * len(x)),
        fit_intercept=False,
        solver="newton-cg",
        tol=1e-12,
        max_iter=1000,
    )
    return model.fit(x, labels).coef_


@pytest.mark.parametrize("penalty", PENALTIES)
def test_the_loss_is_scikit_learns_optimum(penalty):
    features, labels = case()
    x = probe.normalised(features)
    head = probe.fit(x, labels, penalty, np.zeros((4, 7)))
    ours, gradient = probe.objective(head.ravel(), x, labels, penalty)
    theirs, _ = probe.objective(truth(x, labels, penalty).ravel(), x, labels, penalty)
    assert abs(ours - theirs) < 1e-6
    assert gradient @ gradient / (2 * penalty) <= probe.GAP
    np.testing.assert_allclose(head.sum(0), 0, atol=1e-5, err_msg="classes share no direction")


def test_the_objective_is_its_equation_and_the_gradient_its_slope():
    features, labels = case(20, 3, 4)
    x = probe.normalised(features)
    flat = small.normal("head", shape=(12,)).numpy()
    value, gradient = probe.objective(flat, x, labels, 0.3)
    total = 0.0
    for row, label in zip(x, labels, strict=True):
        scores = np.exp(flat.reshape(3, 4) @ row)
        total -= np.log(scores[label] / scores.sum())
    assert value == pytest.approx(total / 20 + 0.15 * (flat**2).sum(), rel=1e-12)
    for k, step in enumerate(1e-6 * np.eye(12)):
        ahead, _ = probe.objective(flat + step, x, labels, 0.3)
        behind, _ = probe.objective(flat - step, x, labels, 0.3)
        assert gradient[k] == pytest.approx((ahead - behind) / 2e-6, abs=1e-8)


def test_the_penalty_is_that_of_the_least_cross_entropy_on_validation():
    features, labels = case()
    held, held_labels = case(61)
    found = probe.choose(features, labels, held, held_labels, 4, PENALTIES)
    x = probe.normalised(features)
    losses = []
    for penalty in PENALTIES:
        head = truth(x, labels, penalty)
        logits = heads.logits(torch.from_numpy(held), torch.from_numpy(head))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(held_labels))
        losses.append(float(loss))
    assert found.penalty == PENALTIES[int(np.argmin(losses))]
    np.testing.assert_allclose(found.losses, losses, atol=5e-3)
    other = probe.choose(features, labels, features, labels, 4, PENALTIES)
    assert other.penalty == 1e-6, "on the images that it saw the least penalty is best"


def test_a_class_without_an_image_has_a_row_all_the_same():
    features, labels = case(60, 3)
    found = probe.choose(features, labels, features, labels, 5, [1e-3])
    assert found.head.shape == (5, 7) and np.isfinite(found.head).all()
    logits = probe.normalised(features) @ found.head.T
    assert logits.argmax(1).max() == 2


def test_features_that_are_no_numbers_are_refused():
    features, labels = case(12)
    features[3, 2] = np.nan
    with pytest.raises(ValueError, match="not finite; check the weights of the model"):
        probe.choose(features, labels, features, labels, 4, [1e-3])


def test_what_does_not_converge_is_said(monkeypatch):
    monkeypatch.setattr(probe, "GAP", 0.0)
    monkeypatch.setattr(probe, "RESTARTS", 1)
    features, labels = case(12)
    with pytest.raises(ValueError, match=r"penalty 0\.001 ends .*try larger ones \(probe\.pen"):
        probe.fit(probe.normalised(features), labels, 1e-3, np.zeros((4, 7)))
