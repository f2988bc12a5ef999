"""Width laws: change of the kernel and distance from the linearization against the width."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench.figures import Figure
from tangent_bench.figures._panels import annotate, legend, panels, title
from tangent_bench.figures._select import by_model, need, pick
from tangent_bench.figures._style import COLUMN, in_look
from tangent_bench.judging.pooling import summarize

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

FIGURE = Figure(
    title="Wide networks: the tangent kernel stays, and training is that of the linearization",
    reads=("ntk_theory",),
    category="Why it works",
    caption="""\
A multilayer perceptron in NTK parametrization, trained by gradient descent under squared loss for
the same time at every width. Left: how far its tangent kernel has moved (Jacot et al. 2018: not
at all, in the limit). Right: how far it is from its linearization at θ0, trained likewise (Lee et
al. 2019). Compare the fitted exponents with the proven bound, m to the power −½ (dashed), and
with 1/m (dotted), which Lee et al. observed for the kernel. A mark is one initialisation; those
of held-out and of training points stand side by side. The interval of an exponent runs over
initialisations and is conditional on these points, this depth and this time. Nothing here says
that fine-tuning a pre-trained network is in this regime. The perceptron is none of the models
named below.
""",
)


class Law(NamedTuple):
    """A quantity of experiment `ntk_theory` and how it is drawn."""

    metric: str
    split: str
    title: str
    colour: str
    marker: str


PANELS = (
    (r"$\|\Theta_t-\Theta_0\|_F\,/\,\|\Theta_0\|_F$  (%)", "Change of the tangent kernel"),
    (r"$\|f_t-f_{\mathrm{lin},t}\|\,/\,\|f_t-f_0\|$  (%)", "Distance from the linearization"),
)
# Two of Okabe and Ito's colours that no mode of fine-tuning has
LAWS = (
    (Law("width_kernel_change", "train", "training points", "#000000", "o"),),
    (
        Law("width_linearization_distance", "test", "held-out points", "#000000", "o"),
        Law("width_linearization_distance", "train", "training points", "#D55E00", "s"),
    ),
)
APART = 0.1  # octaves, between marks that stand side by side
THEORY = ((-0.5, "--", r"$m^{-1/2}$, the proven bound"), (-1.0, ":", r"$m^{-1}$"))


@in_look
def draw(rows: pd.DataFrame, ax=None) -> np.ndarray:
    """Axes [models, 2], a single line where the laws beside all models are the same ones.

    Raises:
        ValueError: rows of the experiment are missing.
    """
    rows = need(rows, *FIGURE.reads)
    parts = _distinct(by_model(rows))
    axes = panels(len(parts), len(PANELS), ax, (COLUMN, 3.0))
    for line, (name, part) in zip(axes, parts, strict=True):
        means = summarize(part)
        for axis, laws, (label, words) in zip(line, LAWS, PANELS, strict=True):
            for k, law in enumerate(laws):
                shift = 2 ** (APART * (k - (len(laws) - 1) / 2))
                _law(axis, law, pick(part, split=law.split), pick(means, split=law.split), shift)
            _theory(axis, pick(means, metric=laws[0].metric, split=laws[0].split))
            _label(axis, label, sorted(part["coefficient"].dropna().unique()))
            title(axis, name if len(parts) > 1 else "", words)
    annotate(axes, _note(rows), ax)
    return axes


def _distinct(parts: Iterable[tuple[str, pd.DataFrame]]) -> list[tuple[str, pd.DataFrame]]:
    """The perceptron is none of the models, so that rows of a second one may be the same."""
    found: list[tuple[str, pd.DataFrame]] = []
    for name, part in parts:
        if not any(_is_same(part, other) for _, other in found):
            found.append((name, part))
    return found


def _is_same(first: pd.DataFrame, second: pd.DataFrame) -> bool:
    """Whether the rows of two models differ in the model alone."""
    bare = [p.drop(columns=["model", "init"]).reset_index(drop=True) for p in (first, second)]
    return bare[0].equals(bare[1])


def _law(axis, law: Law, part: pd.DataFrame, means: pd.DataFrame, shift: float) -> None:
    """A mark for each initialisation, shifted by a factor, and the fitted power law."""
    import numpy as np

    points = pick(part, metric=law.metric).dropna(subset=["coefficient2"])
    look = {
        "marker": law.marker,
        "color": law.colour,
        "markersize": 3.2,
        "markerfacecolor": "none",
        "alpha": 0.45,
    }
    places = points["coefficient"] * shift
    axis.plot(places, 100 * points["value"], linestyle="none", markeredgewidth=0.6, **look)
    slope = pick(means, metric=f"{law.metric}_slope").iloc[0]
    logs = np.log(points[["coefficient", "value"]].to_numpy())
    widths = np.array([points["coefficient"].min(), points["coefficient"].max()])
    fitted = np.exp(logs[:, 1].mean() + slope["value"] * (np.log(widths) - logs[:, 0].mean()))
    exponent = "{:.2f} [{:.2f}, {:.2f}]".format(*slope[["value", "low", "high"]]).replace("-", "−")
    axis.plot(widths, 100 * fitted, color=law.colour, label=f"{law.title}: $m^s$, s = {exponent}")


def _theory(axis, means: pd.DataFrame) -> None:
    """Powers of the width from the first mean of the panel's first quantity."""
    first = means.dropna(subset=["coefficient"])
    first = first.loc[first["coefficient2"].isna()].sort_values("coefficient")
    start = 100 * first["value"].iloc[0]
    widths = first["coefficient"]
    for power, style, words in THEORY:
        line = start * (widths / widths.iloc[0]) ** power
        axis.plot(
            widths, line, linestyle=style, color="#777777", linewidth=1.0, label=words, zorder=1
        )


def _label(axis, label: str, widths: list[float]) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set(
        xscale="log", yscale="log", xlabel="Width m (units of each hidden layer)", ylabel=label
    )
    low, high = axis.get_ylim()
    axis.set_ylim(low / 12, high)  # room for the legend
    axis.set_xticks(widths[:: 2 if len(widths) > 4 else 1], minor=False)
    axis.set_xticks(widths, minor=True)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    legend(axis, loc="lower left")


def _note(rows: pd.DataFrame) -> str:
    single = rows.dropna(subset=["coefficient2"])
    draws = single.groupby(["metric", "split", "coefficient", "model", "init"]).size().max()
    train, test = (pick(single, split=split)["num_samples"].max() for split in ("train", "test"))
    return (
        f"n = {train} training and {test} held-out points; {draws} initialisations of each width "
        "(marks); s: least-squares exponent over all widths with its 95 % interval over "
        "initialisations, conditional on these points and this time"
    )
