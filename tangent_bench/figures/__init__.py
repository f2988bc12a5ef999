"""Figures and tables: one file each, functions of result rows and of nothing else.

Rows carry their replicates where they are (`store/replicates.py`); claims need them.

A module has `FIGURE` and, by its kind, `draw(rows, ax=None)` → array of axes, or `build(rows)` →
cells (`_cells.py`).
Fractions become percent here and nowhere else.

Modules of this folder import matplotlib, pandas and scipy inside functions: the Snakefile reads
`FIGURE`.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

KINDS = ("figure", "table")
# For captions: what the intervals of most figures cover.
INTERVALS = (
    "With one to four seeds an interval covers the images only and is conditional on these seeds;\n"
    "with five or more it covers seeds and images."
)
# Closes the caption in Snakemake's report, which fills in what stands in braces.
_RUN = """\
Preset ``{{ snakemake.params.run.preset }}``;
seeds {{ snakemake.params.run.seeds | join(", ") }};
models {{ snakemake.params.run.models | join(", ") }};
{{ snakemake.params.run.tasks | length }} tasks.
Drawn from ``{{ snakemake.input[0] }}`` by rule ``{{ snakemake.rule }}``.
"""


@dataclass(frozen=True)
class Figure:
    """What a figure or table is.

    Attributes:
        title: one line for the report and for the table's caption.
        reads: the experiments whose rows it needs; without one of them it is not made.
        kind: "figure" (has `draw`) or "table" (has `build`).
        category: its heading in the HTML report.
        modes: patterns of modes ("standard-network", "*-tangent"), each of which a run must have;
            else it is not made.
        num_inits: how many initialisations a run must have at least.
        max_inits: how many it may have, where each has panels of its own that would fill pages;
            None for any number.
        num_models: how many models a run must have at least.
        num_methods: how many merging methods a run must have at least.
        across: whether it compares models; such a figure, or one about initialisations, is made
            of joined rows too.
        models: models, one of which a run must have; else it is not made. Empty: any.
        section: the section of the config whose keys are arguments of `build` (tables only), ""
            for none.
        by_task: whether it shows tasks one by one, so that some can be left out; no mean over
            tasks allows it.
        per_task: of a table, whether the line below it counts the images of one task, in the rows
            of the first experiment that it reads.
        best: of a table, (column, "highest" or "lowest") where its rows compete; the column is ""
            where the columns of a row do.
        caption: what the reader sees, paragraphs in reStructuredText.
    """

    title: str
    reads: tuple[str, ...]
    kind: str = "figure"
    category: str = "Results"
    modes: tuple[str, ...] = ()
    num_inits: int = 1
    max_inits: int | None = None
    num_models: int = 1
    num_methods: int = 1
    across: bool = False
    models: tuple[str, ...] = ()
    section: str = ""
    by_task: bool = False
    per_task: bool = False
    best: tuple[tuple[str, str], ...] = ()
    caption: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(
                f"Figure {self.title!r}: unknown kind {self.kind!r}, "
                f"expected one of {', '.join(KINDS)}."
            )

    @property
    def report_caption(self) -> str:
        """The caption in Snakemake's report: a Jinja2 template that names the run as well."""
        return f"{self.caption}\n{_RUN}"

    @property
    def of_joined(self) -> bool:
        """Whether it is made of joined rows too.

        Other figures would have a panel for each model and initialisation.
        """
        return self.across or self.num_inits > 1

    def possible(
        self,
        experiments: Iterable[str],
        modes: Iterable[str],
        num_inits: int = 1,
        models: Iterable[str] = (),
        num_methods: int = 1,
    ) -> bool:
        """Whether a run has the rows that it needs.

        Args:
            experiments: the run's experiments.
            modes: its modes.
            num_inits: how many initialisations it has.
            models: its models.
            num_methods: how many merging methods it has.

        >>> figure = Figure("", reads=("single_task",), modes=("*-tangent",))
        >>> figure.possible(["single_task"], ["standard-network"])
        False
        """
        modes = list(modes)
        fits = all(fnmatch.filter(modes, pattern) for pattern in self.modes)
        fits = fits and num_inits >= self.num_inits and num_methods >= self.num_methods
        fits = fits and (self.max_inits is None or num_inits <= self.max_inits)
        named = set(models)
        fits = fits and max(1, len(named)) >= self.num_models
        known = not self.models or bool(set(self.models) & named)
        return fits and known and set(self.reads) <= set(experiments)
