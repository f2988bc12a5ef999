"""How cost grows: core time and peak memory against one factor at a time.

The factors are tasks, coefficients, images, width and depth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.figures import Figure
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import by_model, need, pick
from tangent_bench.figures._style import COLUMN, look
from tangent_bench.judging.pooling import summarize

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
too little for Linux to count exactly. The number after a verb is the exponent s of the fitted
power law, with a 95 % interval over rounds. A law with fixed costs is no power law: where marks
bend away from their line, the exponent grows towards the right (metric ``time_exponent_end``
has that of the last two values; the mathematics gives 2 for a large width, and 1 for tasks,
coefficients, images and depth). Times belong to this machine and do not repeat bit for bit. The
transformers are none of the models named below. The run record names the machine and the time.
""",
)


class VerbLook(NamedTuple):
    """A verb of experiment `cost_growth` and how it is drawn."""

    name: str
    title: str
    colour: str
    marker: str


class CostQuantity(NamedTuple):
    """What is measured, and how it is drawn.

    Attributes:
        exponent: metric of the exponent fitted to it.
        label: of the axis.
        unit: how many of the row's units are one of the axis.
    """

    metric: str
    exponent: str
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
    CostQuantity("seconds", "time_exponent", "Core time (ms)", 1e-3),
    CostQuantity("peak_bytes", "memory_exponent", "Peak memory (MB)", 1e6),
)
FACTORS = {
    "tasks": "Tasks",
    "coefficients": "Coefficients of the grid",
    "images": "Images (of a step: its batch)",
    "width": "Width (units)",
    "depth": "Depth (blocks)",
}


@look()
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
        fits = summarize(part)
        for factor, words in FACTORS.items():
            for axis, quantity in zip(next(lines), QUANTITIES, strict=True):
                _panel(axis, quantity, factor, part, fits)
                axis.set(xlabel=words, ylabel=quantity.label)
                title(axis, name if len(parts) > 1 else "")
    annotate(axes, _note(rows), ax)
    return axes


def _panel(
    axis, quantity: CostQuantity, factor: str, part: pd.DataFrame, fits: pd.DataFrame
) -> None:
    """All verbs against one factor."""
    values = []
    for verb in VERBS:
        about = {"params_id": f"{verb.name}/{factor}"}
        rounds = pick(part, metric=quantity.metric, **about).dropna(subset=["coefficient2"])
        if len(rounds):
            _verb(
                axis,
                verb,
                rounds.assign(value=rounds["value"] / quantity.unit),
                pick(fits, **about),
                quantity,
            )
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
        title="exponent s",
        title_fontsize=6.5,
        fontsize=6.0,
    )


def _verb(
    axis, verb: VerbLook, rounds: pd.DataFrame, fits: pd.DataFrame, quantity: CostQuantity
) -> None:
    """Medians with the range of the rounds, and the fitted power law."""
    import numpy as np

    groups = rounds.groupby("coefficient")["value"]
    spread = groups.agg(["median", "min", "max"])
    at = spread.index.to_numpy()
    median, lowest, highest = spread.to_numpy().T
    reach = [median - lowest, highest - median]
    slope = pick(fits, metric=quantity.exponent).iloc[0]
    shown = slope[["value", "low", "high"]].astype(float).round(2) + 0.0  # no −0.00
    exponent = "{:.2f} [{:.2f}, {:.2f}]".format(*shown).replace("-", "−")
    logs = np.log(rounds[["coefficient", "value"]].to_numpy())
    fitted = np.exp(logs[:, 1].mean() + slope["value"] * (np.log(at) - logs[:, 0].mean()))
    axis.plot(at, fitted, color=verb.colour, linewidth=0.9)
    axis.errorbar(
        at,
        median,
        reach,
        color=verb.colour,
        marker=verb.marker,
        markersize=3.6,
        linestyle="none",
        elinewidth=0.9,
        label=f"{verb.title}\n{exponent}",
    )


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
        f"n = {words} rounds{memory} on one core; marks: medians, bars: range of the rounds; "
        "lines and s: least squares over all rounds, with its 95 % interval over them, "
        f"conditional on this machine. {_beside_exponents(rows)}"
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
