"""How cost grows: core time and peak memory against one factor at a time.

The factors are tasks, coefficients, images, width and depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.experiments.ntk_theory import mean_and_interval, slopes
from tangent_bench.figures import Figure
from tangent_bench.figures._page import points
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import by_model, need, pick
from tangent_bench.figures._style import COLUMN, in_look

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="How cost grows: time and memory against the size of the question",
    reads=("cost_growth",),
    category="What it costs",
    caption="""\
What the suite does again and again, timed on random vision transformers (32 px, 17 tokens)
while one factor varies and the others stay at their base (``cost_growth.base`` in the config).
*Features*: f0 and Jτ of all tasks; by the mathematics 1 + 2T passes of the network for Jτ, and
for f0 a slower one through open_clip's own modules. *Grid*: predictions along the coefficients
of the sum of all vectors, from features by products of small matrices or by a pass of the
network at every point. *Step*: an optimiser step, crops included; all of its images are one
batch. Left: processor time of one core. Right: bytes that the verb adds at its peak (a job,
which keeps freed memory in pieces, may hold more); features and grids take images in batches,
so that more images take more time but hardly more memory; what a grid from features takes is
too little for Linux to count exactly.

Lines join the medians, and nothing is fitted: with fixed costs, cost is no power of the factor.
The numbers after a verb are its local exponents, log of the ratio of costs over log of the ratio
of values, from the two smallest values to the two largest. Where the two differ, cost bends, and
no single exponent describes it. The second has a 95 % interval over rounds: how well the last
step was measured on this machine, not where it leads. For a large width the mathematics gives 2,
and 1 for many tasks, coefficients, images and blocks. Times belong to this machine and do not
repeat bit for bit. The transformers are none of the models named below. The run record names the
machine and the time.
""",
)
APART = 0.05  # octaves, between marks of verbs that stand side by side


class VerbLook(NamedTuple):
    """A verb of experiment `cost_growth` and how it is drawn."""

    name: str
    title: str
    colour: str
    marker: str


class CostQuantity(NamedTuple):
    """What is measured, and how it is drawn.

    Attributes:
        label: of the axis.
        unit: how many of the row's units are one of the axis.
    """

    metric: str
    label: str
    unit: float


# Of Okabe and Ito's colours; the steps have those of the modes that they train
VERBS = (
    VerbLook("features", "features", "#000000", "s"),
    VerbLook("grid", "grid, from features", "#CC79A7", "D"),
    VerbLook("network grid", "grid, by network", "#D55E00", "P"),
    VerbLook("standard step", "step, standard", "#0072B2", "o"),
    VerbLook("linear step", "step, linear", "#009E73", "^"),
)
QUANTITIES = (
    CostQuantity("seconds", "Core time (ms)", 1e-3),
    CostQuantity("peak_bytes", "Peak memory (MB)", 1e6),
)
FACTORS = {
    "tasks": "Tasks",
    "coefficients": "Coefficients of the grid",
    "images": "Images (of a step: its batch)",
    "width": "Width (units)",
    "depth": "Depth (blocks)",
}


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models × factors, 2]: time, and memory where the system told it.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    parts = list(by_model(rows))
    axes = panels(len(parts) * len(FACTORS), len(QUANTITIES), ax, (COLUMN, 1.75))
    lines = iter(axes)
    for name, part in parts:
        for factor, words in FACTORS.items():
            for axis, quantity in zip(next(lines), QUANTITIES, strict=True):
                _panel(axis, quantity, factor, part)
                axis.set(xlabel=words, ylabel=quantity.label)
                title(axis, name if len(parts) > 1 else "")
    annotate(axes, _note(rows), ax)
    return axes


def _panel(axis, quantity: CostQuantity, factor: str, part: pd.DataFrame) -> None:
    """All verbs against one factor."""
    values = []
    for k, verb in enumerate(VERBS):
        about = {"params_id": f"{verb.name}/{factor}", "metric": quantity.metric}
        rounds = pick(part, **about).dropna(subset=["coefficient2"])
        if len(rounds):
            shift = 2 ** (APART * (k - (len(VERBS) - 1) / 2))
            _verb(axis, verb, rounds.assign(value=rounds["value"] / quantity.unit), shift)
            values += list(rounds["coefficient"])
    if not values:
        axis.text(
            0.5,
            0.5,
            "not told by this system",
            transform=axis.transAxes,
            ha="center",
            color="#777777",
        )
        values = sorted(
            pick(part, metric="seconds").dropna(subset=["coefficient"])["coefficient"].unique()
        )
    _ticks(axis, sorted(set(values)))
    legend(
        axis,
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        framealpha=0.0,
        title="local exponents",
        title_fontsize=points(6.5),
        fontsize=points(6.0),
    )


def _verb(axis, verb: VerbLook, rounds: pd.DataFrame, shift: float) -> None:
    """Medians with the range of the rounds, joined; a factor shifts them sideways."""
    groups = rounds.groupby("coefficient")["value"]
    spread = groups.agg(["median", "min", "max"])
    median, lowest, highest = spread.to_numpy().T
    axis.errorbar(
        spread.index.to_numpy() * shift,
        median,
        [median - lowest, highest - median],
        color=verb.colour,
        marker=verb.marker,
        markersize=3.4,
        linewidth=0.9,
        elinewidth=0.9,
        label=f"{verb.title}\n{_exponents(rounds)}",
    )


def _exponents(rounds: pd.DataFrame) -> str:
    """The first local exponent and the last, which has an interval: "0.53 → 0.94 [0.91, 0.97]"."""
    exponents_VK = local_exponents(rounds)
    last = mean_and_interval(exponents_VK[-1]).round(2) + 0.0  # no −0.00
    numbers = [f"{exponents_VK[0].mean().round(2) + 0.0:.2f} →"] * (len(exponents_VK) > 1)
    numbers.append("{:.2f} [{:.2f}, {:.2f}]".format(*last))
    return " ".join(numbers).replace("-", "−")


def local_exponents(rounds: pd.DataFrame) -> np.ndarray:
    """Returns log(cost ratio) / log(value ratio) of neighbouring values, [V − 1, K].

    Args:
        rounds: a row for each of V values (`coefficient`) and K rounds (`coefficient2`).
    """
    import numpy as np

    cost = rounds.pivot_table(index="coefficient", columns="coefficient2", values="value")
    values = cost.index.to_list()
    costs_VK = cost.to_numpy()
    steps = range(len(values) - 1)
    return np.array([slopes(values[k : k + 2], costs_VK[k : k + 2]) for k in steps])


def _ticks(axis, values: list[float]) -> None:
    """Logarithmic axes that are labelled with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    axis.set(xscale="log", yscale="log")
    axis.set_xticks(values, minor=False)
    axis.xaxis.set_minor_locator(NullLocator())
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    low, high = axis.get_ylim()
    if high < 100 * low:  # powers of ten alone would leave an axis with one label or none
        middle = (low * high) ** 0.5
        reach = max((high / low) ** 0.5, 2.0)
        axis.set_ylim(middle / reach, middle * reach)
        axis.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    axis.yaxis.set_minor_formatter(NullFormatter())


def _note(rows: pd.DataFrame) -> str:
    counts = [pick(rows, metric=quantity.metric)["num_samples"] for quantity in QUANTITIES]
    words = " of time and ".join(str(count.max()) for count in counts if len(count))
    memory = " of memory" if len(counts[1]) else ""
    return (
        f"n = {words} rounds{memory} on one core; marks: medians, side by side, bars: range of the "
        "rounds; numbers: local exponents of the first two values → of the last two [95 % interval "
        f"over rounds, conditional on this machine]. {_beside_exponents(rows)}"
    )


def _beside_exponents(rows: pd.DataFrame) -> str:
    """Says what the exponents do not: the part of fixed cost, and the two grids side by side."""
    slope = pick(rows, metric="time_slope_over_offset", params_id="features/tasks")["value"].mean()
    seconds = pick(rows, metric="seconds").dropna(subset=["coefficient2"])
    by_network = pick(seconds, params_id="network grid/coefficients")
    from_features = pick(seconds, params_id="grid/coefficients")
    num = by_network["coefficient"].max()
    network = pick(by_network, coefficient=num)["value"].median()
    features = pick(from_features, coefficient=num)["value"].median()
    ratio = float(f"{network / features:.2g}")
    return (
        f"Features of T tasks take a time ∝ 1 + {slope:.2f} T; a grid of {num:g} coefficients "
        f"takes {ratio:,.0f} times as long by the network as from features that are there."
    )
