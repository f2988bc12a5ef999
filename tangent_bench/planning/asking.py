"""One job of an experiment, as it asks for predictions: what an experiment's `cost` counts with.

An experiment says in its own file what it costs:

    def cost(asking: Asking) -> None:
        for task in asking.tasks:
            asking.predict(task, "test", points=1, num_vectors=1, sources=[task])

Shapes: N images, T tasks, V vectors (T, and one of joint training), A coefficients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tangent_bench import merging, registry
from tangent_bench.planning.sizes import Sizes
from tangent_bench.planning.units import Work, pairs
from tangent_bench.store import layout
from tangent_bench.store.layout import Mode


class Asking:
    """One job of an experiment, and the work that it comes to.

    Attributes:
        work: all that was asked for so far.
        config: the complete config; settings: the experiment's own section of it.
        model: name of the model.
        mode: in which the job runs.
        tasks: names of all tasks; control: name of the control.
        vectors: names of the vectors that the mode's training makes.
        merger: one of the config's `methods`; None: the config's own `method`.
        num_coefficients: A, of the merger's grid or the config's.
    """

    def __init__(self, sizes: Sizes, wildcards: Mapping[str, str]) -> None:
        self.work = Work()
        self.config = sizes.config
        self.model = wildcards["model"]
        self.mode = Mode.parse(wildcards["mode"])
        self.tasks: list[str] = self.config["tasks"]
        self.control: str = self.config["control"]
        self.vectors = layout.sources(self.config, self.mode.training)
        self.merger = merging.asked(self.config["methods"]).get(wildcards.get("method", ""))
        experiment = registry.load("experiments", wildcards["experiment"]).EXPERIMENT
        self.settings = self.config.get(experiment.section, {})
        self.num_coefficients = self._num_coefficients(experiment.scope.merges)
        self._sizes = sizes
        self._drawn: set[tuple[str, str]] = set()
        self._projected: set[tuple[str, str, str]] = set()

    def _num_coefficients(self, merges: str) -> int:
        if self.merger and merges == "all" and self.merger.method.coefficients:
            return self.merger.method.coefficients[2]
        return self.config["coefficients"]["count"]

    def images(self, task: str, split: str, limit: int | None = None) -> int:
        """Number of images of a split that are looked at: all of them, or `limit` at most."""
        number = self._sizes.tasks[task].images[split]
        return number if limit is None else min(number, limit)

    def num_classes(self, task: str) -> int:
        """Number of classes of a task."""
        return self._sizes.tasks[task].num_classes

    @property
    def embedding(self) -> int:
        """Width of the model's embedding."""
        return self._sizes.models[self.model].embedding

    def predict(
        self,
        task: str,
        split: str,
        points: int,
        num_vectors: int,
        sources: Sequence[str],
        limit: int | None = None,
    ) -> None:
        """Predictions at points of weight space, and their bootstrap.

        Args:
            task: whose images are looked at.
            split: of these images.
            points: how many there are.
            num_vectors: that are summed at each point.
            sources: names of the vectors that are summed at some point.
            limit: of the number of images; None: all of them.
        """
        number = self.images(task, split, limit)
        if self._runs_network:
            self._pass(points, number, num_vectors)
        else:
            self._project(task, split, sources)
            logits = points * number * max(num_vectors, 1)
            self.work.add("logit", logits * self.num_classes(task))
        self.resample(task, split, points, number)

    def embed(
        self, task: str, split: str, points: int, num_vectors: int, limit: int | None = None
    ) -> None:
        """Embeddings at points of weight space, and the bootstrap of a number for each image.

        Args:
            task: whose images are looked at.
            split: of these images.
            points: how many there are.
            num_vectors: that are summed at each point.
            limit: of the number of images; None: all of them.
        """
        number = self.images(task, split, limit)
        if self._runs_network:
            self._pass(points, number, num_vectors)
        else:
            self.work.add("flop", 2 * points * number * (num_vectors + 1) * self.embedding)
        self.resample(task, split, points, number)

    @property
    def _runs_network(self) -> bool:
        return self.mode.evaluation == "network" and self.mode.training != "none"

    def _pass(self, points: int, number: int, num_vectors: int) -> None:
        """Passes of so many images at points, each of which is a sum of vectors."""
        self.work.images += points * number
        self.work.add("point", points * number, self.model)
        self.work.add("sum", points * (num_vectors + 1), self.model)

    def _project(self, task: str, split: str, sources: Sequence[str]) -> None:
        """Logits of f0 and of J τ of each source, once in a job."""
        new = {(task, split, source) for source in ["", *sources]} - self._projected
        self._projected |= new
        products = len(new) * self.images(task, split) * self.num_classes(task) * self.embedding
        self.work.add("flop", 2 * products)

    def resample(self, task: str, split: str, points: int, number: int) -> None:
        """Bootstrap counts of a split, once in a job, and their products with what is right.

        Args:
            task: whose images are drawn.
            split: of these images.
            points: at which predictions are right or wrong.
            number: of images.
        """
        replicates = self.config["bootstrap"]["replicates"] + 1
        if (task, split) not in self._drawn:
            self._drawn.add((task, split))
            self.work.add("draw", replicates * number)
        self.work.add("flop", 2 * replicates * number * points)

    def keep(self, task: str, split: str, points: int) -> None:
        """Predictions that stay on disk, two bytes each."""
        self.work.disk += 2 * points * self.images(task, split)

    def kernel(self, rows: int, readouts: int, columns: int | None = None) -> None:
        """A tangent kernel, symmetric unless it has columns of its own.

        A readout takes a pass back, twice a forward one, and forms gradients as costly as one more.

        Args:
            rows: number of images.
            readouts: number of outputs that have a kernel.
            columns: number of other images; None: the rows' own.
        """
        images = rows + (columns or 0)
        self.work.images += images
        self.work.add("kernel pass", images * (1 + 3 * readouts), self.model)
        self.work.add("kernel pair", pairs(rows, columns) * readouts, self.model)
