"""What figures of `vector_localization` share: ways of putting vectors in, and reference lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.figures._entities import ModeLook, modes
from tangent_bench.figures._select import pick, task_order
from tangent_bench.measuring.localization import of_unrelated

if TYPE_CHECKING:
    import pandas as pd

# Metric, and how its axis is labelled.
RATIOS = (
    ("others_over_own", "All others together / own"),
    ("one_other_over_own", "One other / own (mean)"),
)
REFERENCE = {"color": "#888888", "linestyle": ":", "linewidth": 0.9, "zorder": 0}


class Way(NamedTuple):
    """Vectors of one mode at one coefficient.

    Attributes:
        mode: how it looks.
        coefficient: α.
        whole: whether this is the mode's first coefficient: 1, or else the largest.
    """

    mode: ModeLook
    coefficient: float
    whole: bool

    @property
    def at(self) -> dict[str, object]:
        """The coordinates of its rows."""
        return {
            "training": self.mode.training,
            "evaluation": self.mode.evaluation,
            "coefficient": self.coefficient,
        }

    @property
    def title(self) -> str:
        """The mode and α."""
        return f"{self.mode.title}, α = {self.coefficient:g}"

    @property
    def label(self) -> str:
        """The same for ratios, which do not depend on α in the tangent space."""
        return self.mode.title if self.mode.evaluation == "tangent" else self.title

    @property
    def face(self) -> str:
        """The inside of its mark: hollow at coefficients other than the first."""
        return self.mode.colour if self.whole else "white"

    @property
    def dash(self) -> str:
        """Its line: dashed at coefficients other than the first."""
        return "-" if self.whole else "--"


def ways(table: pd.DataFrame) -> list[Way]:
    """Returns every mode of a table at its coefficients, in the tangent space at the first alone.

    There the ratios are the same at all of them.
    """
    found = []
    for mode in modes(table):
        rows = pick(table, training=mode.training, evaluation=mode.evaluation)
        rows = pick(rows, metric="localization_ratio")
        alphas = sorted(rows["coefficient"].round(9).unique().tolist(), reverse=True)
        if not alphas:
            continue
        first = 1.0 if 1.0 in alphas else alphas[0]
        others = [alpha for alpha in alphas if alpha != first]
        found.append(Way(mode, first, True))
        if mode.evaluation != "tangent":
            found += [Way(mode, alpha, False) for alpha in others]
    return found


def references(table: pd.DataFrame) -> dict[str, float]:
    """Returns the ratios of vectors that ignore whose images they see, by metric."""
    num_tasks = len(task_order(pick(table, metric="localization_ratio")))
    return {"others_over_own": of_unrelated(num_tasks), "one_other_over_own": 1.0}
