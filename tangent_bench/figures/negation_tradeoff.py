"""Negation: target accuracy against control accuracy, along the coefficient."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._entities import ModeLook, modes
from tangent_bench.figures._panels import annotate, beside, legend, panels, title
from tangent_bench.figures._select import by_model, control, need, note, pick
from tangent_bench.figures._style import COLUMN, errors, in_look, seen_through
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Task negation: target against control",
    reads=("task_negation",),
    category="Negation",
    caption=f"""\
What negation forgets against what it keeps, as the coefficient grows from zero (upper right).
Lines: validation, means over tasks at a common coefficient. Marks: test, each vector at the
coefficient chosen for it. The dashed line is the limit on the control, a share of its zero-shot
accuracy on validation that the config names (the paper's is 95 %).
{INTERVALS}
""",
)
WORDS = "lines: validation, one α for all tasks; marks: test, each vector at the α chosen for it"


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes, one for each model.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    table = summarize(rows)
    parts = list(by_model(table))
    axes = panels(1, len(parts), ax, (COLUMN + 0.3 + beside(len(modes(table)) + 2), 3.0))
    for axis, (name, part) in zip(axes.flat, parts, strict=True):
        _panel(axis, part, control(part))
        title(axis, name)
    annotate(axes, f"{WORDS}; {note(rows)}", ax)
    return axes


def _panel(axis, part: pd.DataFrame, kept: str) -> None:
    found = modes(part)
    lines = {
        mode: _means(pick(part, training=mode.training, evaluation=mode.evaluation), kept)
        for mode in found
    }
    start = lines[found[0]].loc[0.0, "control"]
    for share in sorted(pick(part, metric="control_threshold")["value"].unique()):
        label = f"kept on validation: {share:g} × zero-shot"
        axis.axvline(
            100 * share * start,
            color="#888888",
            linestyle="--",
            linewidth=0.8,
            zorder=0,
            label=label,
        )
    for mode, line in lines.items():
        axis.plot(
            100 * line["control"],
            100 * line["target"],
            ".-",
            color=mode.colour,
            markersize=3,
            linewidth=1,
            label=mode.title,
        )
        _chosen(axis, pick(part, training=mode.training, evaluation=mode.evaluation), kept, mode)
    axis.errorbar(
        [], [], xerr=[], yerr=[], fmt="o", color="#333333", label="chosen α, test", elinewidth=0.9
    )
    axis.set_xlabel("Control accuracy (%), higher keeps more →")
    axis.set_ylabel("Target accuracy, mean over tasks (%)\n← lower forgets more")
    legend(axis, loc="best")


def _means(part: pd.DataFrame, kept: str) -> pd.DataFrame:
    """Returns mean validation accuracy of target and control by coefficient, falling from 0."""
    line = pick(part, split="val", metric="accuracy")
    table = line.assign(
        kind=line["task"].map(lambda task: "control" if task == kept else "target"),
        at=line["coefficient"] + 0.0,
    )
    return table.pivot_table(index="at", columns="kind", values="value", aggfunc="mean").sort_index(
        ascending=False
    )


def _chosen(axis, part: pd.DataFrame, kept: str, mode: ModeLook) -> None:
    test = pick(part, split="test", metric="accuracy_tuned", sources="each")
    x = pick(test, task=kept)
    y = pick(test, task="own")
    axis.errorbar(
        100 * x["value"],
        100 * y["value"],
        xerr=errors(x),
        yerr=errors(y),
        fmt=mode.marker,
        ecolor=mode.colour,
        **seen_through(mode.colour),
        markersize=5,
        elinewidth=0.9,
        capsize=2,
        zorder=4,
    )
