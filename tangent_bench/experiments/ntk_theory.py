"""The theory of wide networks on a small one: what gradient descent changes, against the width.

Rows (training and evaluation "none", no source, no task, coefficient = width m):
  width_kernel_change            ‖Θ_t − Θ_0‖_F / ‖Θ_0‖_F, training points (split "train")
  width_linearization_distance   ‖f_t − f_lin,t‖ / ‖f_t − f_0‖, training points ("train") and
                                 held-out ones ("test")
once for each initialisation (coefficient2 = its number) and once as geometric mean with an interval
over initialisations (coefficient2 empty); and, without a coefficient, `…_slope`: the exponent s of
m^s over all widths.

Both are proven to be O(m^−½); Lee et al. observe about m^−1 for the kernel (their Figure 1).
Shapes: L laws, W widths, K initialisations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tangent_bench.experiments import Experiment, Once, Study
from tangent_bench.seeds import generator

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title=(
        "Width laws of a small network: change of the tangent kernel, distance from the linearized "
        "dynamics"
    ),
    scope=Once(),
    section="ntk_theory",
    reference="Jacot et al. 2018, Theorem 2; Lee et al. 2019, Theorem 2.1 and Figure 1",
)
NUM_DIGITS = 1797  # of scikit-learn
LAWS = (
    ("width_kernel_change", "train"),
    ("width_linearization_distance", "train"),
    ("width_linearization_distance", "test"),
)


def run(study: Study) -> None:
    data = digits(study.settings["train_points"], study.settings["test_points"])
    widths = study.settings["widths"]
    numbers = range(study.settings["initialisations"])
    values_WKL = np.array(
        [[_laws(study, data, width, number) for number in numbers] for width in widths]
    )
    for (metric, split), values_WK in zip(LAWS, values_WKL.transpose(2, 0, 1), strict=True):
        for width, values_K in zip(widths, values_WK, strict=True):
            _width_rows(study, metric, split, float(width), values_K)
        slope = mean_and_interval(slopes(widths, values_WK))
        _add(study, f"{metric}_slope", split, slope)


def _width_rows(study: Study, metric: str, split: str, width: float, values_K: np.ndarray) -> None:
    """A row for each initialisation, and their geometric mean."""
    for number, value in enumerate(values_K):
        study.add(
            metric,
            float(value),
            **_coordinates(study, split),
            coefficient=width,
            coefficient2=float(number),
        )
    mean = np.exp(mean_and_interval(np.log(values_K)))
    _add(study, metric, split, mean, coefficient=width)


def _coordinates(study: Study, split: str) -> dict[str, Any]:
    num_samples = study.settings[f"{split}_points"]
    return {"sources": "", "task": "", "split": split, "num_samples": num_samples}


def _add(
    study: Study,
    metric: str,
    split: str,
    bounded: np.ndarray,
    coefficient: float | None = None,
) -> None:
    """Adds a row from estimate, low, high."""
    estimate, low, high = map(float, bounded)
    study.add(metric, estimate, **_coordinates(study, split), coefficient=coefficient)
    study.rows[-1] = replace(study.rows[-1], low=low, high=high)


def require(config: Mapping) -> None:
    """Raises ValueError if a config asks for more digits than there are."""
    settings = config["ntk_theory"]
    _require_points(settings["train_points"], settings["test_points"])


def _require_points(train: int, test: int) -> None:
    if train + test > NUM_DIGITS:
        raise ValueError(
            f"ntk_theory: {train} + {test} points were asked for, but there are {NUM_DIGITS}; ask "
            "for fewer."
        )


def digits(train: int, test: int) -> tuple[np.ndarray, np.ndarray]:
    """The first so many of scikit-learn's digits.

    Args:
        train: number of training points, whose mean is taken off.
        test: number of further points.

    Returns:
        Inputs [train + test, 64] of length √64, and targets ±1 (even or odd).

    Raises:
        ValueError: there are not so many.
    """
    from sklearn.datasets import load_digits

    _require_points(train, test)
    pixels, digit = load_digits(return_X_y=True)
    inputs = pixels[: train + test] - pixels[:train].mean(axis=0)
    inputs *= np.sqrt(inputs.shape[1]) / np.linalg.norm(inputs, axis=1, keepdims=True)
    return inputs, np.where(digit[: train + test] % 2 == 0, 1.0, -1.0)


def _laws(
    study: Study, data: tuple[np.ndarray, np.ndarray], width: int, number: int
) -> tuple[float, float, float]:
    """The three quantities of `LAWS` for one initialisation."""
    from tangent_bench.tangent import wide_network as network

    inputs, targets = data
    num = study.settings["train_points"]
    layers = study.settings["hidden_layers"]
    descent = {"rate": study.settings["learning_rate"], "steps": study.settings["steps"]}
    # The seed is that of fine-tuning: it stands for other initialisations here.
    random = generator("ntk_theory", study.seed, layers, width, number)
    theta0 = network.initialise(inputs.shape[1], width, layers, random)
    before = network.kernel(theta0, inputs)
    start = network.forward(theta0, inputs)[0]
    theta = network.train(theta0, inputs[:num], targets[:num], **descent)
    after = network.kernel(theta, inputs[:num])
    end = network.forward(theta, inputs)[0]
    linear = network.linearized(before[:, :num], start, start[:num], targets[:num], **descent)
    train = slice(0, num)
    test = slice(num, None)
    return (
        _relative(after - before[:num, :num], before[:num, :num]),
        _relative((end - linear)[train], (end - start)[train]),
        _relative((end - linear)[test], (end - start)[test]),
    )


def _relative(difference: np.ndarray, whole: np.ndarray) -> float:
    return float(np.linalg.norm(difference) / np.linalg.norm(whole))


def slopes(widths: list[int], values_WK: np.ndarray) -> np.ndarray:
    """Exponent s of the least-squares fit log value = s log width + constant, [K].

    There is one for each initialisation. Initialisation k of one width shares nothing with k of
    another: the K exponents are independent, and their mean is the exponent of the fit through all
    points.
    """
    x = np.log(widths) - np.log(widths).mean()
    return x @ np.log(values_WK) / (x @ x)


def mean_and_interval(values_K: np.ndarray, level: float = 0.95) -> np.ndarray:
    """Mean with the ends of its Student interval, [3]; needs two values."""
    from scipy.stats import t

    error = values_K.std(ddof=1) / np.sqrt(len(values_K))
    half = t.ppf((1.0 + level) / 2.0, len(values_K) - 1) * error
    return values_K.mean() + np.array([0.0, -half, half])


def cost(asking: Asking) -> None:
    """Counts the gradient descent of every width; its kernels cost little beside it."""
    settings = asking.settings
    weights = (settings["hidden_layers"] - 1) * sum(width**2 for width in settings["widths"])
    descents = settings["initialisations"] * settings["steps"] * settings["train_points"]
    asking.work.add("wide step", descents * weights)
