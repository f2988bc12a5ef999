"""The command line beside Snakemake.

It says what there is, what a run needs and costs, what it found, and which method is better, and
takes merged models out of results:

    tangent-bench list, show, check, plan, summary, figure, table, compare, regress, merge

or `python -m tangent_bench.cli`. Exit status: 0; 1 if the answer is one that was to be noticed (a
run cannot begin, a verdict that `--fail-on` names); 2 with one sentence if the question is wrong,
and on every exception.
Every command has `--json`, but for `summary`, `figure` and `table`. A command imports what it needs
when it is called, so that help takes no time. The Makefile's own steps (`release`, `redraw`,
`fill`, `pretrain`, `ship`) are hidden from help.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

import tangent_bench
from tangent_bench.cli import _merging, _methods, _names, _results, _runs, _steps
from tangent_bench.cli._click import Command, Sentences
from tangent_bench.jobs import provenance

__all__ = ["app", "main"]

app = typer.Typer(
    cls=Sentences,
    help="What there is, what a run needs, costs and found, and which merging method is better. "
    "What runs the suite is make, or snakemake.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
COMMANDS = {
    "list": _names.list_names,
    "show": _names.show,
    "check": _runs.check,
    "plan": _runs.plan,
    "summary": _results.summary,
    "figure": _results.figure,
    "table": _results.table,
    "compare": _methods.compare,
    "regress": _methods.regress,
    "merge": _merging.merge,
}
STEPS = {  # of the Makefile
    "release": _steps.release,
    "redraw": _steps.redraw,
    "fill": _steps.fill,
    "pretrain": _steps.pretrain,
    "ship": _steps.ship,
}
for name, function in COMMANDS.items():
    app.command(name, cls=Command)(function)
for name, function in STEPS.items():
    app.command(name, hidden=True)(function)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tangent-bench {tangent_bench.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
):
    """Options of all commands."""


def main() -> None:
    """The program `tangent-bench`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without × or α still gets its numbers
    provenance.mend_threads()
    app(prog_name="tangent-bench")
