"""The development sweep: addition and disentanglement error against the length of the vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures._entities import model_title, modes
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import pick
from tangent_bench.figures._style import COLUMN, in_look

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PANELS = {
    "accuracy_tuned": "Accuracy of the sum at its α* (%)",
    "disentanglement_error": "ξ at this α*, sum of two tasks (%)",
}


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Returns two axes for each model: a point for each setting and training.

    The rows are about images or texts of validation.
    """
    from tangent_bench.measuring import sweep

    names = rows["model"].unique().tolist()
    axes = panels(len(names), len(PANELS), ax, (COLUMN, 2.9))
    for line, name in zip(axes, names, strict=True):
        for axis, (metric, label) in zip(line, PANELS.items(), strict=True):
            for mode in modes(rows):
                part = pick(rows, model=name, training=mode.training, evaluation=mode.evaluation)
                _points(axis, part, metric, mode)
            title(axis, model_title(name))
            axis.set_xlabel("Relative length ‖τ‖ / ‖θ0‖ (%)")
            axis.set_ylabel(label)
    legend(axes.flat[0], loc="best")
    seeds = ", ".join(map(str, sorted(rows["seed"].unique())))
    numbers = "rate, steps and weight" if sweep.has_weights(rows) else "rate and steps"
    words = (
        f"a mark: a setting of learning {numbers}; α*: chosen on these images; "
        f"n = {rows['num_samples'].max():,} {sweep.looked_at(rows)}; "
        f"seed {seeds}; no intervals"
    )
    annotate(axes, words, ax)
    return axes


def _points(axis, part: pd.DataFrame, metric: str, mode) -> None:
    wide = part.pivot_table(index="params_id", columns="metric", values="value")
    wide = wide.sort_values("relative_norm")
    style = {"color": mode.colour, "marker": mode.marker, "label": mode.title, "linewidth": 0.8}
    axis.plot(100 * wide["relative_norm"], 100 * wide[metric], **style)
