"""Standard fine-tuning against linear fine-tuning, on single tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tangent_bench.figures import INTERVALS, Figure
from tangent_bench.figures._entities import mode
from tangent_bench.figures._scatter import scatter
from tangent_bench.figures._style import in_look

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Single tasks: non-linear against linear fine-tuning",
    reads=("single_task",),
    category="Single tasks",
    modes=("standard-network", "linear-tangent"),
    by_task=True,
    caption=f"""\
Non-linear fine-tuning (across) against fine-tuning of the linearized network (up), each task on
its own. In the grey half non-linear fine-tuning is better.
{INTERVALS}
""",
)


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes, one for each model.

    Raises:
        ValueError: rows of the experiment or of one of the two modes are missing.
    """
    return scatter(rows, mode("standard", "network"), mode("linear", "tangent"), ax)
