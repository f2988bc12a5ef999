"""Learning rate and steps, chosen on a development world.

It has other tasks than the reported ones, and only its validation images are looked at; of texts,
validation texts of the reported tasks.

Rule, fixed before any number was seen: the trainings of a model share one setting; it is the one
with the highest development accuracy in task addition at the validated coefficient, averaged over
standard fine-tuning in the network and linear fine-tuning in the tangent space. Where weights of a
penalty are tried, each training has its own: the one with its highest accuracy. Disentanglement
error: Ortiz-Jimenez et al. 2023, §4, here at α1 = α2 = the selected α, summed over the two tasks of
a pair.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from tangent_bench import registry
from tangent_bench.finetuning import modes
from tangent_bench.finetuning.loop import Source
from tangent_bench.finetuning.step import Recipe
from tangent_bench.measuring.evaluation import (
    Evaluator,
    NetworkEvaluator,
    Point,
    TangentEvaluator,
)
from tangent_bench.measuring.selection import select_addition
from tangent_bench.models._tower import Tower
from tangent_bench.store.rows import Row
from tangent_bench.tangent import features, vectors
from tangent_bench.tangent.linearize import encode

log = logging.getLogger(__name__)

Vectors = Mapping[str, Mapping[str, Tensor]]  # task → τ


@dataclass(frozen=True)
class Development:
    """One task of the development world.

    Attributes:
        source: what it is trained on.
        images: of validation, uint8 [N, H, W, C].
        labels: of validation, [N].
    """

    source: Source
    images: np.ndarray
    labels: np.ndarray


def setting(rate: float, steps: int, weight: float | None = None) -> str:
    """The name of a point of the sweep, as in the rows' params_id.

    It has the weight of a penalty where the training has one.
    """
    penalty = "" if weight is None else f" weight={weight:g}"
    return f"learning_rate={rate:g} steps={steps}{penalty}"


def recipe_at(recipe: Recipe, rate: float, steps: int) -> Recipe:
    """The recipe with another rate and number of steps; warm-up stays a quarter."""
    return replace(recipe, learning_rate=rate, steps=steps, warmup_steps=steps // 4)


def run(
    tower: Tower,
    model: str,
    training: str,
    tasks: Sequence[Development],
    recipe: Recipe,
    grid: np.ndarray,
    seed: int,
    batch: int,
    settings: Mapping[str, Any] | None = None,
) -> list[Row]:
    """Fine-tunes on every development task, adds the vectors, and measures on validation images.

    Args:
        tower: the image tower.
        model: its name.
        training: name of a training mode.
        tasks: of the development world.
        recipe: of the fine-tuning.
        grid: of α.
        seed: of the fine-tuning.
        batch: images that pass the network at a time.
        settings: the training mode's own numbers.
    """
    tau = _vectors(tower, training, tasks, recipe, seed, settings)
    affine = registry.load("training", training).TRAINING.affine
    evaluator = _evaluator(tower, affine, tasks, tau, batch)
    lengths = [vectors.norm(vector) for vector in tau.values()]
    length = np.mean(lengths) / vectors.norm(tower.theta0)
    metrics = _measure(evaluator, tasks, grid) | {"relative_norm": float(length)}
    return [
        Row(
            experiment="sweep",
            model=model,
            init="pretrained",
            training=training,
            evaluation="tangent" if affine else "network",
            sources="+".join(tau),
            task="all",
            split="val",
            seed=seed,
            metric=metric,
            value=value,
            num_samples=sum(len(task.labels) for task in tasks),
            method="task_arithmetic",
            params_id=setting(recipe.learning_rate, recipe.steps, (settings or {}).get("weight")),
        )
        for metric, value in metrics.items()
    ]


def _vectors(
    tower: Tower,
    training: str,
    tasks: Sequence[Development],
    recipe: Recipe,
    seed: int,
    settings: Mapping[str, Any] | None,
) -> dict[str, dict[str, Tensor]]:
    """τ of every development task."""
    images = {task.source.name: task.source.images for task in tasks}
    tau = {}
    for task in tasks:
        others = dict(images)
        del others[task.source.name]
        theta, _ = modes.fit(
            training,
            tower.module,
            tower.theta0,
            [task.source],
            recipe,
            seed,
            tower.normalise,
            tower.size,
            settings=settings,
            others=others,
        )
        tau[task.source.name] = vectors.subtract(theta, tower.theta0)
        log.info("%s is fine-tuned", task.source.name)
    return tau


def _evaluator(
    tower: Tower, affine: bool, tasks: Sequence[Development], tau: Vectors, batch: int
) -> Evaluator:
    images = {}
    heads = {}
    for task in tasks:
        images[task.source.name] = tower.prepare(task.images)
        heads[task.source.name] = task.source.head.numpy()
    head = heads.__getitem__
    if not affine:
        encoder = partial(encode, tower.module)
        return NetworkEvaluator(
            encoder, tower.theta0, tau, head, lambda task, split: images[task], batch
        )
    base = {}
    change = {}
    for name, pictures in images.items():
        base[name] = features.base(tower.module, tower.theta0, pictures, batch)
        changes = features.changes(tower.module, tower.theta0, list(tau.values()), pictures, batch)
        change[name] = dict(zip(tau, changes, strict=True))
    return TangentEvaluator(
        lambda task, split: base[task], lambda task, split, source: change[task][source], head
    )


def _measure(
    evaluator: Evaluator, tasks: Sequence[Development], grid: np.ndarray
) -> dict[str, float]:
    labels = {task.source.name: task.labels for task in tasks}
    names = list(labels)
    along = [dict.fromkeys(names, float(alpha)) for alpha in grid]

    def accuracy(task: str, points: Sequence[Point]) -> np.ndarray:
        return (evaluator.predict(task, "val", points) == labels[task]).mean(1)

    along_AT = np.stack([accuracy(task, along) for task in names], -1)
    single_T = np.array([accuracy(task, [{task: 1.0}])[0] for task in names])
    chosen = int(select_addition(along_AT, single_T))
    selected = float(grid[chosen])
    return {
        "accuracy_single": float(single_T.mean()),
        "accuracy_zero_shot": float(along_AT[0].mean()),
        "accuracy_tuned": float(along_AT[chosen].mean()),
        "selected_coefficient": selected,
        "disentanglement_error": _disentanglement(evaluator, names, selected),
    }


def _disentanglement(evaluator: Evaluator, names: Sequence[str], alpha: float) -> float:
    """Mean over pairs of ξ(α, α).

    It is the sum over the two tasks of the share of images whose prediction the other vector
    changes.
    """
    errors = []
    for first, second in combinations(names, 2):
        both = {first: alpha, second: alpha}
        error = 0
        for task in (first, second):
            alone_N, both_N = evaluator.predict(task, "val", [{task: alpha}, both])
            error += (alone_N != both_N).mean()
        errors.append(error)
    return float(np.mean(errors))


def choose(rows: pd.DataFrame) -> tuple[str, dict[str, float]]:
    """The winning params_id of one model's rows, and the score of each.

    A score is the mean of `accuracy_tuned` over trainings.
    """
    tuned = rows[rows["metric"] == "accuracy_tuned"]
    scores = pd.Series(tuned.groupby("params_id")["value"].mean()).to_dict()
    return max(scores, key=lambda params_id: scores[params_id]), scores


COLUMNS = (
    "accuracy_single",
    "accuracy_tuned",
    "selected_coefficient",
    "disentanglement_error",
    "relative_norm",
)


def has_weights(rows: pd.DataFrame) -> bool:
    """Whether weights of a penalty were tried, of which each training has its own."""
    return bool(rows["params_id"].str.contains(" weight=").any())


def looked_at(rows: pd.DataFrame) -> str:
    """What a sweep looks at, in words.

    Of texts there are no tasks beside the reported ones.
    """
    first = str(rows["sources"].iloc[0]).partition("+")[0]
    if registry.task_folder(first) == "texts":
        return "validation texts of the tasks that are reported"
    return "validation images of the development world"


def report(rows: pd.DataFrame) -> str:
    """The sweep as Markdown: every setting and training, and which setting the rule chooses.

    Each model has a choice of its own, and where weights were tried, each of its trainings has one;
    where there are several, each has a heading.
    """
    names = rows["model"]
    if has_weights(rows):
        names = names + ", " + rows["training"]
    parts = {str(name): part for name, part in rows.groupby(names, sort=False)}
    lines = [
        "# Development sweep",
        "",
        f"{looked_at(rows).capitalize()}; fractions.",
        "",
    ]
    for name, part in parts.items():
        lines += [f"## {name}", ""] if len(parts) > 1 else []
        lines += [*_table(part), ""]
    return "\n".join(lines)


def _table(rows: pd.DataFrame) -> list[str]:
    """The lines of one choice."""
    best, scores = choose(rows)
    wide = rows.pivot_table(index=["params_id", "training"], columns="metric", values="value")
    lines = [
        f"| setting | training | {' | '.join(COLUMNS)} | score |",
        "|---" * (len(COLUMNS) + 3) + "|",
    ]
    for (params_id, training), row in zip(
        wide.index.tolist(), wide.to_dict("records"), strict=True
    ):
        cells = " | ".join(f"{row[metric]:.4f}" for metric in COLUMNS)
        lines.append(f"| {params_id} | {training} | {cells} | {scores[params_id]:.4f} |")
    rule = f"Chosen by the rule in `tangent_bench/measuring/sweep.py`: **{best}**."
    return [*lines, "", rule]
