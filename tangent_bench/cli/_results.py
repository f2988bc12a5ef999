"""After a run: `summary`, and `figure` and `table` for a page of print."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tangent_bench.cli._parameters import ConfigFiles, config_files, home

Drawing = StrEnum("Drawing", ["pdf", "svg", "png", "pgf"])
Print = StrEnum("Print", ["text", "latex", "markdown", "html", "csv"])
Folders = Annotated[
    list[Path] | None,
    typer.Option(metavar="FOLDERS", help="Results, side by side; published ones too."),
]
More = Annotated[
    list[Path] | None, typer.Argument(metavar="[FOLDERS]...", help="Further --results.")
]
Modes = Annotated[
    str,
    typer.Option(metavar="NAMES", help="By commas, as standard-network,linear-tangent.  [all]"),
]
Tasks = Annotated[
    str,
    typer.Option(metavar="NAMES", help="By commas, where tasks are shown one by one.  [all]"),
]
LabelFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="YAML of other titles and words.")
]
Language = Annotated[str, typer.Option(help="Of words and numbers: en or de.")]


def summary(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Results of a preset, such as results/tiny."),
    ] = None,
    configfile: ConfigFiles = None,
):
    """What did a run find?

    Its claims, the two tables of the paper, and where everything lies. The folder is that of the
    config files, if they are given in its place.

    \b
    tangent-bench summary results/tiny
    tangent-bench summary --configfile config/tiny.yaml
    """
    if (folder is None) == (not configfile):
        raise ValueError("Name either a folder of results or a --configfile.")
    from tangent_bench.report import summary as summarising

    if folder is not None:
        return typer.echo(summarising.report(home(folder)))
    from tangent_bench.planning import jobs

    config = jobs.read_config(config_files(None, configfile))
    typer.echo(summarising.report(Path(config["results"]), config["preset"]))


def figure(
    name: Annotated[str, typer.Argument(help="As `list figures` prints it.")],
    more: More = None,
    results: Folders = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write.  [default: NAME and the format]")
    ] = None,
    format: Annotated[
        Drawing | None, typer.Option(help="Of the file.  [default: that of --out, or pdf]")
    ] = None,
    width: Annotated[
        str | None, typer.Option(help="Such as 3.25in, 82mm or 234pt.  [default: its own]")
    ] = None,
    height: Annotated[str | None, typer.Option(help="[default: what the panels take]")] = None,
    font: Annotated[str, typer.Option(help="Family of the letters.")] = "",
    font_size: Annotated[
        float | None, typer.Option(help="Points of the labels of axes.  [default: 8]")
    ] = None,
    modes: Modes = "",
    tasks: Tasks = "",
    labels: LabelFile = None,
    language: Language = "en",
    note: Annotated[
        bool, typer.Option(help="Images, seeds and intervals, told below the figure.")
    ] = True,
):
    """Draw a figure for a page of print.

    From the rows of finished results, or of published ones. The more folders, the more models stand
    side by side.

    \b
    tangent-bench figure overview --results results/tiny --width 3.25in
    tangent-bench figure scatter_linear --results results/tiny --format png --language de
    tangent-bench figure overview --results results/a results/b --labels titles.yaml
    """
    from tangent_bench import runs
    from tangent_bench.runs import _drawing

    file = _drawing.place(name, home(out) if out else None, str(format) if format else None)
    run = runs.open(*_folders(results, more))
    canvas = run.figure(
        name,
        width=width,
        height=height,
        font=font,
        font_size=font_size,
        modes=_names(modes),
        tasks=_names(tasks),
        labels=home(labels) if labels else None,
        language=language,
        note=note,
    )
    _drawing.save(canvas, file)
    typer.echo(file)


def table(
    name: Annotated[str, typer.Argument(help="As `list figures` prints it.")],
    more: More = None,
    results: Folders = None,
    format: Annotated[Print, typer.Option(help="Of the table.")] = Print.text,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="HEADINGS", help="By commas, or again for others.  [default: all]"),
    ] = None,
    digits: Annotated[
        int | None, typer.Option(help="After the point.  [default: 1 of percentages, else 2]")
    ] = None,
    bold_best: Annotated[
        bool, typer.Option("--bold-best", help="The best of what competes is bold.")
    ] = False,
    modes: Modes = "",
    tasks: Tasks = "",
    labels: LabelFile = None,
    language: Language = "en",
):
    """Print a table for a page of print.

    \b
    tangent-bench table table1_addition --results results/tiny --format latex --bold-best
    tangent-bench table table1_addition --results results/tiny --columns "Absolute,α*" --digits 2
    """
    from tangent_bench import runs

    run = runs.open(*_folders(results, more))
    made = run.table(
        name,
        columns=columns or (),
        digits=digits,
        bold_best=bold_best,
        modes=_names(modes),
        tasks=_names(tasks),
        labels=home(labels) if labels else None,
        language=language,
    )
    typer.echo(made.text(str(format)).rstrip("\n"))


def _folders(results: Sequence[Path] | None, more: Sequence[Path] | None) -> list[Path]:
    """The folders of --results, in the order that they were given in."""
    if not results:
        raise ValueError("Name the results by --results, as --results results/tiny.")
    return [home(folder) for folder in (*results, *(more or ()))]


def _names(text: str) -> list[str]:
    """Names by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]
