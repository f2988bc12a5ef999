"""Steps of the Makefile, which help does not name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tangent_bench.cli import _process
from tangent_bench.cli._parameters import ConfigFiles, home


def release():
    """Remove what a dead run has locked in this folder; refuse where another run is at work."""
    from tangent_bench.jobs import lock

    lock.release(Path())


def redraw():
    """Draw the published figures again, each from the rows that were published beside it."""
    from tangent_bench.report import published

    for file in published.redraw(Path("results/published")):
        typer.echo(f"{file} is drawn anew")


def fill():
    """Put published tables and numbers into README.md and the pages of docs/, at their marks."""
    from tangent_bench.report import marks

    marks.fill(Path())


def pretrain(
    model: Annotated[str, typer.Argument(help="An embedded model, as `tiny`.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps of this stretch.")],
    configfile: ConfigFiles = None,
):
    """One stretch of a pre-training, from the state that the last one left."""
    _process.prepare()
    from tangent_bench.finetuning import stretches
    from tangent_bench.planning import jobs

    _process.show_progress()
    config = jobs.read_config([home(file) for file in configfile or []])
    typer.echo(stretches.stretch(model, steps, config))


def ship(
    folder: Annotated[Path, typer.Argument(help="A finished pre-training.")] = Path(
        "results/pretraining/tiny"
    ),
):
    """Put a finished pre-training into the package."""
    from tangent_bench.finetuning import shipping

    shipping.main(folder)
