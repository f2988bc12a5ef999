"""Before a run: `check` and `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tangent_bench.cli import _process
from tangent_bench.cli._parameters import (
    NUMBER,
    ConfigFiles,
    Json,
    Preset,
    config_files,
    home,
    print_json,
)


def check(preset: Preset = None, configfile: ConfigFiles = None, as_json: Json = False):
    """Can a run begin on this machine?

    Looks at config, folders, data, weights, models, GPU, cores and disk, and downloads nothing; 1
    if something blocks the run. What it is doing stands on stderr.

    \b
    tangent-bench check
    tangent-bench check --preset paper
    tangent-bench check --preset paper --configfile mine.yaml --json
    """
    _process.prepare()
    from tangent_bench.planning import readiness

    findings = []
    for finding in readiness.findings(config_files(preset, configfile), _begin):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.status:6}  {finding.about:7}  {finding.text}")
    blocked = any(finding.status == "blocks" for finding in findings)
    if as_json:
        print_json({"ready": not blocked, "findings": [finding._asdict() for finding in findings]})
    elif blocked:
        typer.echo("\nTo do before the run, in this order:")
        for number, step in enumerate(readiness.steps(findings), 1):
            typer.echo(f"  {number}. {step}")
    raise typer.Exit(int(blocked))


def plan(
    preset: Preset = None,
    configfile: ConfigFiles = None,
    tasks: Annotated[
        int,
        typer.Option(
            min=1,
            metavar=NUMBER,
            help="Tasks of the larger run that is planned as well; of texts, the config's at most.",
        ),
    ] = 20,
    seeds: Annotated[
        int, typer.Option(min=1, metavar=NUMBER, help="Seeds of the larger run.")
    ] = 10,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Results of a finished run to compare with; 1 if 25 % or more are between.",
        ),
    ] = None,
    as_json: Json = False,
):
    """What will a run cost?

    Jobs, images, hours, disk and memory of a run from nothing, from what this machine takes for a
    unit of each work, which is measured in about a minute.

    \b
    tangent-bench plan --preset paper
    tangent-bench plan --preset paper --tasks 14 --seeds 3 --json
    tangent-bench plan --against results/tiny
    """
    _process.prepare()
    from tangent_bench.planning import report as planning

    files = config_files(preset, configfile)
    if against is None:
        numbers = planning.report(files, tasks, seeds)
        return print_json(numbers) if as_json else typer.echo(planning.text(numbers))
    compared = planning.against(files, home(against))
    if as_json:
        print_json([{**vars(kind), "deviation": kind.deviation} for kind in compared])
    else:
        typer.echo(planning.comparison(compared))
    raise typer.Exit(int(abs(compared[-1].deviation) > planning.TOLERANCE))


def _begin(text: str) -> None:
    """Say what is looked at now."""
    typer.echo(f"looking at {text}", err=True)
