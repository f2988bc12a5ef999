"""Task analogies: a is to b as c is to d, so that d is learned without an image of its own.

    θ = θ0 + α (τ_c + τ_b − τ_a),   looked at on the images of d

a and b have the same class names, and so have c and d (or a and c, and b and d: the sum is the
same). α is chosen on the validation images of d, as are those of the parts that an analogy must
beat: τ_c, τ_b and τ_c + τ_b.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tangent_bench import registry
from tangent_bench.experiments import EachMode, Experiment, ModeStudy, tuned
from tangent_bench.measuring.evaluation import Point
from tangent_bench.measuring.selection import select_addition

if TYPE_CHECKING:
    from tangent_bench.planning.asking import Asking

EXPERIMENT = Experiment(
    title="Task analogies",
    scope=EachMode(),
    section="task_analogies",
    selected_on_test=3,
    reference="Ilharco et al. 2023, §5",
)


class Analogy(NamedTuple):
    """Four tasks: a is to b as c is to d."""

    a: str
    b: str
    c: str
    d: str

    @property
    def direction(self) -> Point:
        """c + b − a."""
        return {self.c: 1.0, self.b: 1.0, self.a: -1.0}

    @property
    def parts(self) -> list[Point]:
        """What of it can be had without a: c, b, and both."""
        return [{self.c: 1.0}, {self.b: 1.0}, {self.c: 1.0, self.b: 1.0}]


class Reached(NamedTuple):
    """What is reached on a task along a direction.

    Attributes:
        val_RA: accuracies on validation, for each replicate and coefficient.
        test_R: on test, at the coefficient that each replicate chose.
        alpha: the one that was chosen.
    """

    val_RA: np.ndarray
    test_R: np.ndarray
    alpha: float


def run(study: ModeStudy) -> None:
    analogies = asked(study.settings["quadruples"])
    parts = {}
    for direction, task in _parts(analogies):
        part = _reached(study, direction, task)
        parts[frozenset(direction), task] = part
        _add(study, "accuracy_tuned", part.test_R, direction, task, "test", part.alpha)
    for analogy in analogies:
        own = [parts[frozenset(direction), analogy.d] for direction in analogy.parts]
        _analogy_rows(study, analogy, own)


def asked(quadruples: Sequence[Sequence[str]]) -> list[Analogy]:
    """The analogies of the config."""
    return [Analogy(*quadruple) for quadruple in quadruples]


def _parts(analogies: Sequence[Analogy]) -> list[tuple[Point, str]]:
    """Each part and the task that it is looked at on, once, where analogies share some."""
    parts: dict[tuple, tuple[Point, str]] = {}
    for analogy in analogies:
        for direction in analogy.parts:
            parts[frozenset(direction), analogy.d] = (direction, analogy.d)
    return list(parts.values())


def _analogy_rows(study: ModeStudy, analogy: Analogy, parts: Sequence[Reached]) -> None:
    """Rows of one analogy: along the grid on validation; on test at θ0 and where tuned.

    There it is compared with θ0, and with the part that is best on validation images.
    """
    task = analogy.d
    direction = analogy.direction
    whole = _reached(study, direction, task)
    for place, coefficient in enumerate(study.coefficients):
        values_R = whole.val_RA[:, place]
        _add(study, "analogy_accuracy", values_R, direction, task, "val", float(coefficient))
    zero_R = study.accuracy(task, "test", [{}])[:, 0]
    _add(study, "analogy_accuracy", zero_R, direction, task, "test", 0.0)
    _add(study, "selected_coefficient", whole.alpha, direction, task, "val")
    for metric, values_R in (
        ("analogy_accuracy_tuned", whole.test_R),
        ("analogy_gain_tuned", whole.test_R - zero_R),
        ("analogy_advantage_tuned", whole.test_R - _best(parts)),
    ):
        _add(study, metric, values_R, direction, task, "test", whole.alpha)


def _best(parts: Sequence[Reached]) -> np.ndarray:
    """Accuracies on test [R] of the part that each replicate finds best on validation."""
    best_R = np.argmax([part.val_RA.max(axis=1) for part in parts], axis=0)
    return tuned(np.stack([part.test_R for part in parts], axis=1), best_R)


def _reached(study: ModeStudy, direction: Point, task: str) -> Reached:
    """Accuracies on a task along a direction, where validation images choose the coefficient."""
    points = []
    for alpha in study.coefficients.tolist():
        points.append({source: alpha * weight for source, weight in direction.items()})
    val_RA = study.accuracy(task, "val", points)
    chosen_R = select_addition(val_RA[..., None], np.ones((len(val_RA), 1)))
    needed = np.unique(chosen_R)
    test_RP = study.accuracy(task, "test", [points[place] for place in needed])
    test_R = tuned(test_RP, np.searchsorted(needed, chosen_R))
    return Reached(val_RA, test_R, float(study.coefficients[int(chosen_R[0])]))


def _add(
    study: ModeStudy,
    metric: str,
    values: np.ndarray | float,
    direction: Point,
    task: str,
    split: str,
    coefficient: float | None = None,
) -> None:
    """A row; of an analogy the last source is the one that is subtracted."""
    study.add(
        metric,
        values,
        sources="+".join(direction),
        task=task,
        split=split,
        num_samples=study.size(split, task),
        coefficient=coefficient,
    )


def require(config: Mapping) -> None:
    """Raises ValueError if a config has no analogy, or one that is none."""
    quadruples = config["task_analogies"]["quadruples"]
    if not quadruples:
        raise ValueError(
            "Experiment 'task_analogies' has no analogy; name four tasks [a, b, c, d], a is to b "
            "as c is to d, under task_analogies.quadruples."
        )
    seen = set()
    for quadruple in quadruples:
        _require_tasks(quadruple, config)
        _require_names(quadruple, config)
        a, b, c, d = quadruple
        if (a, frozenset((b, c)), d) in seen:
            raise ValueError(
                f"task_analogies.quadruples names {list(quadruple)} twice (b and c may change "
                "places); name it once."
            )
        seen.add((a, frozenset((b, c)), d))


def _require_tasks(quadruple: Sequence[str], config: Mapping) -> None:
    """Three tasks with vectors, and a fourth that has images."""
    tasks = config["tasks"]
    is_known = set(quadruple[:3]) <= set(tasks) and quadruple[3] in (*tasks, config["control"])
    if len(set(quadruple)) != 4 or not is_known:
        raise ValueError(
            f"task_analogies.quadruples holds {list(quadruple)}; expected four different tasks of "
            f"{', '.join(tasks)}, the last of which may be the control."
        )


def _require_names(quadruple: Sequence[str], config: Mapping) -> None:
    """Two pairs of equal class names, as far as they are known before images are opened."""
    a, b, c, d = (_class_names(task, config) for task in quadruple)
    if not (_agree(a, b) and _agree(c, d)) and not (_agree(a, c) and _agree(b, d)):
        raise ValueError(
            f"task_analogies.quadruples holds {list(quadruple)}, whose class names differ; in an "
            "analogy the first two have the same ones, and so have the last two."
        )


def _class_names(task: str, config: Mapping) -> frozenset[str] | None:
    """The class names of a task; None of a folder or data set that is yet to be opened."""
    entry = config["custom_tasks"].get(task)
    if entry is not None:
        return frozenset(entry["class_names"]) if entry.get("class_names") else None
    return frozenset(registry.task(task).TASK.class_names)


def _agree(first: frozenset[str] | None, second: frozenset[str] | None) -> bool:
    return first is None or second is None or first == second


def cost(asking: Asking) -> None:
    """Counts the grid on validation and the selected points on test, of analogies and parts."""
    analogies = asked(asking.settings["quadruples"])
    for analogy in analogies:
        _cost_along(asking, analogy.direction, analogy.d)
        asking.predict(analogy.d, "test", 1, 0, [])
    for direction, task in _parts(analogies):
        _cost_along(asking, direction, task)


def _cost_along(asking: Asking, direction: Point, task: str) -> None:
    num = asking.num_coefficients
    on_test = min(num, EXPERIMENT.selected_on_test)
    asking.predict(task, "val", num, len(direction), list(direction))
    asking.predict(task, "test", on_test, len(direction), list(direction))
