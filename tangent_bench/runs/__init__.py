"""Opened runs: the rows, tables, figures and vectors of finished results.

    import tangent_bench as tb

    run = tb.open("results/tiny")
    run.rows                                          # every number, a pandas table
    run.table("table1_addition").text("latex")
    tb.save(run.figure("scatter_linear", width="3.25in"), "scatter.pdf")
    run.vector("mnist", training="linear")            # τ, read tensor by tensor

Several folders are opened together, and stand side by side: `tb.open("results/a", "results/b")`. A
folder of `results/published` opens as well; it has rows and no vectors.
"""

from __future__ import annotations

from tangent_bench.runs._drawing import draw, save
from tangent_bench.runs._run import OpenedRun, open
from tangent_bench.runs._table import Table, build

__all__ = ["OpenedRun", "Table", "build", "draw", "open", "save"]
