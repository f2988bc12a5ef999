"""A table of rows as LaTeX, Markdown, HTML, CSV and plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import registry
from tangent_bench.figures import _best, _select, _words
from tangent_bench.report import pages, render
from tangent_bench.runs import _labels, _selection
from tangent_bench.runs._labels import Labels

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("text", "latex", "markdown", "html", "csv")
MOST_DIGITS = 6
TOLD = ("row", "group", "column", "text", "block")  # what is words of a cell


@dataclass(frozen=True)
class Table:
    """A table, ready to be printed.

    Attributes:
        name: of its file in `tangent_bench/figures`.
        title: one line.
        cells: a line for each cell: its row, group and column, value (a fraction) and interval.
        note: test images, seeds, and what intervals cover.
        words: how numbers are written.
    """

    name: str
    title: str
    cells: pd.DataFrame
    note: str
    words: _words.Words = field(default_factory=_words.Words, repr=False)

    def text(self, format: str = "text") -> str:
        """Returns the table as text.

        Args:
            format: "text" (aligned columns), "latex" (booktabs), "markdown", "html" (a part of a
                page) or "csv".

        Raises:
            ValueError: there is no such format.
        """
        if format not in FORMATS:
            hint = registry.did_you_mean(format, FORMATS)
            raise ValueError(
                f"A table has no format {format!r}; expected one of {', '.join(FORMATS)}.{hint}"
            )
        with _words.spoken(self.words):
            return self._text(format)

    def _text(self, format: str) -> str:
        """The text in a format that there is."""
        if format == "latex":
            return render.latex(self.cells, f"{self.title}. {self.note}.", self.name)
        if format == "markdown":
            return render.markdown(self.cells, self.note)
        if format == "html":
            return str(pages.included(render.html(self.cells, self.title, self.note)))
        if format == "csv":
            return render.csv(self.cells)
        return f"{self.title}\n\n{render.plain(self.cells)}\n\n{self.note}\n"

    def __str__(self) -> str:
        """The table with aligned columns."""
        return self.text()

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return self.text("html")


def build(
    rows: pd.DataFrame,
    name: str,
    *,
    columns: Sequence[str] = (),
    digits: int | None = None,
    bold_best: bool = False,
    modes: Sequence[str] = (),
    tasks: Sequence[str] = (),
    labels: Labels | str | Path | None = None,
    language: str = "en",
    titles: Mapping[str, str] | None = None,
) -> Table:
    """Returns a table of result rows.

    Args:
        rows: result rows, as `store.rows.read` or `OpenedRun.rows` give them.
        name: of the table, a file of `tangent_bench/figures`.
        columns: those shown, by their headings; empty: all.
        digits: of every number; None: one of a percentage, two of other numbers.
        bold_best: whether the best of the values that compete is bold.
        modes: as for `draw`.
        tasks: as for `draw`.
        labels: as for `draw`.
        language: as for `draw`.
        titles: as for `draw`.

    Raises:
        ValueError: an unknown name, or rows that the table cannot show.
    """
    if digits is not None and not 0 <= digits <= MOST_DIGITS:
        raise ValueError(f"{digits} digits cannot be printed; expected 0 to {MOST_DIGITS}.")
    plugin = _selection.plugin(name, "table")
    about = plugin.FIGURE
    rows = _selection.chosen(rows, name, about, modes, tasks)
    with _labels.labelled(rows, labels, language, titles or {}):
        cells = _best.of_columns(plugin.build(rows), columns)
        if digits is not None:
            cells = cells.assign(digits=digits)
        if bold_best:
            cells = _best.marked(cells, name, about.best)
        note = _select.note_of(rows, about)
        words = _words.current()
        cells = cells.assign(**{key: cells[key].map(words.told) for key in TOLD})
        return Table(name, words.told(about.title), cells, words.told(note), words)
