"""Result rows as the experiments write them, from made-up numbers: what figures and tables are
tested on. A file for each experiment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pandas as pd

from tangent_bench.judging import gathering
from tangent_bench.seeds import generator
from tangent_bench.store import replicates, rows
from tangent_bench.store.replicates import RowReplicates
from tangent_bench.store.rows import Row
from tests.synthetic.maker import CONTROL, TASKS, Maker

__all__ = ["CONTROL", "TASKS", "make", "read", "with_imported", "with_replicates", "write"]
# In this order, since all draw from one generator.
EXPERIMENTS = (
    "single_task",
    "task_addition",
    "task_negation",
    "posthoc_comparison",
    "vector_geometry",
    "kernel_gap",
    "ntk_localization",
    "disentanglement",
    "disentanglement_comparison",
    "pretraining_ablation",
    "ntk_theory",
    "cost_growth",
    "vector_localization",
    "task_analogies",
)


def make(
    models: Iterable[str] = ("tiny",), seeds: Iterable[int] = (0,), tasks: tuple[str, ...] = TASKS
) -> pd.DataFrame:
    """Rows of all experiments for these models, seeds and tasks, with replicates."""
    seeds = list(seeds)
    made = (Maker(model, seed, tasks) for model in models for seed in seeds)
    return with_replicates(rows.frame(row for maker in made for row in _of_all_experiments(maker)))


def _of_all_experiments(made: Maker) -> Iterator[Row]:
    for name in EXPERIMENTS:
        yield from import_module(f"tests.synthetic.{name}").rows(made)


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
