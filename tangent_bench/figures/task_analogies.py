"""Task analogies: the vectors of three tasks on a fourth that none of them saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._cells import Cell, cell, cells
from tangent_bench.figures._entities import modes, task_title
from tangent_bench.figures._select import by_model, need, pick
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import pandas as pd

    from tangent_bench.figures._entities import ModeLook

OVER = "over the best part"
FIGURE = Figure(
    title="Task analogies: test accuracy of a task that no vector was trained on",
    reads=("task_analogies", "single_task"),
    kind="table",
    category="Tables",
    per_task=True,
    caption=f"""\
a is to b as c is to d: test accuracy on d of the pre-trained model, of the vectors of c and b alone
and together, and of the analogy τ_c + τ_b − τ_a, each at the coefficient that the validation images
of d chose; what the analogy has over the best of those three, which the same images chose; last,
the vector of d itself at α = 1.
{INTERVALS}
""",
)


def build(rows: pd.DataFrame) -> pd.DataFrame:
    """Cells: for each mode and analogy a row of accuracies on d.

    Raises:
        ValueError: rows of an experiment are missing.
    """
    table = summarize(need(rows, *FIGURE.reads))
    test = table.loc[table["split"] == "test"]
    items = []
    for title, part in by_model(test):
        analogies = pick(part, experiment="task_analogies")
        own = pick(part, experiment="single_task", metric="accuracy")
        for mode in modes(analogies):
            at = {"training": mode.training, "evaluation": mode.evaluation}
            items += _mode(title, mode, pick(analogies, **at), pick(own, **at))
    return cells(items)


def _mode(title: str, mode: ModeLook, part: pd.DataFrame, own: pd.DataFrame) -> list[Cell]:
    found = pick(part, metric="analogy_accuracy_tuned")
    items = []
    for sources, task in found[["sources", "task"]].itertuples(index=False, name=None):
        items += _row(title, mode, (sources, task), part, own)
    return items


def _row(
    title: str,
    mode: ModeLook,
    analogy: tuple[str, str],
    part: pd.DataFrame,
    own: pd.DataFrame,
) -> list[Cell]:
    """The cells of one analogy; the last of its sources is subtracted."""
    sources, d = analogy
    c, b, a = sources.split("+")
    name = " ".join((task_title(a), ":", task_title(b), "::", task_title(c), ":", task_title(d)))
    row = f"{mode.title}, {name}"
    on_d = pick(part, task=d)
    alone = pick(on_d, metric="accuracy_tuned")
    columns = {
        "Pre-trained": pick(on_d, metric="analogy_accuracy", sources=sources),
        "c": pick(alone, sources=c),
        "b": pick(alone, sources=b),
        "c + b": alone[alone["sources"].isin([f"{c}+{b}", f"{b}+{c}"])],
        "c + b − a": pick(on_d, metric="analogy_accuracy_tuned", sources=sources),
        OVER: pick(on_d, metric="analogy_advantage_tuned", sources=sources),
        "d": pick(own, sources=d, task=d),
    }
    units = {OVER: "points"}
    return [
        cell(row, title, column, lines, units.get(column, "%")) for column, lines in columns.items()
    ]
