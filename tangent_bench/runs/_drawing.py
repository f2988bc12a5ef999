"""Draws a figure of rows for a page: its width, its letters, its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench.figures import _page, _style
from tangent_bench.figures._page import Page
from tangent_bench.runs import _labels, _selection
from tangent_bench.runs._labels import Labels
from tangent_bench.runs._lengths import inches

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Canvas

LETTERS = (4.0, 30.0)  # points of labels


def draw(
    rows: pd.DataFrame,
    name: str,
    *,
    width: str | float | None = None,
    height: str | float | None = None,
    font: str = "",
    font_size: float | None = None,
    modes: Sequence[str] = (),
    tasks: Sequence[str] = (),
    labels: Labels | str | Path | None = None,
    language: str = "en",
    note: bool = True,
    titles: Mapping[str, str] | None = None,
) -> Canvas:
    """Returns a matplotlib figure of result rows.

    Args:
        rows: result rows, as `store.rows.read` or `OpenedRun.rows` give them.
        name: of the figure, a file of `tangent_bench/figures`.
        width: inches, or a text as "82mm"; None: what the figure was laid out for.
        height: likewise; None: what its panels take.
        font: family of the letters; "" for DejaVu Sans.
        font_size: points of the labels of axes; None for 8. Other sizes follow.
        modes: those shown, as "linear-tangent"; empty: all.
        tasks: those shown, where a figure shows tasks one by one; empty: all.
        labels: other titles: modes, tasks, methods and models by name, and words by the English
            ones; or a YAML file of them.
        language: of words and numbers, "en" or "de".
        note: whether test images, seeds and intervals are told below the figure.
        titles: of models, as `OpenedRun.titles` gives them.

    Raises:
        ValueError: an unknown name, a length that is none, or rows that the figure cannot show.
    """
    plugin = _selection.plugin(name, "figure")
    page = Page(
        width=None if width is None else inches(width, "width"),
        height=None if height is None else inches(height, "height"),
        font=font,
        font_size=_letters(font_size),
        has_note=note,
    )
    if font:
        _style.require_font(font)
    rows = _selection.chosen(rows, name, plugin.FIGURE, modes, tasks)
    with _labels.labelled(rows, labels, language, titles or {}), _page.drawn_for(page):
        figure = plugin.draw(rows).flat[0].figure
        with _style.look():
            figure.draw_without_rendering()  # marks at the axes are made when they are drawn
    return figure


def place(name: str, out: Path | None, format: str | None) -> Path:
    """Returns the file that a figure is written to.

    Args:
        name: of the figure, which names the file where `out` does not.
        out: the file, or None.
        format: its ending, or None for that of the file; PDF where neither says.

    Raises:
        ValueError: the two contradict each other, or the place is a folder or has none.
    """
    file = out or Path(f"{name}.{format or 'pdf'}")
    if not file.suffix and not file.is_dir():
        file = file.with_suffix(f".{format or 'pdf'}")
    if format and file.suffix != f".{format}" and not file.is_dir():
        raise ValueError(f"{file} does not end in .{format}; leave --format out, or rename it.")
    _require_place(file)
    return file


def save(figure: Canvas, file: str | Path) -> None:
    """Writes a figure, by the ending of its file: pdf (letters are text), svg, png or pgf.

    The file has no date, and the same bytes every time.

    Args:
        figure: as `draw` makes it.
        file: where it is written to.

    Raises:
        ValueError: the place is a folder, the ending is none of a figure, or the disk is full.
    """
    _require_place(Path(file))
    _style.save(figure, file)


def _require_place(file: Path) -> None:
    if file.is_dir():
        raise ValueError(f"{file} is a folder; give the name of a file, as {file / 'figure.pdf'}.")
    if not file.absolute().parent.is_dir():
        raise ValueError(f"There is no folder {file.parent} for {file.name}; make it first.")
    if file.suffix[1:] not in _style.FORMATS:
        raise ValueError(
            f"{file} has no ending of a figure; expected one of {', '.join(_style.FORMATS)}."
        )


def _letters(size: float | None) -> float | None:
    least, most = LETTERS
    if size is not None and not least <= size <= most:
        raise ValueError(
            f"The font size {size:g} is none of a figure; expected {least:g} to {most:g} points."
        )
    return size
