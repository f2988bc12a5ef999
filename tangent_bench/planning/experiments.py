"""The work of the jobs of experiments: how many points of weight space each looks at, on how many images.

How many coefficients are looked at on test depends on the data: those that some bootstrap replicate selects, the fewer
the more images there are. `SELECTED` are taken, as on the tiny preset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from math import comb

from tangent_bench import merging, registry
from tangent_bench.experiments.task_addition import OF_A_SIZE
from tangent_bench.measuring.selection import grid
from tangent_bench.planning import jobs
from tangent_bench.planning.work import Work, Workload, pairs
from tangent_bench.store.layout import Mode

SELECTED = {"task_addition": 3, "task_negation": 6}


class Asking:
    """One job of an experiment, as it asks for predictions."""

    def __init__(self, load: Workload, wildcards: Mapping) -> None:
        self.load, self.config, self.work = load, load.config, Work()
        self.model, self.mode = wildcards["model"], Mode.parse(wildcards["mode"])
        self.tasks, self.control = self.config["tasks"], self.config["control"]
        self.merger = merging.asked(self.config["methods"]).get(wildcards.get("method", ""))
        whole = registry.load("experiments", wildcards["experiment"]).EXPERIMENT.merges == "all"
        own = self.merger.method.coefficients if self.merger and whole else None
        self.num_coefficients = own[2] if own else self.config["coefficients"]["count"]
        self.vectors = jobs.sources(self.config, self.mode.training)
        self.settings = self.config.get(
            registry.load("experiments", wildcards["experiment"]).EXPERIMENT.section, {}
        )
        self._drawn: set[tuple[str, str]] = set()
        self._projected: set[tuple[str, str, str]] = set()

    def images(self, task: str, split: str, limit: int | None = None) -> int:
        """How many of a split are looked at: all of them, or `limit` at most."""
        number = self.load.tasks[task].images[split]
        return number if limit is None else min(number, limit)

    def predict(
        self,
        task: str,
        split: str,
        points: int,
        each: int,
        sources: list[str],
        limit: int | None = None,
    ) -> None:
        """Predictions at `points` sums of `each` vectors, of these sources, and their bootstrap."""
        number, work = self.images(task, split, limit), self.work
        if self.mode.evaluation == "network" and self.mode.training != "none":
            work.images += points * number
            work.add("point", points * number, self.model)
            work.add("sum", points * (each + 1), self.model)
        else:
            self._tangent(task, split, points * number * max(each, 1), sources)
        self.resample(task, split, points, number)

    def _tangent(self, task: str, split: str, logits: int, sources: list[str]) -> None:
        num_classes, images = self.load.tasks[task].num_classes, self.images(task, split)
        new = {(task, split, source) for source in ["", *sources]} - self._projected
        self._projected |= new
        self.work.add(
            "flop", 2 * len(new) * images * num_classes * self.load.models[self.model].embedding
        )
        self.work.add("logit", logits * num_classes)

    def resample(self, task: str, split: str, points: int, number: int) -> None:
        """Bootstrap counts of a split, once, and their products with what is right at each point."""
        replicates = self.config["bootstrap"]["replicates"] + 1
        if (task, split) not in self._drawn:
            self._drawn.add((task, split))
            self.work.add("draw", replicates * number)
        self.work.add("flop", 2 * replicates * number * points)

    def keep(self, task: str, split: str, points: int) -> None:
        """Predictions that stay, two bytes each."""
        self.work.disk += 2 * points * self.images(task, split)

    def kernel(self, rows: int, readouts: int, columns: int | None = None) -> None:
        """A tangent kernel, symmetric unless it has columns of its own; a readout takes a pass back, twice a forward
        one, and forms gradients as costly as one more.
        """
        images = rows + (columns or 0)
        self.work.images += images
        self.work.add("kernel pass", images * (1 + 3 * readouts), self.model)
        self.work.add("kernel pair", pairs(rows, columns) * readouts, self.model)


def work_of(load: Workload, wildcards: Mapping) -> Work:
    """The work of one job of `run_experiment`."""
    name, asking = wildcards["experiment"], Asking(load, wildcards)
    about, work = registry.load("experiments", name).EXPERIMENT, asking.work
    network = (
        about.scope == "training"
        or about.opens
        or (asking.mode.evaluation, about.scope) == ("network", "mode")
    )
    heavy = network and asking.mode != Mode("none", "network")
    work.add("start network" if heavy else "start", 1, asking.model if heavy else "")
    if about.scope in ("together", "inits"):
        return work
    if name not in FORMULAS:
        work.known = False
        return work
    FORMULAS[name](asking)
    work.add("byte", _bytes_read(asking, about) + work.disk)
    return work


def _bytes_read(a: Asking, about) -> int:
    """Of images, vectors and features, as the rule `run_experiment` has them among its inputs."""
    load, evaluated = a.load, [*a.tasks, a.control]
    images = sum(load.tasks[task].bytes("val", "test") for task in evaluated)
    base = sum(load.base_bytes(a.model, task) for task in evaluated)
    vectors = len(a.vectors) * load.vector_bytes(a.model) if a.mode.training != "none" else 0
    features = sum(load.features_bytes(a.model, task, a.mode.training) for task in evaluated)
    if about.scope == "model":
        return base + images if about.opens else 0
    if about.scope == "training":
        return base + images + vectors + features if about.opens else vectors
    if a.mode.training == "none":
        return base
    return base + (features if a.mode.evaluation == "tangent" else vectors + images)


def _single_task(a: Asking) -> None:
    """Zero-shot on every split; or every vector on every task's test images, and its own on validation."""
    if a.mode.training == "none":
        for task, split in product([*a.tasks, a.control], ("val", "test")):
            a.predict(task, split, 1, 0, [])
            a.keep(task, split, 1)
        return
    for task in a.tasks:
        for split, sources in (("val", [task]), ("test", a.vectors)):
            a.predict(task, split, len(sources), 1, sources)
            a.keep(task, split, len(sources))


def _task_addition(a: Asking) -> None:
    """The grid on validation, what was selected and the two ends on test, single tasks again, subsets."""
    num = a.num_coefficients
    looked_at = min(num, SELECTED["task_addition"] + 2)
    for task in a.tasks:
        for split, points in (("val", num), ("test", looked_at)):
            a.predict(task, split, points, len(a.tasks), a.tasks)
            a.keep(task, split, points)
            a.predict(task, split, 1, 1, [task])
        if a.mode.evaluation == "tangent" and (a.merger is None or a.merger.is_sum):
            _subsets(a, task)


def _subsets(a: Asking, task: str) -> None:
    """Subsets s: those with the task on its validation images at A points, all of them on test at one; |s| logits each.

    Of the subsets of a size, |s| / T hold a task.
    """
    num, classes = len(a.tasks), a.load.tasks[task].num_classes
    sizes = {size: min(comb(num, size), OF_A_SIZE) for size in range(1, num + 1)}
    on_val = (
        a.num_coefficients
        * sum(n * size**2 / num for size, n in sizes.items())
        * a.images(task, "val")
    )
    on_test = sum(n * size for size, n in sizes.items()) * a.images(task, "test")
    a.work.add("logit", (on_val + on_test) * classes)


def _task_negation(a: Asking) -> None:
    """Of every task: the grid on its own and the control's validation images, what was selected on both test splits."""
    num = a.num_coefficients
    for task in a.tasks:
        for where in (task, a.control):
            for split, points in (("val", num), ("test", min(num, SELECTED["task_negation"]))):
                a.predict(where, split, points, 1, [task])
                a.keep(where, split, points)


def _vector_geometry(a: Asking) -> None:
    """T norms and T (T + 1) / 2 cosines, each of three products."""
    num = len(a.tasks)
    a.work.add("dot", 1 + 2 * num + 3 * num * (num + 1) / 2, a.model)


def _disentanglement(a: Asking) -> None:
    """Every point of both grids and of the diagonal, for both tasks of every pair; each task alone once."""
    limit, tasks = a.settings["num_images"], list(a.tasks)
    neighbours = list(zip(tasks[::2], tasks[1::2], strict=False)) + [(tasks[-2], tasks[-1])] * (
        len(tasks) % 2
    )
    compared = [tuple(pair) for pair in a.settings["pairs"]] or neighbours
    maps = [grid(**a.settings[name]).tolist() for name in ("wide", "unit")]
    diagonal = grid(**a.config["coefficients"]).tolist()
    places = {place for alphas in maps for place in product(alphas, repeat=2)} | {
        (c, c) for c in diagonal
    }
    moved = sum(other != 0.0 for _, other in places)
    alone = len({0.0, *diagonal, *(c for alphas in maps for c in alphas)})
    for own, other in [*compared, *((second, first) for first, second in compared)]:
        a.predict(own, "test", moved, 2, [own, other], limit)
    for task in {task for pair in compared for task in pair}:
        a.predict(task, "test", alone, 1, [task], limit)
        a.predict(task, "val", len(diagonal), 1, [task], limit)


def _kernel_gap(a: Asking) -> None:
    """f along the path; the kernel of all logits before and after; regression within validation and across to test."""
    s = a.settings
    for task in a.tasks:
        classes = a.load.tasks[task].num_classes
        readouts, directions = (
            min(s[key] or classes, classes) for key in ("ntk_directions", "regression_directions")
        )
        number, train = (
            a.images(task, "test", s["num_images"]),
            a.images(task, "val", s["regression_images"]),
        )
        a.work.images += (1 + len(s["path"])) * number
        a.work.add("encode", (1 + len(s["path"])) * number, a.model)
        for _ in range(2):
            a.kernel(min(number, s["ntk_images"]), readouts)
        a.kernel(train, directions)
        a.kernel(number, directions, train)
        a.resample(task, "test", 4 + 2 * len(s["path"]), a.images(task, "test"))


def _ntk_localization(a: Asking) -> None:
    """The kernel of each task ∪ control, of the network and of a random one; orthonormal bases of the null."""
    s = a.settings
    for task in a.tasks:
        total = (
            a.load.models[a.model].embedding
            if s["outputs"] == "embedding"
            else a.load.tasks[task].num_classes
        )
        size = min(s["num_images"], a.images(task, "test"), a.images(a.control, "test"))
        for _ in range(2):
            a.kernel(2 * size, min(s["probes"] or total, total))
        a.work.add("basis", s["null_draws"] * (2 * size) ** 3)
    a.resample(a.control, "test", 1, a.images(a.control, "test"))


def _ntk_theory(a: Asking) -> None:
    """Gradient descent of every width; what its kernels cost beside it is left out."""
    s = a.settings
    weights = (s["hidden_layers"] - 1) * sum(width**2 for width in s["widths"])
    a.work.add("wide step", s["initialisations"] * s["steps"] * s["train_points"] * weights)


FORMULAS: dict[str, Callable[[Asking], None]] = {
    "single_task": _single_task,
    "task_addition": _task_addition,
    "task_negation": _task_negation,
    "vector_geometry": _vector_geometry,
    "disentanglement": _disentanglement,
    "kernel_gap": _kernel_gap,
    "ntk_localization": _ntk_localization,
    "ntk_theory": _ntk_theory,
}
