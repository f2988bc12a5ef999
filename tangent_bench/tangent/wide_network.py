"""A multilayer perceptron in NTK parametrization, its tangent kernel, its linearized dynamics.

    a_0 = x,   a_l = tanh(h_l),   h_l = W_l a_{l−1} / √n_{l−1},   f(x; θ) = h_{L+1}
    all entries of W at θ_0 ∼ N(0, 1)

Squared loss L(θ) = Σ_n (f(x_n; θ) − y_n)² / 2N and full-batch gradient descent, whose rate needs no
change with the width. As the width grows,

- the tangent kernel Θ(x, x') = ∇f(x)·∇f(x') stays as it was drawn (Jacot, Gabriel, Hongler, "Neural
  Tangent Kernel", NeurIPS 2018, Theorems 1 and 2);
- f_t stays with f_lin,t = f_0 + J_0 (θ_t − θ_0) under gradient descent of its own (Lee et al.,
  "Wide Neural Networks of Any Depth Evolve as Linear Models Under Gradient Descent", NeurIPS 2019,
  Theorem 2.1).

Everything is NumPy in float64. Shapes: N, M points, D inputs, n_l units of layer l; one output.
"""

from __future__ import annotations

import numpy as np

Weights = list[np.ndarray]  # W_l [n_l, n_{l−1}], l = 1 ... L + 1


def initialise(num_inputs: int, width: int, num_hidden: int, rng: np.random.Generator) -> Weights:
    """θ_0: standard normal weights of `num_hidden` layers of `width` units and of one output.

    `num_inputs` is the length of a point, `rng` what draws.
    """
    sizes = [num_inputs, *[width] * num_hidden, 1]
    shapes = zip(sizes[1:], sizes[:-1], strict=True)
    return [rng.standard_normal(shape) for shape in shapes]


def forward(weights: Weights, inputs_ND: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """f_N, and the input of each layer: x and the activations a_l."""
    inputs = [inputs_ND]
    for weight in weights[:-1]:
        inputs.append(np.tanh(_layer(weight, inputs[-1])))
    return _layer(weights[-1], inputs[-1])[:, 0], inputs


def _layer(weight: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    return inputs @ weight.T / np.sqrt(weight.shape[1])


def sensitivities(weights: Weights, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """∂f(x_n)/∂h_l, [N, n_l] for each layer, from the layers' inputs that `forward` gives."""
    slopes = [np.ones((len(inputs[0]), 1))]
    for weight, activation in zip(weights[:0:-1], inputs[:0:-1], strict=True):
        slopes.append(slopes[-1] @ weight / np.sqrt(weight.shape[1]) * (1.0 - activation**2))
    return slopes[::-1]


def gradient(
    weights: Weights, inputs: list[np.ndarray], outputs_N: np.ndarray, targets_N: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """∂L/∂W_l = left_lᵀ right_l in factors [N, n_l] and [N, n_{l−1}]: its rank is at most N.

    `inputs` and `outputs_N` are what `forward` gives for these `weights`, `targets_N` is y.
    """
    residual_N = (outputs_N - targets_N) / len(targets_N)
    layers = zip(sensitivities(weights, inputs), inputs, strict=True)
    return [(residual_N[:, None] * g / np.sqrt(a.shape[1]), a) for g, a in layers]


def train(
    weights: Weights, inputs_ND: np.ndarray, targets_N: np.ndarray, rate: float, steps: int
) -> Weights:
    """θ_t after `steps` steps of full-batch gradient descent at `rate`, from `weights`, which stay.

    `inputs_ND` and `targets_N` are the points and y.

    Raises:
        ValueError: the outputs grew beyond all bounds: the rate is too large for these inputs.
    """
    weights = [weight.copy() for weight in weights]
    # A fresh array for each gradient costs more, in page faults, than its arithmetic.
    spare = [np.empty_like(weight) for weight in weights]
    for _ in range(steps):
        outputs_N, inputs = forward(weights, inputs_ND)
        if not np.abs(outputs_N).max() < 1e6:
            raise ValueError(
                f"Gradient descent at rate {rate} diverges; give a smaller learning rate."
            )
        factors = gradient(weights, inputs, outputs_N, targets_N)
        for weight, room, (left, right) in zip(weights, spare, factors, strict=True):
            weight -= np.matmul(rate * left.T, right, out=room)
    return weights


def kernel(weights: Weights, inputs_ND: np.ndarray) -> np.ndarray:
    """Θ between all points, [N, N], without forming a Jacobian.

    Θ(x_n, x_m) = Σ_l (∂f_n/∂h_l · ∂f_m/∂h_l) (a_{l−1,n} · a_{l−1,m}) / n_{l−1}
    """
    _, inputs = forward(weights, inputs_ND)
    theta_NN = np.zeros((len(inputs_ND), len(inputs_ND)))
    for g, a in zip(sensitivities(weights, inputs), inputs, strict=True):
        theta_NN += (g @ g.T) * (a @ a.T) / a.shape[1]
    return theta_NN


def linearized(
    theta_MN: np.ndarray,
    start_M: np.ndarray,
    start_N: np.ndarray,
    targets_N: np.ndarray,
    rate: float,
    steps: int,
) -> np.ndarray:
    """f_lin,t at M points after k = `steps` steps of gradient descent on f_lin, in closed form.

        f_lin,t(x) = f_0(x) − Θ_0(x, X) Θ_0⁻¹ (1 − (1 − η Θ_0 / N)^k) (f_0(X) − y)

    It is the discrete form of the flow's 1 − exp(−Θ_0 t / N), t = ηk, and equals gradient descent
    step by step.

    Args:
        theta_MN: Θ_0 between the M points and the N training points, which must be the first N of
            the M.
        start_M: f_0 at the M points.
        start_N: f_0 at the training points.
        targets_N: y.
        rate: η.
        steps: k.

    Reference: Lee et al. 2019, Eqs. 8 to 11.
    """
    num = len(targets_N)
    values_N, vectors_NN = np.linalg.eigh(theta_MN[:num])
    decay_N = 1.0 - rate * values_N / num
    # Σ_{j<k} decay^j η / N is (1 − decay^k) / λ, and does not divide by an eigenvalue of 0.
    spent_N = rate / num * _geometric(decay_N, steps)
    return start_M - theta_MN @ (vectors_NN @ (spent_N * (vectors_NN.T @ (start_N - targets_N))))


def _geometric(ratio_N: np.ndarray, terms: int) -> np.ndarray:
    """Σ_{j < terms} ratio^j."""
    gap = 1.0 - ratio_N
    small = np.abs(gap) < 1e-12
    return np.where(small, float(terms), (1.0 - ratio_N**terms) / np.where(small, 1.0, gap))
