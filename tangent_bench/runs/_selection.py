"""Which rows a figure or table shows: those of some modes and tasks."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from tangent_bench import registry
from tangent_bench.figures import Figure

if TYPE_CHECKING:
    import pandas as pd

MEANS = ("all", "own", "")  # tasks that are none


def plugin(name: str, kind: str) -> ModuleType:
    """Returns the file of a figure ("figure") or table ("table").

    Raises:
        ValueError: there is none of this name, or it is of the other kind.
    """
    names = {"figure": [], "table": []}
    for known in registry.names("figures"):
        names[_kind(known)].append(known)
    if name in names[kind]:
        return registry.load("figures", name)
    others = [known for known in names if known != kind]
    if name in names[others[0]]:
        raise ValueError(f"{name!r} is a {others[0]}; ask for it with `tangent-bench {others[0]}`.")
    hint = registry.did_you_mean(name, names[kind])
    raise ValueError(
        f"There is no {kind} {name!r}; expected one of {', '.join(names[kind])}.{hint}"
    )


def _kind(name: str) -> str:
    return registry.load("figures", name).FIGURE.kind


def chosen(
    rows: pd.DataFrame, name: str, about: Figure, modes: Sequence[str], tasks: Sequence[str]
) -> pd.DataFrame:
    """Returns the rows of some modes and tasks.

    Args:
        rows: result rows.
        name: of the figure or table.
        about: what it is.
        modes: as "linear-tangent"; none of them stands for all.
        tasks: none of them stands for all.

    Raises:
        ValueError: an experiment that it reads has no rows, or a mode or task is unknown or none
            that can be chosen.
    """
    _require_read(rows, name, about)
    if modes:
        rows = _of_modes(rows, name, about, modes)
    if tasks:
        rows = _of_tasks(rows, name, about, tasks)
    return rows


def _require_read(rows: pd.DataFrame, name: str, about: Figure) -> None:
    present = list(dict.fromkeys(rows["experiment"]))
    missing = [experiment for experiment in about.reads if experiment not in present]
    if missing:
        raise ValueError(
            f"{name!r} shows {' and '.join(missing)}, of which these results have no rows; they "
            f"have {', '.join(present)}."
        )


def _of_modes(rows: pd.DataFrame, name: str, about: Figure, modes: Sequence[str]) -> pd.DataFrame:
    trained = rows.loc[rows["training"] != "none"]
    pairs = trained["training"] + "-" + trained["evaluation"]
    known = [mode for mode in dict.fromkeys(pairs) if not mode.endswith("-none")]
    _require("mode", modes, known)
    for pattern in about.modes:
        if not fnmatch.filter(modes, pattern):
            raise ValueError(
                f"{name!r} compares {' with '.join(about.modes)}, but the modes that were chosen "
                f"are {', '.join(modes)}; choose both of them, or all."
            )
    trainings = [mode.rpartition("-")[0] for mode in modes]
    untrained = rows["training"] == "none"
    unevaluated = (rows["evaluation"] == "none") & rows["training"].isin(trainings)
    of_mode = (rows["training"] + "-" + rows["evaluation"]).isin(list(modes))
    return rows.loc[untrained | unevaluated | of_mode]


def _of_tasks(rows: pd.DataFrame, name: str, about: Figure, tasks: Sequence[str]) -> pd.DataFrame:
    if not about.by_task:
        able = [each for each in registry.names("figures") if _shows_tasks(each)]
        raise ValueError(
            f"{name!r} has means over all tasks, of which none can be left out; tasks can be "
            f"chosen in {', '.join(able)}."
        )
    _require("task", tasks, [task for task in dict.fromkeys(rows["task"]) if task not in MEANS])
    wanted = {*tasks, ""}
    inside = rows["sources"].map(lambda sources: set(sources.split("+")) <= wanted)
    part = rows.loc[inside & rows["task"].isin(list(wanted))]
    if not set(about.reads) <= set(part["experiment"]):
        raise ValueError(
            f"{name!r} has nothing about {', '.join(tasks)} alone; choose more tasks, or all."
        )
    return part


def _shows_tasks(name: str) -> bool:
    return registry.load("figures", name).FIGURE.by_task


def _require(kind: str, names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            hint = registry.did_you_mean(name, known)
            raise ValueError(
                f"These results have no {kind} {name!r}; they have {', '.join(known)}.{hint}"
            )
