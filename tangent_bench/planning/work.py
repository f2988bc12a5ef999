"""What a job does, in units of work, and how much it leaves on disk.

Units, (name, model) or (name, ""), are what `costs` has seconds of:
  encode, point     a pass of one image through open_clip's modules, through `vision` (grids of the network)
  primal, tangent   of one image: the pass that tangents share, and one Jacobian product beside it
  <training> step   one image of a training step, crop included; update: the rest of a step
  prompt            a text through the text tower
  kernel pass       a pass of one image for the tangent kernel; kernel pair: a product of two images' gradients
  sum, dot          a vector added to weights; a product of two vectors
  logit, flop       a logit with a vector added; an operation in products of matrices of NumPy
  basis, wide step  of a random orthonormal basis of n, for each n³; of `ntk_theory`, a weight, a point and a step
  draw              a bootstrap count
  decode, decode native, tile    an image decoded, a small one, a class of a contact sheet
  byte              read or written, with its digests
  start, start network    of a job, without and with PyTorch and the model
  second            where seconds are known
Shapes: N images, T tasks, V vectors (T, and one of joint training), D embedding, K classes, A coefficients.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from tangent_bench import merging, registry
from tangent_bench.planning import jobs
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.sizes import ModelSize, TaskSize
from tangent_bench.store.layout import JOINT

Unit = tuple[str, str]
# Seconds, whatever the run; those of the tiny preset on one core of an AMD EPYC. Together 3 % of it.
PLAIN = {
    "collect_rows": 0.3,
    "summarize": 0.7,
    "make_table": 0.8,
    "draw_figure": 1.8,
    "make_times": 0.3,
}
PLAIN |= {"make_results_page": 0.3}
# In forward passes of the image tower. A gradient costs two more, a product beside a pass two.
PASSES = {
    "encode": 1.0,
    "point": 1.0,
    "primal": 1.0,
    "tangent": 2.0,
    "standard step": 3.0,
    "linear step": 5.0,
}
PASSES |= {"kernel pass": 1.0, "attention_only step": 3.0, "lora step": 3.0}
PASSES |= dict.fromkeys(("linear_lora step", "tau_jp step", "tak step"), 5.0)
ROW_BLOCK = 64  # images, as `kernel.ROW_BLOCK`, which is not imported without need


def pairs(rows: int, columns: int | None = None) -> float:
    """Products of two images' gradients in a tangent kernel; of a symmetric one not all below the diagonal."""
    return rows * columns if columns else rows * min(rows, (rows + ROW_BLOCK) / 2)


@dataclass
class Work:
    """Work of one job.

    Attributes:
        images: that pass the network, again at every point of weight space.
        units: unit → amount.
        disk: bytes that it leaves, less what is small: replicates of experiments, tables, figures, headers.
        known: whether there is a formula; if not, the job's start alone is counted.
    """

    images: int = 0
    units: Counter[Unit] = field(default_factory=Counter)
    disk: int = 0
    known: bool = True

    def add(self, name: str, amount: float, model: str = "") -> None:
        """So much more of a unit."""
        if amount:
            self.units[name, model] += amount

    @property
    def passes(self) -> float:
        """Forward passes of the image tower that this costs."""
        return sum(PASSES.get(name, 0.0) * amount for (name, _), amount in self.units.items())


class Workload:
    """The work of the jobs of one config."""

    def __init__(
        self, config: Mapping, tasks: Mapping[str, TaskSize], models: Mapping[str, ModelSize]
    ) -> None:
        self.config, self.tasks, self.models = config, tasks, models

    def of(self, job: Job) -> Work:
        """The work of a job; of a rule without a formula its start."""
        found = getattr(self, f"_{job.rule}", None)
        if found:
            return found(job.wildcards)
        plain = next(
            (seconds for rule, seconds in PLAIN.items() if job.rule.startswith(rule)), None
        )
        work = Work(known=plain is not None)
        work.add("second" if plain else "start", plain or 1)
        return work

    def vector_bytes(self, model: str) -> int:
        """Size of a stored vector, float32."""
        return 4 * self.models[model].parameters

    def evaluated(self, task: str) -> int:
        """Images of val and test."""
        return self.tasks[task].images["val"] + self.tasks[task].images["test"]

    def features_bytes(self, model: str, task: str, training: str) -> int:
        """Of J τ of all vectors on a task's images."""
        num = len(jobs.sources(self.config, training))
        return 4 * num * self.models[model].embedding * self.evaluated(task)

    def base_bytes(self, model: str, task: str) -> int:
        """Of f0, with labels and blocks."""
        return (4 * self.models[model].embedding + 16) * self.evaluated(task)

    def _prepare_images(self, w: Mapping) -> Work:
        size, split = self.tasks[w["task"]], w["split"]
        work = Work(disk=size.bytes(split))
        work.add("start", 1)
        if split in size.seconds:
            work.add("second", size.seconds[split])
        else:
            work.add("decode native" if size.native else "decode", size.images[split])
        work.add("byte", work.disk)
        return work

    def _contact_sheet(self, w: Mapping) -> Work:
        work = Work()
        work.add("start", 1)
        work.add("tile", self.tasks[w["task"]].num_classes)
        work.add(
            "byte",
            self.tasks[w["task"]].bytes("train" if w["task"] in self.config["tasks"] else "test"),
        )
        return work

    def _build_head(self, w: Mapping) -> Work:
        size = self.tasks[w["task"]]
        work = Work(disk=4 * size.num_classes * self.models[w["model"]].embedding)
        work.add("start network", 1, w["model"])
        work.add("prompt", size.num_classes * size.num_templates, w["model"])
        work.add("byte", size.bytes("test"))
        return work

    def _encode_base(self, w: Mapping) -> Work:
        number = self.evaluated(w["task"])
        work = Work(number, disk=self.base_bytes(w["model"], w["task"]))
        work.add("start network", 1, w["model"])
        work.add("encode", number, w["model"])
        work.add("byte", self.tasks[w["task"]].bytes("val", "test") + work.disk)
        return work

    def _finetune(self, w: Mapping) -> Work:
        """steps × batch images; joint training has an equal part of every task in a batch."""
        recipe, joint = self.config["training"], w["task"] == JOINT
        tasks = self.config["tasks"] if joint else [w["task"]]
        steps = self.config["joint_training"]["steps"] if joint else recipe["steps"]
        number = steps * (recipe["batch_size"] // len(tasks)) * len(tasks)
        work = Work(number, disk=self.vector_bytes(w["model"]))
        work.add("start network", 1, w["model"])
        work.add(f"{w['training']} step", number, w["model"])
        work.add("update", steps, w["model"])
        spared = (
            [task for task in self.config["tasks"] if task != w["task"]]
            if self._spares(w["training"])
            else []
        )
        self._add_spared(work, w, len(spared), steps)
        work.add(
            "byte", sum(self.tasks[task].bytes("train") for task in [*tasks, *spared]) + work.disk
        )
        return work

    def _spares(self, training: str) -> bool:
        return registry.load("training", training).TRAINING.needs_others

    def _add_spared(self, work: Work, w: Mapping, num_others: int, steps: int) -> None:
        """Images of other tasks that a penalty sees: each costs as much as one of a linear step."""
        if num_others:
            settings = self.config["training_modes"].get(w["training"], {})
            seen = registry.load("training", w["training"]).images_seen(settings, num_others, steps)
            work.images += seen
            work.add("linear step", seen, w["model"])

    def _import_checkpoint(self, w: Mapping) -> Work:
        work = Work(disk=self.vector_bytes(w["model"]))
        work.add("start network", 1, w["model"])
        work.add("byte", 2 * work.disk)
        return work

    def _encode_changes(self, w: Mapping) -> Work:
        """Of V vectors: (1 + 2 V) passes of an image."""
        number, num_vectors = (
            self.evaluated(w["task"]),
            len(jobs.sources(self.config, w["training"])),
        )
        work = Work(number, disk=self.features_bytes(w["model"], w["task"], w["training"]))
        work.add("start network", 1, w["model"])
        work.add("primal", number, w["model"])
        work.add("tangent", number * num_vectors, w["model"])
        read = self.tasks[w["task"]].bytes("val", "test") + num_vectors * self.vector_bytes(
            w["model"]
        )
        work.add("byte", read + work.disk)
        return work

    def _merge(self, w: Mapping) -> Work:
        """Every vector is read and summed; what a method does beyond that (a decomposition) is left out."""
        vectors = len(self.config["tasks"]) * self.vector_bytes(w["model"])
        work = Work(disk=self.vector_bytes(w["model"]))
        work.add("start network", 1, w["model"])
        work.add("sum", len(self.config["tasks"]), w["model"])
        work.add("byte", vectors + work.disk)
        return work

    def _encode_merged(self, w: Mapping) -> Work:
        """J d of one direction on every task's images; of each task's own too where the method negates."""
        merger = merging.asked(self.config["methods"])[w["method"]]
        each = any(
            registry.load("experiments", e).EXPERIMENT.merges == "each"
            and jobs.is_crossed(self.config, merger, e)
            for e in self.config["experiments"]
        )
        tasks, control = self.config["tasks"], self.config["control"]
        number, kept = sum(map(self.evaluated, tasks)), self.evaluated(control) * each
        products = number * (1 + each) + kept * len(tasks)
        work = Work(number + kept, disk=4 * self.models[w["model"]].embedding * products)
        work.add("start network", 1, w["model"])
        work.add("primal", number + kept, w["model"])
        work.add("tangent", products, w["model"])
        read = sum(self.tasks[task].bytes("val", "test") for task in [*tasks, control])
        work.add("byte", read + (1 + each * len(tasks)) * self.vector_bytes(w["model"]) + work.disk)
        return work

    def _run_method(self, w: Mapping) -> Work:
        return self._run_experiment(w)

    def _run_experiment(self, w: Mapping) -> Work:
        from tangent_bench.planning.experiments import work_of

        return work_of(self, w)
