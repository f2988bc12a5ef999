"""One look for all figures: sizes for print, vector fonts, and the same bytes at every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench import registry
from tangent_bench.figures import _fit, _page, _words
from tangent_bench.store.artefacts import atomic

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

COLUMN = 3.4  # width in inches of one panel, about a column of print
SETTLING = 4  # rounds of a layout, of which each moves a quarter of what the one before moved
GREY_HALF = "#e4e4e4"
FILE = "paper.mplstyle"
SIZES = (
    "font.size",
    "axes.titlesize",
    "axes.labelsize",
    "legend.fontsize",
    "xtick.labelsize",
    "ytick.labelsize",
)
FORMATS = {
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "ModDate": None},
    "png": {},
    "pgf": {},
}


@contextmanager
def look() -> Iterator[None]:
    """The look of the style file, with the letters of the page, as a context or a decorator."""
    import matplotlib

    page = _page.current()
    settings = dict(_settings())
    if page.font:
        # letters that the font has not, as ξ, are those of the look
        settings["font.family"] = [page.font, *settings["font.family"]]
    if page.font_size is not None:
        factor = page.font_size / settings["font.size"]
        settings |= {name: factor * settings[name] for name in SIZES}
    with matplotlib.rc_context(settings):
        yield


@cache
def _settings() -> Any:
    """The settings of the style file; matplotlib types their keys as literals."""
    import matplotlib

    file = Path(__file__).with_name(FILE)
    return matplotlib.rc_params_from_file(file, fail_on_error=True, use_default_template=False)


def in_look(draw: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """Returns a figure's `draw` with the look, which fits the page and speaks its language.

    The caller's own axes (`ax`) keep the look that they have.
    """

    @wraps(draw)
    def drawn(rows: pd.DataFrame, ax=None) -> np.ndarray:
        if ax is None:
            with look():
                return _arranged(draw(rows, None))
        page = _page.current()
        with _page.drawn_for(page._replace(is_foreign=True)):
            return _arranged(draw(rows, ax))

    return drawn


def _arranged(axes: np.ndarray) -> np.ndarray:
    """The axes, in the words that were asked for, within the panels that there are."""
    panels = _fit.panels_of(axes)
    words = _words.current()
    if words.are_given:
        _words.tell(panels, words)
    if not _page.current().is_own or words.are_given:
        _fit.fit(panels)
    return axes


def require_font(name: str) -> None:
    """Checks that there is a font family.

    Raises:
        ValueError: there is none of this name.
    """
    from matplotlib import font_manager

    generic = ("serif", "sans-serif", "cursive", "fantasy", "monospace")
    known = {*generic, *font_manager.get_font_names()}
    if name not in known:
        hint = registry.did_you_mean(name, sorted(known))
        raise ValueError(
            f"There is no font {name!r} on this machine; expected a family that matplotlib finds, "
            f"as 'DejaVu Serif'.{hint}"
        )


@look()
def save(figure, path: str | Path) -> None:
    """Writes a figure as SVG, PDF, PNG or PGF, by the ending of its path.

    The file contains no date and no random name. All formats have the same layout.

    Raises:
        ValueError: another ending, no LaTeX for PGF, or the disk is full.
    """
    kind = Path(path).suffix[1:]
    if kind not in FORMATS:
        raise ValueError(
            f"Cannot write figure {path}: unknown ending {kind!r}, "
            f"expected one of {', '.join(FORMATS)}."
        )
    settle(figure)
    with atomic(path) as temporary:
        try:
            figure.savefig(temporary, format=kind, metadata=FORMATS[kind])
        except RuntimeError as error:
            if kind != "pgf":  # whose letters LaTeX measures
                raise
            raise ValueError(
                f"Cannot write figure {path}: {registry.described(error)}; install TeX Live, or "
                "take pdf."
            ) from None


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
