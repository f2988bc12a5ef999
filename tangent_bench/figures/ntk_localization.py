"""Localization: energy of a task's eigenfunctions on its images and off them.

The AUROC says how well the energy tells them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import Figure
from tangent_bench.figures._entities import task_title
from tangent_bench.figures._panels import annotate, legend, panels, place_of, title
from tangent_bench.figures._select import by_model, need, pick, span
from tangent_bench.figures._style import COLUMN, in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Localization of kernel eigenfunctions",
    reads=("ntk_localization",),
    category="Why it works",
    caption="""\
Do the eigenfunctions of the tangent kernel that a task uses live on that task's images? Left:
local energy, the sum of the squares of these functions, on the task's images (filled) and on as
many of the control (open); localized functions have energy on the left kind only. Right: how
well this energy tells the two apart (AUROC), beside two nulls that choose their functions by
the same rule: a random orthonormal basis, and the kernel of a random initialisation.
Localization is what lies to the right of both. Labels are zero on the control, so that any
basis separates a little: compare with the nulls, not with 0.5. Intervals cover the images and
are conditional on the eigenfunctions, which stand on the same images, on the random directions
that estimate the kernel's sum over outputs, and on these weights.
""",
)
LINE = 0.27  # inches of a task
ABOVE = 16  # points between a panel and its title, where the legend is
# Metric, label, colour, marker, face: filled for the task's own kernel.
ENERGY = (
    ("local_energy_on", "on the task's images", "#0072B2", "o", "#0072B2"),
    ("local_energy_off", "on the control's images", "#D55E00", "s", "white"),
)
AUROC = (
    ("localization_auroc", r"kernel at $\theta_0$", "#0072B2", "o", "#0072B2"),
    ("localization_auroc_null_random_init", "null: random init.", "#CC79A7", "D", "white"),
    ("localization_auroc_null_haar", "null: random basis", "#333333", "|", "#333333"),
)
SHIFT = 0.2  # of neighbouring marks in a task's line, so that their intervals stay apart


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, 2]: energies, and AUROC between a null's marks.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    parts = list(by_model(summarize(rows)))
    tasks = [*(task for task in rows["task"].unique() if task != "all"), "all"]
    axes = panels(len(parts), 2, ax, (COLUMN, LINE * len(tasks) + 1.5))
    for (left, right), (name, part) in zip(axes, parts, strict=True):
        _panel(left, part, tasks, ENERGY)
        left.set_xlabel(r"Local energy $E_{loc}$, mean over images (of 1)")
        title(left, name, "energy on and off the support", loc="left", pad=ABOVE)
        _panel(right, part, tasks, AUROC)
        right.axvline(0.5, color="#888888", linestyle=":", linewidth=0.8, zorder=0)
        right.set_xlabel("AUROC of $E_{loc}$ (dotted: chance)")
        title(right, name, "localization and its nulls", loc="left", pad=ABOVE)
        if place_of(right)[1]:
            right.set_yticklabels([])
    annotate(axes, _words(rows), ax)
    return axes


def _panel(axis, part: pd.DataFrame, tasks: list[str], looks) -> None:
    places = range(len(tasks))
    for number, (metric, label, colour, marker, face) in enumerate(looks):
        line = pick(part, metric=metric).set_index("task").loc[tasks]
        shift = SHIFT * (number - (len(looks) - 1) / 2)
        axis.errorbar(
            line["value"],
            [place + shift for place in places],
            xerr=_errors(line),
            fmt=marker,
            color=colour,
            markerfacecolor=face,
            markersize=4.5 if marker != "|" else 7,
            elinewidth=0.9,
            label=label,
        )
    axis.set_yticks(places, [task_title(task) for task in tasks])
    axis.set_ylim(len(tasks) - 0.45, -0.55)
    axis.grid(axis="y", color="#e4e4e4", linewidth=0.5)
    axis.set_axisbelow(True)
    axis.axhline(len(tasks) - 1.5, color="#888888", linewidth=0.6)
    axis.tick_params(axis="y", length=0)
    spacing = {"columnspacing": 0.9, "handletextpad": 0.1}
    legend(axis, loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=len(looks), **spacing)


def _errors(line: pd.DataFrame) -> list:
    """Distances below and above the values; a fraction of energy is no percentage."""
    below = line["value"] - line["low"]
    above = line["high"] - line["value"]
    return [part.fillna(0.0).clip(lower=0.0).to_numpy() for part in (below, above)]


def _words(rows: pd.DataFrame) -> str:
    single = pick(rows, metric="localization_auroc")
    images = single.loc[single["task"] != "all", "num_samples"] // 2
    return (
        f"n = {span(images)} test images of each task and as many of the control; kernel, "
        f"reduction and choice of functions: {', '.join(single['params_id'].unique())}; "
        "95 % intervals: images, conditional on the eigenfunctions, the probes and the weights"
    )
