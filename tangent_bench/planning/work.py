"""What a job does, in units of work (`units`), and how much it leaves on disk.

What an experiment asks for stands in its own file, as `cost(asking)`.

Shapes: N images, T tasks, V vectors (T, and one of joint training), K classes, A coefficients.
"""

from __future__ import annotations

from collections.abc import Mapping

from tangent_bench import experiments, merging, models, registry
from tangent_bench.planning import recipes
from tangent_bench.planning.asking import Asking
from tangent_bench.planning.jobs import Job
from tangent_bench.planning.sizes import Sizes
from tangent_bench.planning.units import Work
from tangent_bench.store import layout
from tangent_bench.store.layout import JOINT

Wildcards = Mapping[str, str]

# Beginning of a rule's name → seconds of its jobs, whatever the run: those of the tiny preset on
# one core of an AMD EPYC. Together they are 3 % of it.
PLAIN_SECONDS = {
    "collect_rows": 0.3,
    "collect_replicates": 0.3,
    "summarize": 0.7,
    "make_table": 0.8,
    "draw_figure": 3.0,
    "make_times": 0.3,
    "make_results_page": 0.3,
}
CAPTIONS = 3  # of a picture of the corpus: `pretraining.VARIANTS`, which would import PyTorch
DRAWN_SECONDS = 5e-4  # of a picture that the suite draws, on the same core
PAIR_BYTES = 4608  # of a picture of the corpus and its captions as they are read
PROBE_STEPS = 300  # of L-BFGS for a penalty, assumed


class Workload(Sizes):
    """The work of the jobs of one config."""

    def of(self, job: Job) -> Work:
        """The work of a job; of a rule without a formula its start."""
        formula = getattr(self, f"_{job.rule}", None)
        return formula(job.wildcards) if formula else _without_formula(job.rule)

    def _prepare_images(self, w: Wildcards) -> Work:
        size = self.tasks[w["task"]]
        split = w["split"]
        work = Work(disk=size.bytes(split))
        work.add("start", 1)
        if split in size.seconds:
            work.add("second", size.seconds[split])
        else:
            work.add("decode native" if size.native else "decode", size.images[split])
        work.add("byte", work.disk)
        return work

    def _prepare_texts(self, w: Wildcards) -> Work:
        return self._prepare_images(w)

    def _contact_sheet(self, w: Wildcards) -> Work:
        size = self.tasks[w["task"]]
        work = Work()
        work.add("start", 1)
        work.add("tile", size.num_classes)
        work.add("byte", size.bytes("train" if w["task"] in self.config["tasks"] else "test"))
        return work

    def _build_head(self, w: Wildcards) -> Work:
        size = self.tasks[w["task"]]
        work = Work(disk=4 * size.num_classes * self.models[w["model"]].embedding)
        work.add("start network", 1, w["model"])
        work.add("prompt", size.num_classes * size.num_templates, w["model"])
        work.add("byte", size.bytes("test"))
        return work

    def _fit_probe(self, w: Wildcards) -> Work:
        """Passes of the training images, and some hundred steps of L-BFGS for each penalty."""
        size = self.tasks[w["task"]]
        embedding = self.models[w["model"]].embedding
        number = size.images["train"]
        work = Work(number, disk=4 * size.num_classes * embedding)
        work.add("start network", 1, w["model"])
        work.add("encode", number, w["model"])
        steps = PROBE_STEPS * len(self.config["probe"]["penalties"])
        work.add("flop", 4 * steps * number * size.num_classes * embedding)
        work.add("byte", size.bytes("train") + work.disk)
        return work

    def _encode_base(self, w: Wildcards) -> Work:
        number = self.evaluated(w["task"])
        work = Work(number, disk=self.base_bytes(w["model"], w["task"]))
        work.add("start network", 1, w["model"])
        work.add("encode", number, w["model"])
        work.add("byte", self.tasks[w["task"]].bytes("val", "test") + work.disk)
        return work

    def _finetune(self, w: Wildcards) -> Work:
        """steps × batch images; joint training has an equal part of every task in a batch."""
        is_joint = w["task"] == JOINT
        tasks = self.config["tasks"] if is_joint else [w["task"]]
        recipe = recipes.recipe(self.config, w["model"])
        steps = self.config["joint_training"]["steps"] if is_joint else recipe["steps"]
        number = steps * (recipe["batch_size"] // len(tasks)) * len(tasks)
        work = Work(number, disk=self.vector_bytes(w["model"]))
        work.add("start network", 1, w["model"])
        work.add(f"{w['training']} step", number, w["model"])
        work.add("update", steps, w["model"])
        spared = self._spared(w)
        if spared:
            self._add_spared(work, w, len(spared), steps)
        read = sum(self.tasks[task].bytes("train") for task in [*tasks, *spared])
        work.add("byte", read + work.disk)
        return work

    def _spared(self, w: Wildcards) -> list[str]:
        """Other tasks, where the training spares them."""
        if not registry.load("training", w["training"]).TRAINING.needs_others:
            return []
        return [task for task in self.config["tasks"] if task != w["task"]]

    def _add_spared(self, work: Work, w: Wildcards, num_others: int, steps: int) -> None:
        """Adds the images of other tasks that a penalty sees.

        An image costs as much as one of a linear step.
        """
        settings = self.config["training_modes"].get(w["training"], {})
        seen = registry.load("training", w["training"]).images_seen(settings, num_others, steps)
        work.images += seen
        work.add("linear step", seen, w["model"])

    def _draw_corpus_again(self, w: Wildcards) -> Work:
        """A shard of pictures, and `CAPTIONS` of each through the text tower."""
        recipe = self.config["rebuilding"]
        number = recipe["num_images"] // recipe["num_shards"]
        model = next(name for name in self.config["models"] if _pretraining_seed(name) == w["seed"])
        work = Work(disk=number * PAIR_BYTES)
        work.add("start network", 1, model)
        work.add("second", number * DRAWN_SECONDS)
        work.add("prompt", number * CAPTIONS, model)
        work.add("byte", work.disk)
        return work

    def _advance_trunk(self, w: Wildcards) -> Work:
        """From the percentage of the trunk's steps before it to its own."""
        recipe = self.config["rebuilding"]
        percent = int(w["percent"])
        before = max((other for other in recipe["percents"] if other < percent), default=0)
        return self._pretraining(w, recipe["trunk_steps"] * (percent - before) / 100)

    def _cool_down(self, w: Wildcards) -> Work:
        return self._pretraining(w, self.config["rebuilding"]["cooldown_steps"])

    def _pretraining(self, w: Wildcards, steps: float) -> Work:
        recipe = self.config["rebuilding"]
        number = round(steps * recipe["batch_size"])
        state = 3 * self.vector_bytes(w["run"])  # the weights, and two moments of the optimiser
        work = Work(number, disk=state)
        work.add("start network", 1, w["run"])
        work.add("standard step", number, w["run"])
        work.add("update", steps, w["run"])
        work.add("byte", recipe["num_images"] * PAIR_BYTES + 2 * state)
        return work

    def _import_checkpoint(self, w: Wildcards) -> Work:
        work = Work(disk=self.vector_bytes(w["model"]))
        work.add("start network", 1, w["model"])
        work.add("byte", 2 * work.disk)
        return work

    def _encode_changes(self, w: Wildcards) -> Work:
        """Of V vectors: (1 + 2 V) passes of an image."""
        number = self.evaluated(w["task"])
        num_vectors = len(layout.sources(self.config, w["training"]))
        work = Work(number, disk=self.features_bytes(w["model"], w["task"], w["training"]))
        work.add("start network", 1, w["model"])
        work.add("primal", number, w["model"])
        work.add("tangent", number * num_vectors, w["model"])
        images = self.tasks[w["task"]].bytes("val", "test")
        work.add("byte", images + num_vectors * self.vector_bytes(w["model"]) + work.disk)
        return work

    def _merge(self, w: Wildcards) -> Work:
        """Reads and sums every vector; further work of a method (a decomposition) is left out."""
        num_tasks = len(self.config["tasks"])
        work = Work(disk=self.vector_bytes(w["model"]))
        work.add("start network", 1, w["model"])
        work.add("sum", num_tasks, w["model"])
        work.add("byte", (num_tasks + 1) * work.disk)
        return work

    def _encode_merged(self, w: Wildcards) -> Work:
        """J d of one direction on every task's images.

        Where the method negates, J d of each task's own direction as well, on its own images and on
        those of the control.
        """
        tasks = self.config["tasks"]
        num_tasks = len(tasks)
        on_tasks = sum(map(self.evaluated, tasks))
        on_control = 0
        products = on_tasks
        num_directions = 1
        if self._negates(w["method"]):
            on_control = self.evaluated(self.config["control"])
            products += on_tasks + on_control * num_tasks
            num_directions += num_tasks
        number = on_tasks + on_control
        work = Work(number, disk=4 * self.models[w["model"]].embedding * products)
        work.add("start network", 1, w["model"])
        work.add("primal", number, w["model"])
        work.add("tangent", products, w["model"])
        images = self._evaluated_bytes()
        work.add("byte", images + num_directions * self.vector_bytes(w["model"]) + work.disk)
        return work

    def _negates(self, label: str) -> bool:
        """Whether a method of the config makes a direction for each task by itself."""
        merger = merging.asked(self.config["methods"])[label]
        crossed = experiments.crossed(self.config, merger)
        return any(experiments.scope_of(name).merges == "each" for name in crossed)

    def _run_method(self, w: Wildcards) -> Work:
        return self._run_experiment(w)

    def _run_experiment(self, w: Wildcards) -> Work:
        scope = experiments.scope_of(w["experiment"])
        cost = getattr(registry.load("experiments", w["experiment"]), "cost", None)
        asking = Asking(self, w)
        work = asking.work
        if scope.loads_network(asking.mode):
            work.add("start network", 1, asking.model)
        else:
            work.add("start", 1)
        if cost:
            cost(asking)
            at = experiments.Coordinates(asking.model, w["init"], asking.mode, w["seed"])
            read = sum(map(self._bytes_of, scope.inputs(self.config, at)))
            work.add("byte", read + work.disk)
        else:
            work.known = bool(scope.reads)  # a comparison takes little more than its start
        return work

    def _evaluated_bytes(self) -> int:
        """Bytes of the images of val and test of all tasks and the control."""
        evaluated = [*self.config["tasks"], self.config["control"]]
        return sum(self.tasks[task].bytes("val", "test") for task in evaluated)

    def _bytes_of(self, path: str) -> int:
        """Bytes of an input of `run_experiment`; heads and what comparisons read are small."""
        match path.removesuffix(".safetensors").split("/"):
            case ["data", task, split]:
                return self.tasks[task].bytes(split)
            case ["base", model, _, task]:
                return self.base_bytes(model, task)
            case ["vectors", model, *_]:
                return self.vector_bytes(model)
            case ["features", model, _, training, task, _]:
                return self.features_bytes(model, task, training)
        return 0


def _pretraining_seed(model: str) -> str | None:
    """ "0" of "tiny-pre0"; None of a shipped model."""
    rebuilt = models.REBUILT.fullmatch(model)
    return rebuilt["seed"] if rebuilt else None


def _without_formula(rule: str) -> Work:
    """Seconds that are known, or the job's start alone."""
    for beginning, seconds in PLAIN_SECONDS.items():
        if rule.startswith(beginning):
            work = Work()
            work.add("second", seconds)
            return work
    work = Work(known=False)
    work.add("start", 1)
    return work
