"""One look for all figures: sizes for print, vector fonts, and the same bytes at every run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tangent_bench.store.artefacts import atomic

COLUMN = 3.4  # width in inches of one panel, about a column of print
DPI = 200
SETTLING = 4  # rounds of a layout, of which each moves a quarter of what the one before moved
GREY_HALF = "#e4e4e4"
FRAME = "#555555"
SETTINGS: dict[Any, Any] = {  # matplotlib types the keys as literals
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same letters on every machine
    "font.size": 8.0,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8.0,
    "legend.fontsize": 7.0,
    "xtick.labelsize": 7.0,
    "ytick.labelsize": 7.0,
    "axes.edgecolor": FRAME,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 5.0,
    "pdf.fonttype": 42,  # TrueType, which stays text that can be selected
    "svg.fonttype": "path",
    "svg.hashsalt": "tangent_bench",
    "savefig.dpi": DPI,
    "figure.facecolor": "white",
}
FORMATS = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}, "png": {}}


@contextmanager
def look() -> Iterator[None]:
    """The look, as a context or a decorator."""
    import matplotlib

    with matplotlib.rc_context(SETTINGS):
        yield


@look()
def save(figure, path: str | Path) -> None:
    """Writes a figure as SVG, PDF or PNG, by the ending of its path.

    The file contains no date and no random name. All formats have the same layout.

    Raises:
        ValueError: another ending, or the disk is full.
    """
    kind = Path(path).suffix[1:]
    if kind not in FORMATS:
        raise ValueError(
            f"Cannot write figure {path}: unknown ending {kind!r}, "
            f"expected one of {', '.join(FORMATS)}."
        )
    settle(figure)
    with atomic(path) as temporary:
        figure.savefig(temporary, format=kind, metadata=FORMATS[kind])


def settle(figure) -> None:
    """Fixes the layout of a figure.

    Every drawing would move it otherwise, by points where panels are square, since the layout is
    found from the one before.
    """
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        for _ in range(SETTLING):
            engine.execute(figure)
        figure.set_layout_engine("none")


def seen_through(colour: str) -> dict[str, Any]:
    """Options of a mark through which a mark below it is seen: a black edge and a thin fill.

    Args:
        colour: of the fill.
    """
    from matplotlib.colors import to_rgba

    return {
        "markerfacecolor": to_rgba(colour, 0.75),
        "markeredgecolor": "black",
        "markeredgewidth": 0.6,
    }


def errors(line, scale: float = 100.0) -> list:
    """Returns distances below and above the value of each line of a summary, for error bars.

    They are 0 where there is no interval, and in percent unless `scale` says what fractions are
    multiplied with.
    """
    below = scale * (line["value"] - line["low"]).fillna(0.0).clip(lower=0.0)
    above = scale * (line["high"] - line["value"]).fillna(0.0).clip(lower=0.0)
    return [below.to_numpy(), above.to_numpy()]
