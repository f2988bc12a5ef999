"""Learning rate and steps, chosen on a development world: other tasks than the reported ones, validation images only.

Rule, fixed before any number was seen: both trainings share one setting; it is the one with the highest development
accuracy in task addition at the validated coefficient, averaged over standard fine-tuning in the network and linear
fine-tuning in the tangent space. Disentanglement error: Ortiz-Jimenez et al. 2023, §4, here at α1 = α2 = the selected
α, summed over the two tasks of a pair.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from tangent_bench import registry
from tangent_bench.finetuning import modes
from tangent_bench.finetuning.loop import Source
from tangent_bench.finetuning.step import Recipe
from tangent_bench.measuring.evaluation import Evaluator, NetworkEvaluator, TangentEvaluator
from tangent_bench.measuring.selection import select_addition
from tangent_bench.store.rows import Row
from tangent_bench.tangent import features, vectors
from tangent_bench.tangent.linearize import encode

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Development:
    """One task of the development world: what it is trained on, and validation images uint8 [N, H, W, C] with
    labels.
    """

    source: Source
    images: np.ndarray
    labels: np.ndarray


def setting(rate: float, steps: int) -> str:
    """The name of a point of the sweep, as in the rows' params_id."""
    return f"learning_rate={rate:g} steps={steps}"


def recipe_at(recipe: Recipe, rate: float, steps: int) -> Recipe:
    """The recipe with another rate and number of steps; warm-up stays a quarter."""
    return replace(recipe, learning_rate=rate, steps=steps, warmup_steps=steps // 4)


def run(
    tower,
    model: str,
    training: str,
    tasks: Sequence[Development],
    recipe: Recipe,
    grid: np.ndarray,
    seed: int,
    batch: int,
    settings: Mapping | None = None,
) -> list[Row]:
    """Fine-tune on every development task with `recipe`, add the vectors, and measure on validation images."""
    plugin, tau = registry.load("training", training), {}
    for task in tasks:
        others = {other.source.name: other.source.images for other in tasks if other is not task}
        theta, _ = modes.fit(
            training, tower.module, tower.theta0, [task.source], recipe, seed, tower.normalise, tower.size,
            settings=settings, others=others,
        )  # fmt: skip
        tau[task.source.name] = vectors.subtract(theta, tower.theta0)
        log.info("%s is fine-tuned", task.source.name)
    evaluator = _evaluator(tower, plugin.TRAINING.affine, tasks, tau, batch)
    length = np.mean([vectors.norm(v) for v in tau.values()]) / vectors.norm(tower.theta0)
    measured = _measure(evaluator, tasks, grid) | {"relative_norm": float(length)}
    common = {
        "experiment": "sweep", "init": "pretrained", "training": training,
        "evaluation": "tangent" if plugin.TRAINING.affine else "network", "task": "all", "split": "val", "seed": seed,
        "num_samples": sum(len(t.labels) for t in tasks), "params_id": setting(recipe.learning_rate, recipe.steps),
        "sources": "+".join(tau), "method": "task_arithmetic",
    }  # fmt: skip
    return [
        Row(metric=metric, value=value, model=model, **common) for metric, value in measured.items()
    ]


def _evaluator(
    tower, affine: bool, tasks: Sequence[Development], tau: Mapping, batch: int
) -> Evaluator:
    by_name = {t.source.name: t for t in tasks}
    images = {name: tower.prepare(t.images) for name, t in by_name.items()}

    def head(task: str) -> np.ndarray:
        return by_name[task].source.head.numpy()

    if not affine:
        network = lambda theta, images_BCHW: encode(tower.module, theta, images_BCHW)  # noqa: E731
        return NetworkEvaluator(
            network, tower.theta0, tau, head, lambda task, split: images[task], batch
        )
    base = {n: features.base(tower.module, tower.theta0, x, batch) for n, x in images.items()}
    change = {
        n: dict(
            zip(
                tau,
                features.changes(tower.module, tower.theta0, list(tau.values()), x, batch),
                strict=True,
            )
        )
        for n, x in images.items()
    }
    return TangentEvaluator(lambda t, split: base[t], lambda t, split, s: change[t][s], head)


def _measure(
    evaluator: Evaluator, tasks: Sequence[Development], grid: np.ndarray
) -> dict[str, float]:
    names, labels = [t.source.name for t in tasks], {t.source.name: t.labels for t in tasks}

    def accuracy(task: str, points: list) -> np.ndarray:
        return (evaluator.predict(task, "val", points) == labels[task]).mean(1)

    along_AT = np.stack(
        [accuracy(t, [dict.fromkeys(names, float(a)) for a in grid]) for t in names], -1
    )
    single_T = np.array([accuracy(t, [{t: 1.0}])[0] for t in names])
    chosen = int(select_addition(along_AT, single_T))
    return {
        "accuracy_single": float(single_T.mean()),
        "accuracy_zero_shot": float(along_AT[0].mean()),
        "accuracy_tuned": float(along_AT[chosen].mean()),
        "selected_coefficient": float(grid[chosen]),
        "disentanglement_error": _disentanglement(evaluator, names, float(grid[chosen])),
    }


def _disentanglement(evaluator: Evaluator, names: list[str], alpha: float) -> float:
    """Mean over pairs of ξ(α, α) = Σ over the two tasks of the share of images whose prediction the other vector
    changes.
    """
    pairs = []
    for a, b in combinations(names, 2):
        terms = [evaluator.predict(t, "val", [{t: alpha}, {a: alpha, b: alpha}]) for t in (a, b)]
        pairs.append(sum((alone != both).mean() for alone, both in terms))
    return float(np.mean(pairs))


def choose(rows) -> tuple[str, dict[str, float]]:
    """The winning params_id and the score of each: mean over trainings of `accuracy_tuned`."""
    scores = rows[rows["metric"] == "accuracy_tuned"].groupby("params_id")["value"].mean().to_dict()
    return max(scores, key=scores.get), scores


def report(rows) -> str:
    """The sweep as Markdown: every setting and training, and which setting the rule chooses."""
    best, scores = choose(rows)
    metrics = [
        "accuracy_single",
        "accuracy_tuned",
        "selected_coefficient",
        "disentanglement_error",
        "relative_norm",
    ]
    wide = rows.pivot_table(index=["params_id", "training"], columns="metric", values="value")
    lines = [
        "# Development sweep",
        "",
        "Validation images of the development world; fractions.",
        "",
    ]
    lines += [
        "| setting | training | " + " | ".join(metrics) + " | score |",
        "|---" * (len(metrics) + 3) + "|",
    ]
    for (setting_name, training), row in wide.iterrows():
        cells = " | ".join(f"{row[m]:.4f}" for m in metrics)
        lines.append(f"| {setting_name} | {training} | {cells} | {scores[setting_name]:.4f} |")
    return "\n".join(
        [*lines, "", f"Chosen by the rule in `tangent_bench/measuring/sweep.py`: **{best}**.", ""]
    )
