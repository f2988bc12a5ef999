"""Kernel behaviour: output error along θ0 + ατ, kernel drift, and what the fixed kernel can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._entities import ZERO_SHOT, mode, task_title, training_title
from tangent_bench.figures._page import points
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import by_model, need, note, pick, task_order
from tangent_bench.figures._style import errors, in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Kernel behaviour: output error, drift of the tangent kernel, kernel regression",
    reads=("kernel_gap",),
    category="Why it works",
    caption=f"""\
Is fine-tuning a kernel method? Were it one, f would stay with its linearization f_lin at θ0, and
the tangent kernel Θ with Θ(θ0). Left: how far apart f and f_lin are along θ0 + ατ, as a share of
what the vector changes (root mean squares over each task's own test images; thin lines: tasks,
with marks: their mean). By Taylor's theorem the error is proportional to α at first; at 100 %
(dashed) it is as large as the change itself. Middle: relative change of the tangent kernel of the
logits from θ0 to θ* = θ0 + τ (logarithmic, traced over classes), against the accuracy that f has
over f_lin with the same vector, scaled by C/(C − 1) for C classes. Vectors of linear fine-tuning
were trained in f_lin: f is the wrong place for them, and their advantage is negative. Right: test
accuracies on the same images. Kernel regression with Θ(θ0) (Malladi et al.: SGD kernel) starts
from f_0 and learns from **validation images only, far fewer than fine-tuning sees**, under
squared loss, with one kernel for all classes: it shows what the fixed kernel holds, and is no
bound of f_lin; its intervals are conditional on those images.
{INTERVALS}
""",
)
BLACK = "#000000"
PANEL = (2.4, 3.4)  # inches; three take the width of a page
# A legend above its panel, where marks may lie anywhere.
ABOVE = {
    "loc": "lower center",
    "bbox_to_anchor": (0.5, 1.0),
    "ncols": 2,
    "columnspacing": 0.8,
    "handletextpad": 0.2,
}


class Look(NamedTuple):
    """How the vectors of a training, or one way of predicting, are drawn."""

    label: str
    colour: str
    marker: str


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, 3].

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    parts = list(by_model(summarize(rows)))
    axes = panels(len(parts), 3, ax, PANEL)
    for line, (name, part) in zip(axes, parts, strict=True):
        _path(line[0], part)
        _drift(line[1], part)
        _accuracies(line[2], part)
        title(line[0], name)
    annotate(axes, _note(rows), ax)
    return axes


def _note(rows: pd.DataFrame) -> str:
    kernels = pick(rows, metric="kernel_drift")
    images = kernels.loc[kernels["task"] != "own", "num_samples"].max()
    trained = pick(rows, metric="kernel_regression_accuracy", task="own")["params_id"].unique()
    words = [
        note(pick(rows, metric="output_error"), per_task=True),
        f"tangent kernels: {images} test images per task",
    ]
    return "; ".join(
        words
        + [f"kernel regression learned from {', '.join(trained)} per task"] * bool(len(trained))
    )


def _trainings(part: pd.DataFrame) -> dict[str, Look]:
    """Returns the trainings, non-linear first, in the colours of the modes they are known by."""
    names = sorted(part["training"].unique(), key=lambda name: (name != "standard", name))
    known = {name: mode(name, "network" if name == "standard" else "tangent") for name in names}
    return {name: Look(training_title(name), m.colour, m.marker) for name, m in known.items()}


def _path(axis, part: pd.DataFrame) -> None:
    """Output error along the coefficient: a thin line for each task, and their mean."""
    found = pick(part, metric="output_error").sort_values("coefficient")
    for training, style in _trainings(part).items():
        of_training = pick(found, training=training)
        for task in task_order(part):
            line = pick(of_training, task=task)
            axis.plot(
                line["coefficient"],
                100 * line["value"],
                color=style.colour,
                linewidth=0.5,
                alpha=0.6,
            )
        mean = pick(of_training, task="own")
        axis.plot(
            mean["coefficient"],
            100 * mean["value"],
            color=style.colour,
            marker=style.marker,
            linewidth=1.8,
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=style.label,
        )
    label = "as large as the change"
    axis.axhline(100, color="#888888", linewidth=0.7, linestyle="--", zorder=0, label=label)
    axis.set_xlim(left=0.0)
    axis.set_ylim(0.0, 1.3 * axis.get_ylim()[1])  # room for the legend
    axis.set_xlabel("Coefficient α of its own vector")
    axis.set_ylabel("Output error ‖f − f_lin‖ / ‖f − f₀‖ (%)")
    legend(axis, loc="upper left", fontsize=points(6.5))


def _drift(axis, part: pd.DataFrame) -> None:
    """Draws kernel drift against the non-linear advantage, a mark for each task.

    Kernel behaviour is at 0, 0.
    """
    tasks = task_order(part)
    for training, style in _trainings(part).items():
        of_training = pick(part, training=training, task=tasks).set_index("task")
        x = pick(of_training, metric="nonlinear_advantage").reindex(tasks)
        y = pick(of_training, metric="kernel_drift").reindex(tasks)
        axis.errorbar(
            100 * x["value"],
            100 * y["value"],
            xerr=errors(x),
            fmt=style.marker,
            color=style.colour,
            label=style.label,
            markeredgecolor="black",
            markeredgewidth=0.5,
            elinewidth=0.6,
            ecolor="#888888",
        )
    _drift_scale(axis)
    axis.axvline(0, color="#888888", linewidth=0.7, zorder=0)
    at = {
        "xycoords": ("data", "axes fraction"),
        "textcoords": "offset points",
        "fontsize": points(6.5),
        "color": "#333333",
    }
    axis.annotate(
        "kernel behaviour:\n0 on both axes", (0, 0), (10, 8), arrowprops={"arrowstyle": "->"}, **at
    )
    axis.set_xlabel("Non-linear advantage of f over f_lin (%)")
    axis.set_ylabel("Kernel drift ‖Θ* − Θ₀‖ / ‖Θ₀‖ (%)")
    legend(axis, **ABOVE | {"ncols": 1, "fontsize": points(6.5)})


def _drift_scale(axis) -> None:
    """Makes the axis logarithmic, with plain numbers and room for the arrow.

    Vectors of the two trainings differ by a factor of ten.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_yscale("log", nonpositive="mask")
    axis.set_ylim(bottom=min(15.0, axis.get_ylim()[0] / 2))
    axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _accuracies(axis, part: pd.DataFrame) -> None:
    """Draws accuracy on each task: the vector in f and in f_lin.

    Regression with the kernel at θ0, and no training, stand beside them.
    """
    tasks = task_order(part)
    place = {task: -float(number) for number, task in enumerate(tasks)}
    for shift, (style, where) in zip(
        (0.36, 0.18, 0.0, -0.18, -0.36), _predictions(part), strict=False
    ):
        found = pick(part, **where).drop_duplicates("task").set_index("task").reindex(tasks)
        axis.errorbar(
            100 * found["value"],
            [place[task] + shift for task in tasks],
            xerr=errors(found),
            fmt=style.marker,
            color=style.colour,
            label=style.label,
            markersize=3.2,
            elinewidth=0.6,
            markeredgewidth=1.0,
        )
    for height in list(place.values())[:-1]:
        axis.axhline(height - 0.5, color="#dddddd", linewidth=0.5, zorder=0)
    axis.set_yticks(list(place.values()), [task_title(task) for task in tasks])
    axis.tick_params(axis="y", length=0)
    axis.set_xlim(0, 102)
    axis.set_xlabel("Test accuracy (%)")
    legend(axis, **ABOVE | {"bbox_to_anchor": (0.3, 1.0), "fontsize": points(6.5)})


def _predictions(part: pd.DataFrame) -> list[tuple[Look, dict]]:
    """Returns ways of predicting with the coordinates of their rows.

    Ways that need no vector are the same beside every training.
    """
    shown = [
        (mode("standard", "network"), {"metric": "network_accuracy", "training": "standard"}),
        (mode("standard", "tangent"), {"metric": "tangent_accuracy", "training": "standard"}),
        (mode("linear", "tangent"), {"metric": "tangent_accuracy", "training": "linear"}),
    ]
    known = [
        (Look(m.title, m.colour, m.marker), where)
        for m, where in shown
        if where["training"] in set(part["training"])
    ]
    fixed = [
        (Look("Kernel regression, Θ(θ0)", BLACK, "D"), {"metric": "kernel_regression_accuracy"}),
        (Look(ZERO_SHOT.title, ZERO_SHOT.colour, "|"), {"metric": "zero_shot_accuracy"}),
    ]
    return known + fixed
