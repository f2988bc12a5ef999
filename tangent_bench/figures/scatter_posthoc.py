"""The paper's kernel-behaviour figure: a vector in the network and in the linearized network."""

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
    title="Single tasks: non-linear against post-hoc linearized",
    reads=("single_task",),
    category="Single tasks",
    modes=("standard-network", "standard-tangent"),
    by_task=True,
    caption=f"""\
Each task's own vector in the network (across) and in the network linearized at the pre-trained
weights (up). If fine-tuning were in the kernel regime the marks would lie on the diagonal; in
the grey half non-linear fine-tuning is better.
{INTERVALS}
""",
)


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes, one for each model. Under kernel behaviour the points would lie on the diagonal.

    Raises:
        ValueError: rows of the experiment or of one of the two modes are missing.
    """
    return scatter(rows, mode("standard", "network"), mode("standard", "tangent"), ax)
