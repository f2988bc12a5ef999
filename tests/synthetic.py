"""Result rows as the experiments write them, from made-up numbers: what figures and tables are
tested on.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations, combinations_with_replacement, product
from pathlib import Path

import numpy as np
import pandas as pd

from tangent_bench.judging import gathering
from tangent_bench.seeds import generator
from tangent_bench.store import replicates, rows
from tangent_bench.store.replicates import RowReplicates
from tangent_bench.store.rows import Row

TASKS = (
    "mnist",
    "street_numbers",
    "icons",
    "pictograms",
    "letters",
    "scripts",
    "terrain",
    "objects",
)
CONTROL = "compositions"
MODES = (("standard", "network"), ("standard", "tangent"), ("linear", "tangent"))
GRID = [round(0.05 * i, 2) for i in range(21)]
NUM_TEST, NUM_VAL = 1200, 500
_PEAK = {
    "standard-network": (0.3, 0.62),
    "standard-tangent": (0.45, 0.58),
    "linear-tangent": (0.55, 0.65),
}
_SINGLE = {"standard-network": 0.92, "standard-tangent": 0.80, "linear-tangent": 0.88}


def make(
    models: Iterable[str] = ("tiny",), seeds: Iterable[int] = (0,), tasks: tuple[str, ...] = TASKS
) -> pd.DataFrame:
    """Rows of all experiments for these models, seeds and tasks, with replicates."""
    return with_replicates(
        rows.frame(
            row for model in models for seed in seeds for row in _Maker(model, seed, tasks).rows()
        )
    )


def with_replicates(table: pd.DataFrame, num: int = 40, units: int = 400) -> pd.DataFrame:
    """The rows, carrying replicates as wide as their intervals, half of it the same for all seeds
    and models.
    """
    deviations = {}
    sums = table.loc[table["experiment"] != "task_analogies", "sources"]
    longest = max(sums, key=lambda sources: sources.count("+"), default="")
    means = table["task"].isin(["all", "own"]) | table["sources"].eq("each")
    means &= table["sources"].isin(["", "each", "multitask", longest])
    means &= table["low"].notna() & table["split"].eq("test")
    for line in table[means].to_dict("records"):
        name = replicates.name(line)
        if gathering.is_asked(name):
            shared = generator("synthetic", line["metric"], line["init"]).standard_normal(num)
            own = generator("synthetic", name).standard_normal(num)
            error = (line["high"] - line["low"]) / (2 * 1.96)
            deviations[name] = replicates.half(error * (shared + own) / 2**0.5)
    kept = RowReplicates(deviations, dict.fromkeys(deviations, units))
    return replicates.carrying(table, kept)


def write(folder: Path, table: pd.DataFrame) -> None:
    """Writes rows and their replicates as a run leaves them."""
    rows.write(folder / "rows.csv", table)
    replicates.save(folder / replicates.FILE, replicates.of(table) or replicates.NONE)


def read(folder: Path) -> pd.DataFrame:
    """Rows of a folder with their replicates."""
    return replicates.attach(rows.read(folder / "rows.csv"), folder / replicates.FILE)


def with_imported(
    table: pd.DataFrame, training: str = "standard", family: str = "C"
) -> pd.DataFrame:
    """The same rows as if the vectors of one training were those of public checkpoints."""
    own = table["training"].map({training: family}).fillna("own")
    compares = table["experiment"].isin(["posthoc_comparison", "disentanglement_comparison"])
    return table.assign(
        protocol=own.mask(compares & (own != "own"), family).mask(compares, f"{family}+own")
    )


class _Maker:
    def __init__(self, model: str, seed: int, tasks: tuple[str, ...]) -> None:
        self.model, self.seed, self.tasks = model, seed, tasks
        self.rng = generator("synthetic", model, seed)
        spread = generator("synthetic", "tasks")
        self.zero = {task: float(spread.uniform(0.2, 0.75)) for task in (*TASKS, *tasks)}

    def row(
        self, experiment: str, mode: tuple[str, str], metric: str, value: float, **at: object
    ) -> Row:
        """A row with an interval of the size that so many images give; `width` 0 leaves it out."""
        width, split = at.pop("width", None), at.pop("split", "test")
        images = (NUM_TEST if split == "test" else NUM_VAL) * (
            len(self.tasks) if at["task"] in ("all", "own") else 1
        )
        half = 1.96 * np.sqrt(max(value * (1 - value), 0.01) / images) if width is None else width
        bounds = {"low": value - half, "high": value + half} if half else {}
        about = {
            "model": self.model,
            "init": "pretrained",
            "seed": self.seed,
            "split": split,
            "num_samples": images,
            **bounds,
        }
        return Row(
            experiment=experiment,
            training=mode[0],
            evaluation=mode[1],
            metric=metric,
            value=float(value),
            **about,
            **at,
        )

    def noise(self, size: float = 0.01) -> float:
        return float(self.rng.uniform(-size, size))

    def rows(self) -> list[Row]:
        parts = [
            self.single_task(),
            self.addition(),
            self.negation(),
            self.comparison(),
            self.geometry(),
        ]
        parts += [self.kernel_gap(), self.ntk_localization()]
        parts += [
            self.disentanglement(),
            self.disentanglement_comparison(),
            self.pretraining_ablation(),
        ]
        parts += [self.ntk_theory(), self.cost_growth(), self.vector_localization()]
        parts += [self.task_analogies()]
        return [row for part in parts for row in part]

    def single_task(self) -> list[Row]:
        out = []
        for split in ("val", "test"):
            for task in (*self.tasks, "all", CONTROL):
                value = {"all": 0.46, CONTROL: 0.71}.get(task, self.zero.get(task))
                out.append(
                    self.row(
                        "single_task",
                        ("none", "network"),
                        "accuracy",
                        value,
                        sources="",
                        task=task,
                        split=split,
                    )
                )
        for mode in MODES:
            top, about = (
                _SINGLE["-".join(mode)],
                {"sources": "each", "task": "own", "coefficient": 1.0},
            )
            for source in self.tasks:
                out += self._vector(mode, source, top)
            out.append(self.row("single_task", mode, "accuracy", top + self.noise(), **about))
            for task in (*self.tasks, "all"):
                out.append(
                    self.row(
                        "single_task",
                        mode,
                        "accuracy",
                        top - 0.04,
                        sources="multitask",
                        task=task,
                        coefficient=1.0,
                    )
                )
        return out

    def _vector(self, mode: tuple[str, str], source: str, top: float) -> list[Row]:
        at = {"sources": source, "coefficient": 1.0}
        own = min(0.99, top + self.noise(0.06))
        out = [
            self.row("single_task", mode, "accuracy", own, task=source, split=split, **at)
            for split in ("val", "test")
        ]
        for task in self.tasks:
            if task != source:
                out.append(
                    self.row(
                        "single_task",
                        mode,
                        "accuracy",
                        max(0.05, self.zero[task] + self.noise(0.1)),
                        task=task,
                        **at,
                    )
                )
        best = float(not (source == "scripts" and mode[0] == "linear"))
        return [
            *out,
            self.row("single_task", mode, "best_on_own_task", best, task=source, width=0, **at),
        ]

    def addition(self) -> list[Row]:
        out = []
        for mode in MODES:
            peak, top = _PEAK["-".join(mode)]
            peak = round(peak + 0.05 * (self.seed % 3), 2)
            out += self._along(mode, peak, top)
            out += self._tuned(mode, peak, top + self.noise())
            if mode[1] == "tangent":
                out += self._subsets(mode, peak, top)
        return out

    def _along(self, mode: tuple[str, str], peak: float, top: float) -> list[Row]:
        out, at = [], {"sources": "+".join(self.tasks), "method": "task_arithmetic"}
        for split, grid in (("val", GRID), ("test", (0.0, 1.0))):
            for alpha in grid:
                mean = 0.46 + (top - 0.46) * (1 - ((alpha - peak) / max(peak, 0.5)) ** 2)
                for metric, value in (
                    ("accuracy", mean),
                    ("normalized_accuracy", mean / 0.9),
                    ("recovered_gain", (mean - 0.46) / 0.44),
                ):
                    for task in (*self.tasks, "all") if metric == "accuracy" else ("all",):
                        shift = 0.0 if task == "all" else self.zero[task] - 0.46
                        value_here = (
                            min(1.0, max(0.03, value + shift)) if metric == "accuracy" else value
                        )
                        about = {"task": task, "split": split, "coefficient": alpha, **at}
                        out.append(self.row("task_addition", mode, metric, value_here, **about))
        return out

    def _tuned(self, mode: tuple[str, str], peak: float, top: float) -> list[Row]:
        at = {"sources": "+".join(self.tasks), "method": "task_arithmetic"}

        def add(metric: str, value: float, **more: object) -> Row:
            return self.row("task_addition", mode, metric, value, **at, **more)

        out = [
            add("accuracy_tuned", min(1, top + self.noise(0.2)), task=task, coefficient=peak)
            for task in self.tasks
        ]
        out += [
            add(
                "normalized_accuracy_tuned",
                top / _SINGLE["-".join(mode)],
                task="all",
                coefficient=peak,
                width=0.02,
            ),
            add(
                "recovered_gain_tuned", (top - 0.46) / 0.4, task="all", coefficient=peak, width=0.04
            ),
            add("selected_coefficient", peak, task="all", split="val", width=0),
            add("selected_at_edge", 0.0, task="all", split="val", width=0),
        ]
        return (
            out
            if mode[1] == "tangent"
            else [*out, add("accuracy_tuned", top, task="all", coefficient=peak)]
        )

    def _subsets(self, mode: tuple[str, str], peak: float, top: float) -> list[Row]:
        out = []
        for num in range(1, len(self.tasks) + 1):
            for chosen in combinations(self.tasks, num):
                at = {
                    "sources": "+".join(chosen),
                    "method": "task_arithmetic",
                    "coefficient": min(1.0, peak + 0.05 * (len(self.tasks) - num)),
                }
                share = num / len(self.tasks)
                for task, value in (
                    ("own", 0.9 - (0.9 - top) * share),
                    ("all", 0.46 + (top - 0.46) * share),
                ):
                    value += self.noise(0.05) * (1 - share)
                    out.append(
                        self.row("task_addition", mode, "accuracy_tuned", value, task=task, **at)
                    )
                    if num < len(self.tasks) or task == "own":
                        out.append(
                            self.row(
                                "task_addition",
                                mode,
                                "normalized_accuracy_tuned",
                                value / 0.9,
                                task=task,
                                **at,
                            )
                        )
        return out

    def negation(self) -> list[Row]:
        out, at = [], {"method": "task_arithmetic"}
        for mode, depth in zip(MODES, (0.6, 0.75, 0.8), strict=True):
            for source in self.tasks:
                for alpha in GRID:
                    about = {"sources": source, "coefficient": -alpha, "split": "val", **at}
                    forgotten = self.zero[source] * (1 - depth * alpha)
                    out.append(
                        self.row("task_negation", mode, "accuracy", forgotten, task=source, **about)
                    )
                    out.append(
                        self.row(
                            "task_negation",
                            mode,
                            "accuracy",
                            0.71 - (1 - depth / 2) * 0.3 * alpha**2,
                            task=CONTROL,
                            **about,
                        )
                    )
                about = {"sources": source, "task": source, **at}
                out.append(
                    self.row(
                        "task_negation",
                        mode,
                        "accuracy_tuned",
                        self.zero[source] * (1 - depth / 2),
                        coefficient=-0.5,
                        **about,
                    )
                )
                out.append(
                    self.row(
                        "task_negation",
                        mode,
                        "selected_coefficient",
                        -0.5,
                        split="val",
                        width=0,
                        **about,
                    )
                )
                about["task"] = CONTROL
                out.append(
                    self.row(
                        "task_negation",
                        mode,
                        "accuracy_tuned",
                        0.68 + self.noise(),
                        coefficient=-0.5,
                        **about,
                    )
                )
            limit = {"sources": "each", "task": CONTROL, "split": "val", "width": 0, **at}
            out.append(self.row("task_negation", mode, "control_threshold", 0.95, **limit))
            for task, value in (("own", 0.46 * (1 - depth / 2)), (CONTROL, 0.68)):
                out.append(
                    self.row(
                        "task_negation",
                        mode,
                        "accuracy_tuned",
                        value + self.noise(),
                        sources="each",
                        task=task,
                        **at,
                    )
                )
        return out

    def comparison(self) -> list[Row]:
        every, at = (
            "+".join(self.tasks),
            {"params_id": "minus standard-network", "method": "task_arithmetic"},
        )
        out = []
        for mode, single, added, negated in (
            (MODES[1], -0.12, -0.04, 0.001),
            (MODES[2], -0.04, 0.03, -0.03),
        ):
            for metric, value, sources, task in (
                ("single_task/accuracy", single, "each", "own"),
                ("task_addition/accuracy_tuned", added, every, "all"),
                ("task_negation/target_accuracy_tuned", negated, "each", "own"),
                ("task_negation/control_accuracy_tuned", 0.002, "each", CONTROL),
            ):
                about = {"sources": sources, "task": task, "width": 0.012, **at}
                out.append(
                    self.row("posthoc_comparison", mode, metric, value + self.noise(0.002), **about)
                )
        return out

    def geometry(self) -> list[Row]:
        out = []
        for training, size in (("standard", 1.1), ("linear", 1.6)):
            lengths = {task: size + self.noise(0.3) for task in self.tasks}
            found = [("norm", length, task) for task, length in lengths.items()]
            found += [("relative_norm", length / 40, task) for task, length in lengths.items()]
            for a, b in combinations_with_replacement(self.tasks, 2):
                found.append(("cosine", 1.0 if a == b else self.noise(0.12), f"{a}+{b}"))
            at = {"task": "", "split": "", "width": 0}
            out += [
                self.row("vector_geometry", (training, "none"), m, v, sources=s, **at)
                for m, v, s in found
            ]
        return out

    def disentanglement(self) -> list[Row]:
        """Maps on coarse grids: light along the axes and where both coefficients are positive."""
        out, name = [], "disentanglement"
        tasks, odd = self.tasks, len(self.tasks) % 2
        pairs = [*zip(tasks[::2], tasks[1::2], strict=False), *[tasks[-2:]] * odd]
        for mode, scale in zip(MODES, (0.5, 0.6, 0.4), strict=True):
            for pair in pairs:
                for grid, places in (("wide", range(-3, 4)), ("unit", (0.0, 0.5, 1.0))):
                    at = {"sources": "+".join(pair), "params_id": grid, "width": 0}
                    for x, y in product(places, repeat=2):
                        harm = scale * (1 - 0.5 * (x > 0 and y > 0))
                        for task, other in zip(pair, (y, x), strict=True):
                            at |= {"task": task, "coefficient": float(x), "coefficient2": float(y)}
                            out.append(
                                self.row(
                                    name,
                                    mode,
                                    "disentanglement_term",
                                    harm * min(1, abs(other)),
                                    **at,
                                )
                            )
            for metric, value in (("mean", scale), ("relative", 2 * scale)):
                for sources in ("each", *map("+".join, pairs)):
                    about = {"sources": sources, "task": "all"}
                    out.append(
                        self.row(
                            name,
                            mode,
                            f"{metric}_disentanglement_error",
                            value + self.noise(),
                            **about,
                        )
                    )
        return out

    def disentanglement_comparison(self) -> list[Row]:
        out, at = [], {"sources": "each", "task": "all", "width": 0.02}
        for mode, value in zip(MODES, (0.3, 0.4, 0.2), strict=True):
            for metric in (
                "disentanglement_error_tuned",
                "matched_disentanglement_error",
                "matched_coefficient",
            ):
                out.append(
                    self.row("disentanglement_comparison", mode, metric, value + self.noise(), **at)
                )
            if mode == MODES[0]:
                continue
            names = [f"{kind}_disentanglement_error" for kind in ("mean", "relative", "matched")]
            for metric in (*names, "disentanglement_error_tuned"):
                about = {"params_id": "minus standard-network", **at}
                out.append(
                    self.row(
                        "disentanglement_comparison",
                        mode,
                        metric,
                        value - 0.3 + self.noise(),
                        **about,
                    )
                )
        return out

    def pretraining_ablation(self) -> list[Row]:
        """What a run from the pre-trained initialisation alone would have: no differences."""
        found = {
            "matched_disentanglement_error": 0.3,
            "matched_coefficient": 0.4,
            "matched_accuracy": 0.6,
        }
        found |= {"matched_pairs": 2.0}
        out = []
        for mode in MODES:
            for metric, value in found.items():
                split = "test" if metric.endswith("error") else "val"
                width, value = (
                    (0, value) if metric == "matched_pairs" else (0.03, value + self.noise())
                )
                at = {"sources": "each", "task": "all", "split": split, "width": width}
                out.append(self.row("pretraining_ablation", mode, metric, value, **at))
        return out

    def task_analogies(self) -> list[Row]:
        """One analogy, whose last task is the control."""
        out = []
        a, b, c = list(dict.fromkeys((*self.tasks, *TASKS)))[:3]
        directions = {c: 0.5, b: 0.48, f"{c}+{b}": 0.55}
        for mode in MODES:
            at = {"task": CONTROL, "coefficient": 0.4}
            for sources, value in directions.items():
                about = at | {"sources": sources}
                out.append(self.row("task_analogies", mode, "accuracy_tuned", value, **about))
            at["sources"] = f"{c}+{b}+{a}"
            value = 0.6 + self.noise()
            out.append(self.row("task_analogies", mode, "analogy_accuracy_tuned", value, **at))
            gain = {"width": 0.03, **at}
            out.append(self.row("task_analogies", mode, "analogy_gain_tuned", value - 0.45, **gain))
            for split, alpha in (("test", 0.0), ("val", 0.0), ("val", 1.0)):
                value = 0.45 + 0.1 * alpha
                there = at | {"split": split, "coefficient": alpha}
                out.append(self.row("task_analogies", mode, "analogy_accuracy", value, **there))
        return out

    def vector_localization(self) -> list[Row]:
        """Vectors that do less to other tasks' images than to their own."""
        out = []
        for mode, alpha in product(MODES, (0.2, 1.0)):
            steep = 1.0 + 0.3 * alpha * (mode[1] == "network")
            for task in self.tasks:
                own, ratios = alpha * (1.2 + self.zero[task]), {}
                for number, source in enumerate(self.tasks):
                    ratio = 1.0 if source == task else 0.5 + 0.05 * number + self.zero[task] / 4
                    ratios[source] = ratio
                    at = {"sources": source, "task": task, "coefficient": alpha}
                    for metric, value, width in (
                        ("relative_change", own * ratio, 0.04 * alpha),
                        ("localization_ratio", ratio, 0.05 * (source != task)),
                    ):
                        out.append(
                            self.row("vector_localization", mode, metric, value, width=width, **at)
                        )
                del ratios[task]
                single = float(np.mean(list(ratios.values())))
                together = steep * single * len(ratios) ** 0.5
                sources = {"others_over_own": "+".join(ratios), "one_other_over_own": "each"}
                for metric, value in (
                    ("others_over_own", together),
                    ("one_other_over_own", single),
                ):
                    at = {"sources": sources[metric], "task": task, "coefficient": alpha}
                    out.append(
                        self.row("vector_localization", mode, metric, value, width=0.05, **at)
                    )
            count = len(self.tasks) - 1
            for metric, task, value in (
                ("others_over_own", "all", steep * 0.75 * count**0.5 + self.noise(0.1)),
                ("one_other_over_own", "all", 0.75 + self.noise(0.1)),
                ("relative_change", "own", 1.7 * alpha),
            ):
                at = {"sources": "each", "task": task, "coefficient": alpha}
                out.append(self.row("vector_localization", mode, metric, value, width=0.03, **at))
        return out

    def kernel_gap(self) -> list[Row]:
        out = []
        for training, sign in (("standard", 1.0), ("linear", -1.0)):
            for task in (*self.tasks, "own"):
                spread = 0.0 if task == "own" else 1.0
                found = [
                    (
                        "network_accuracy",
                        "network",
                        1.0,
                        0.7 + 0.15 * sign + self.noise(0.1) * spread,
                        {},
                    )
                ]
                found += [
                    (
                        "tangent_accuracy",
                        "tangent",
                        1.0,
                        0.75 - 0.05 * sign + self.noise(0.1) * spread,
                        {},
                    )
                ]
                found += [("zero_shot_accuracy", "none", 0.0, 0.4, {})]
                found += [
                    (
                        "nonlinear_advantage",
                        "none",
                        1.0,
                        0.2 * sign + self.noise(0.1) * spread,
                        {"width": 0.05},
                    )
                ]
                for alpha in (0.05, 0.1, 0.25, 0.5, 0.75, 1.0):
                    error = alpha * (1.2 - 0.2 * sign + self.noise(0.3) * spread)
                    found.append(("output_error", "none", alpha, error, {"width": 0.02}))
                    found.append(("output_angle", "none", alpha, 35.0 * alpha**2, {"width": 0.5}))
                found += [
                    (
                        "kernel_drift",
                        "none",
                        1.0,
                        0.6 - 0.1 * sign + self.noise(0.2) * spread,
                        {"width": 0},
                    )
                ]
                found += [("kernel_alignment", "none", 1.0, 0.87, {"width": 0})]
                about = {"params_id": "256 validation images"}
                found += [
                    (
                        "kernel_regression_accuracy",
                        "none",
                        None,
                        0.63 + self.noise(0.2) * spread,
                        about,
                    )
                ]
                at = {"sources": "each" if task == "own" else task, "task": task}
                out += [
                    self.row(
                        "kernel_gap",
                        (training, evaluation),
                        metric,
                        value,
                        coefficient=alpha,
                        **at,
                        **more,
                    )
                    for metric, evaluation, alpha, value, more in found
                ]
        return out

    def ntk_localization(self) -> list[Row]:
        out = []
        found = {
            "localization_auroc": 0.75,
            "localization_auroc_null_haar": 0.6,
            "local_energy_off": 0.4,
        }
        found |= {
            "localization_auroc_null_random_init": 0.65,
            "local_energy_on": 0.55,
            "num_eigenfunctions": 90.0,
        }
        found |= {
            "localization_auroc_above_haar": 0.15,
            "localization_auroc_above_random_init": 0.1,
        }
        for task in (*self.tasks, "all"):
            at = {
                "sources": "",
                "task": task,
                "params_id": "theta0; embedding, 8 probes; label_energy 0.9",
            }
            for metric, value in found.items():
                whole = metric.startswith("num")
                value, width = value + self.noise(0.05) * (not whole), 0 if whole else 0.04
                out.append(
                    self.row("ntk_localization", ("none", "none"), metric, value, width=width, **at)
                )
        return out

    def ntk_theory(self) -> list[Row]:
        """Power laws of the width, a mark for each of three initialisations."""
        out, widths = [], (32, 128, 512)
        for metric, split, size in (
            ("width_kernel_change", "train", 0.4),
            ("width_linearization_distance", "train", 0.07),
            ("width_linearization_distance", "test", 0.13),
        ):
            at = {"sources": "", "task": "", "split": split}
            for width in widths:
                law, about = size * 32 / width, {"coefficient": float(width), **at}
                out.append(
                    self.row("ntk_theory", ("none", "none"), metric, law, width=0.2 * law, **about)
                )
                for number in range(3):
                    value = law * (1 + self.noise(0.3))
                    about["coefficient2"] = float(number)
                    out.append(
                        self.row("ntk_theory", ("none", "none"), metric, value, width=0, **about)
                    )
            out.append(
                self.row("ntk_theory", ("none", "none"), f"{metric}_slope", -0.9, width=0.07, **at)
            )
        return out

    def cost_growth(self) -> list[Row]:
        """Power laws of each factor, three rounds; the grid from features has no memory."""
        out, base = (
            [],
            {
                "features": 0.2,
                "grid": 4e-4,
                "network grid": 0.5,
                "standard step": 0.08,
                "linear step": 0.13,
            },
        )
        for verb, size in base.items():
            factors = {"tasks", "coefficients", "images", "width", "depth"}
            factors -= {"tasks", "coefficients"} if "step" in verb else set()
            factors -= {"features": {"coefficients"}, "grid": {"width", "depth"}}.get(verb, set())
            for factor in sorted(factors):
                at = {"sources": "", "task": "", "split": "", "params_id": f"{verb}/{factor}"}
                found = {"seconds": ("time_exponent", 0.9, size)}
                found |= (
                    {"peak_bytes": ("memory_exponent", 0.6, 8e7 * size**0.3)}
                    if verb != "grid"
                    else {}
                )
                for metric, (exponent, power, start) in found.items():
                    out += self._rounds(metric, power, start, at)
                    out.append(
                        self.row("cost_growth", ("none", "none"), exponent, power, width=0.03, **at)
                    )
                if factor == "tasks":
                    law = self.row(
                        "cost_growth",
                        ("none", "none"),
                        "time_slope_over_offset",
                        1.1,
                        width=0.1,
                        **at,
                    )
                    out.append(law)
        return out

    def _rounds(self, metric: str, power: float, start: float, at: dict) -> list[Row]:
        out = []
        for value in (2, 4, 8, 16):
            for number in (0, 1, 2, None):
                found = start * (value / 4) ** power * (1 + self.noise(0.05) * (number is not None))
                about = {"coefficient": float(value), "coefficient2": number, "width": 0, **at}
                out.append(self.row("cost_growth", ("none", "none"), metric, found, **about))
        return out
