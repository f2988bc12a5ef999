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
import json
import sys
import traceback
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

import tangent_bench
from tangent_bench import catalogue, registry
from tangent_bench.jobs import provenance
from tangent_bench.store import places

if TYPE_CHECKING:
    from typer._click.core import Context  # typer.Context is a class below it

# click's class, of which later versions of typer have a copy of their own
ClickException: type[Exception] = typer.BadParameter.__mro__[2]
Format = StrEnum("Format", ["open_clip", "huggingface", "fusionbench"])
BRACES = str.maketrans("", "", "{}")
NUMBER = "NUMBER"
Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of text.")]


def _completed(known: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]


def _kinds(incomplete: str) -> list[str]:
    """Kinds that a shell may complete; so of presets, methods and all names below."""
    return _completed(catalogue.KINDS, incomplete)


def _presets(incomplete: str) -> list[str]:
    return _completed(catalogue.names("presets"), incomplete)


def _methods(incomplete: str) -> list[str]:
    """Methods, the last one in a chain, as "lines+ti"."""
    before, plus, last = incomplete.rpartition("+")
    return [f"{before}{plus}{name}" for name in _completed(catalogue.names("methods"), last)]


def _everything(incomplete: str) -> list[str]:
    found = set(_methods(incomplete))
    for kind in catalogue.KINDS:
        found.update(_completed(catalogue.names(kind), incomplete))
    return sorted(found)


Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A file of config/, as paper.  [default: tiny]",
        autocompletion=_presets,
    ),
]
ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--configfile",
        metavar="PATH",
        help="A config file, as for snakemake; again for further ones.",
    ),
]
MethodName = Annotated[
    str,
    typer.Argument(
        metavar="METHOD",
        help="Name of the method, as ties or lines+ties.",
        autocompletion=_methods,
    ),
]
FailOn = Annotated[
    str,
    typer.Option(
        metavar="VERDICTS",
        help="Exit with 1 on these verdicts over all tasks: better, same, worse, undecided, by "
        "commas.",
    ),
]


Commas = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Tasks, by commas.  [default: all]")
]
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


class _Command(TyperCommand):
    """Calls arguments by their words alone: METHOD, and not {METHOD}, nor METHOD <str>."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for parameter in self.params:
            if parameter.param_type_name == "argument":
                vars(parameter)["display_type_rich"] = lambda ctx: ""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the line of usage."""
        return [piece.translate(BRACES) for piece in super().collect_usage_pieces(ctx)]


class _Sentences(TyperGroup):
    """Answers every exception with status 2; 1 is a verdict.

    A ValueError is about the user's input, and its sentence is all that is said. Anything else is
    ours, and the traceback stands above.
    """

    def invoke(self, ctx: Context) -> object:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, ClickException, BrokenPipeError):
            raise
        except ValueError as sentence:
            typer.echo(f"Error: {sentence}", err=True)
            raise typer.Exit(2) from None
        except Exception as error:
            traceback.print_exc()
            typer.echo(
                f"Error: tangent-bench met what it did not expect ({registry.described(error)}); "
                "please report it with the lines above.",
                err=True,
            )
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Sentences,
    help="What there is, what a run needs, costs and found, and which merging method is better. "
    "What runs the suite is make, or snakemake.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


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


@app.command("list", cls=_Command)
def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help=f"One kind alone: {', '.join(catalogue.KINDS)}.",
            autocompletion=_kinds,
        ),
    ] = None,
    as_json: Json = False,
):
    """Names and titles of all that there is.

    \b
    tangent-bench list
    tangent-bench list methods
    tangent-bench list presets --json
    """
    if kind and kind not in catalogue.KINDS:
        hint = registry.did_you_mean(kind, catalogue.KINDS)
        raise ValueError(
            f"There is no kind {kind!r}; expected one of {', '.join(catalogue.KINDS)}.{hint}"
        )
    kinds = [kind] if kind else catalogue.KINDS
    entries = [entry for name in kinds for entry in catalogue.entries(name)]
    if as_json:
        return _print(entries)
    width = max(len(entry["name"]) for entry in entries)
    for name in kinds:
        typer.echo(name)
        for entry in entries:
            if entry["kind"] == name:
                typer.echo(f"  {entry['name']:{width}}  {entry['title']}")
        typer.echo()


@app.command(cls=_Command)
def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="As `list` prints it, or lines+ties.",
            autocompletion=_everything,
        ),
    ],
    as_json: Json = False,
):
    """One thing: definition, reference, defaults.

    With ranges and meanings; a name of several kinds shows all of them.

    \b
    tangent-bench show ties
    tangent-bench show kernel_gap
    tangent-bench show lines+ties --json
    """
    descriptions = catalogue.find(name)
    if as_json:
        return _print(descriptions)
    typer.echo("\n\n\n".join(map(_description, descriptions)))


@app.command(cls=_Command)
def check(preset: Preset = None, configfile: ConfigFiles = None, as_json: Json = False):
    """Can a run begin on this machine?

    Looks at config, folders, data, weights, models, GPU, cores and disk, and downloads nothing; 1
    if something blocks the run. What it is doing stands on stderr.

    \b
    tangent-bench check
    tangent-bench check --preset paper
    tangent-bench check --preset paper --configfile mine.yaml --json
    """
    _prepare()
    from tangent_bench.planning import readiness

    findings = []
    for finding in readiness.findings(_files(preset, configfile), _begin):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{finding.status:6}  {finding.about:7}  {finding.text}")
    blocked = any(finding.status == "blocks" for finding in findings)
    if as_json:
        _print({"ready": not blocked, "findings": [finding._asdict() for finding in findings]})
    elif blocked:
        typer.echo("\nTo do before the run, in this order:")
        for number, step in enumerate(readiness.steps(findings), 1):
            typer.echo(f"  {number}. {step}")
    raise typer.Exit(int(blocked))


@app.command(cls=_Command)
def plan(
    preset: Preset = None,
    configfile: ConfigFiles = None,
    tasks: Annotated[
        int,
        typer.Option(
            min=1, metavar=NUMBER, help="Tasks of the larger run that is planned as well."
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
    _prepare()
    from tangent_bench.planning import report as planning

    files = _files(preset, configfile)
    if against is None:
        numbers = planning.report(files, tasks, seeds)
        return _print(numbers) if as_json else typer.echo(planning.text(numbers))
    compared = planning.against(files, _home(against))
    if as_json:
        _print([{**vars(kind), "deviation": kind.deviation} for kind in compared])
    else:
        typer.echo(planning.comparison(compared))
    raise typer.Exit(int(abs(compared[-1].deviation) > planning.TOLERANCE))


@app.command(cls=_Command)
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
        return typer.echo(summarising.report(_home(folder)))
    from tangent_bench.planning import jobs

    config = jobs.read_config(_files(None, configfile))
    typer.echo(summarising.report(Path(config["results"]), config["preset"]))


@app.command(cls=_Command)
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

    file = _drawing.place(name, _home(out) if out else None, str(format) if format else None)
    run = runs.open(*_folders(results, more))
    canvas = run.figure(
        name,
        width=width,
        height=height,
        font=font,
        font_size=font_size,
        modes=_names(modes),
        tasks=_names(tasks),
        labels=_home(labels) if labels else None,
        language=language,
        note=note,
    )
    _drawing.save(canvas, file)
    typer.echo(file)


@app.command(cls=_Command)
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
        labels=_home(labels) if labels else None,
        language=language,
    )
    typer.echo(made.text(str(format)).rstrip("\n"))


def _folders(results: Sequence[Path] | None, more: Sequence[Path] | None) -> list[Path]:
    """The folders of --results, in the order that they were given in."""
    if not results:
        raise ValueError("Name the results by --results, as --results results/tiny.")
    return [_home(folder) for folder in (*results, *(more or ()))]


def _names(text: str) -> list[str]:
    """Names by commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


@app.command(cls=_Command)
def compare(
    baseline: Annotated[
        str,
        typer.Argument(
            metavar="BASELINE",
            help="A method that has outcomes, as task_arithmetic.",
            autocompletion=_methods,
        ),
    ],
    candidates: Annotated[
        list[str],
        typer.Argument(metavar="CANDIDATES", help="Methods to judge.", autocompletion=_methods),
    ],
    results: Annotated[Path, typer.Option(metavar="FOLDER", help="Folder of the outcomes.")] = Path(
        "results/regress"
    ),
    baseline_results: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder of the baseline's outcomes, if it is another one."
        ),
    ] = None,
    fail_on: FailOn = "",
    as_json: Json = False,
):
    """Is a merging method better than another?

    From outcomes that are there: verdicts for each task and over all, in every mode; 1 on those
    that --fail-on names.

    \b
    tangent-bench compare task_arithmetic ties tsv_m
    tangent-bench compare ties ties --baseline-results results/before --fail-on worse
    """
    from tangent_bench.judging import methods as comparing
    from tangent_bench.report import titles

    words = comparing.failing(fail_on)
    before = baseline_results and _home(baseline_results)
    results = _home(results)
    comparisons = comparing.compare(results, baseline, candidates, before)
    names = {baseline: titles.of_label(before or results, baseline)}
    for label in candidates:
        names[label] = titles.of_label(results, label)
    _judge(comparisons, words, as_json, results.name, names)


@app.command(cls=_Command)
def regress(
    method: MethodName,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A hyper-parameter; again for others."),
    ] = None,
    baseline: Annotated[
        str,
        typer.Option(metavar="NAME", help="Method to compare with.", autocompletion=_methods),
    ] = "task_arithmetic",
    configfile: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Vectors and modes.  [default: config/regress.yaml]"),
    ] = None,
    cores: Annotated[
        int, typer.Option(min=1, metavar=NUMBER, help="Jobs of one thread at a time.")
    ] = 2,
    quick: Annotated[
        bool, typer.Option("--quick", help="Stop after the first seed: a verdict on it alone.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show all that Snakemake says.")
    ] = False,
    fail_on: FailOn = "",
    as_json: Json = False,
):
    """Check, run and compare a merging method.

    The first run makes the vectors of five seeds (about an hour on two cores). Seed 0 comes first,
    with a verdict on it alone; after each further seed there is another.

    \b
    tangent-bench regress ties
    tangent-bench regress ties --quick
    tangent-bench regress ties --set keep=0.1 --baseline tsv_m --fail-on worse,undecided
    """
    from tangent_bench import merging
    from tangent_bench import regress as regressing
    from tangent_bench.judging import methods as comparing
    from tangent_bench.planning import jobs
    from tangent_bench.report import titles

    words = comparing.failing(fail_on)
    candidate = merging.find(method, regressing.hyper_parameters(values or []))
    other = merging.find(baseline)
    file = _home(configfile) if configfile else regressing.CONFIG
    shown = "nothing" if as_json else "everything" if verbose else "progress"
    comparisons = regressing.regress(candidate, other, file, cores, shown, quick=quick)
    names = {merger.label: titles.named(merger) for merger in (candidate, other)}
    _judge(comparisons, words, as_json, jobs.read_config([file])["preset"], names)


@app.command(cls=_Command)
def merge(
    method: MethodName,
    out: Annotated[
        Path,
        typer.Option(
            metavar="PATH", help="A new file .safetensors; for huggingface, fusionbench a folder."
        ),
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="FILES", help="Further --vectors.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Results of a run, with its vectors.")
    ] = None,
    vectors: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILES", help="Files of vectors, in place of --results."),
    ] = None,
    layout: Annotated[
        str,
        typer.Option(metavar="NAME", help="Of --vectors that are checkpoints of others, as peft."),
    ] = "",
    alpha: Annotated[
        str,
        typer.Option(
            metavar="selected|NUMBER",
            help="The coefficient: that which validation images chose in the results, or a number.",
        ),
    ] = "selected",
    mode: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="As standard-network; a -tangent mode writes θ0 and τ.  [default: the only one]",
        ),
    ] = None,
    tasks: Commas = None,
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A hyper-parameter; again for others."),
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option(metavar="|".join(Format), help="Whose files.  [default: open_clip]"),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The model that was fine-tuned.  [default: the only one]"
        ),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its initialisation.  [default: the only one]"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, metavar=NUMBER, help="Of the fine-tuning.  [default: the only one]"),
    ] = None,
    configfile: ConfigFiles = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Json = False,
):
    """Merge vectors, and take the model away.

    Writes θ0 + α d as a file of open_clip's, or a folder of transformers' or FusionBench's. In a
    tangent mode it is a file of θ0 and τ, which tangent_bench.export.load_tangent makes f_lin of.
    An α outside of the method's grid is taken, and said to be; --configfile is for custom_models.

    \b
    tangent-bench merge ties --results results/tiny --mode standard-network --out a.safetensors
    tangent-bench merge ties --results results/tiny --mode linear-tangent --out a.safetensors
    tangent-bench merge ties --alpha 0.4 --model tiny --out a.safetensors --vectors b/*.safetensors
    tangent-bench merge ties --alpha 1 --model tiny --out a.safetensors --layout peft --vectors b/*
    """
    _prepare()
    from tangent_bench import export, merging
    from tangent_bench import regress as regressing

    merger = merging.find(method, regressing.hyper_parameters(values or []))
    names = tasks.split(",") if tasks else None
    request = export.Request(
        merger=merger,
        out=_home(out),
        alpha=_coefficient(alpha),
        results=results and _home(results),
        vectors=[_home(file) for file in [*(vectors or []), *(more or [])]],
        layout=layout,
        wish=export.Wish(names, model, init, mode, seed),
        format=str(format) if format else None,
        force=force,
        custom_models=_custom_models(configfile),
    )
    written = export.export(request)
    if written.note:
        typer.echo(written.note, err=True)
    if as_json:
        return _print({"out": str(request.out), **written.merged.about, "usage": written.usage})
    typer.echo(_merged(written.merged.about, request.out, written.usage))


def _coefficient(text: str) -> float | str:
    """α as it was given: "selected", or a number."""
    if text == "selected":
        return text
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"--alpha {text!r} cannot be read; expected 'selected', or a number such as 0.3."
        ) from None


def _custom_models(configfiles: Sequence[Path] | None) -> Mapping:
    """The models of the user's own that config files define."""
    if not configfiles:
        return {}
    from tangent_bench.planning import jobs

    return jobs.read_config([_home(file) for file in configfiles])["custom_models"]


def _merged(about: Mapping, out: Path, usage: str) -> str:
    """What was written, and how it is loaded."""
    from tangent_bench.report import titles

    chosen = ", selected on validation images" if about["alpha_selected"] else ""
    lines = [
        f"{out}: {about['model']}, {len(about['tasks'])} vectors ({', '.join(about['tasks'])}) "
        f"merged by {about['method']}, α = {about['alpha']:g}{chosen}; "
        f"{titles.mode_title(about['mode'])}, seed {about['seed']}.",
        "",
    ]
    lines += [f"    {line}" for line in usage.splitlines()]
    return "\n".join(lines)


def _judge(
    comparisons: Mapping,
    words: Sequence[str],
    as_json: bool,
    preset: str,
    names: Mapping[str, str],
) -> None:
    """Print comparisons, and on stderr their verdicts among the words; then the status is 1."""
    from tangent_bench.judging import methods as comparing
    from tangent_bench.report import method_comparison, smoke_tests

    if warning := smoke_tests.banner(preset):
        typer.echo(warning, err=True)
    if as_json:
        _print(comparing.lines(comparisons))
    else:
        typer.echo(method_comparison.text(comparisons, names))
    hits = method_comparison.hits(comparisons, words, names)
    for sentence in hits:
        typer.echo(sentence, err=True)
    raise typer.Exit(int(bool(hits)))


# Steps of the Makefile


@app.command(hidden=True)
def release():
    """Remove what a dead run has locked in this folder; refuse where another run is at work."""
    from tangent_bench.jobs import lock

    lock.release(Path())


@app.command(hidden=True)
def redraw():
    """Draw the published figures again, each from the rows that were published beside it."""
    from tangent_bench.report import published

    for file in published.redraw(Path("results/published")):
        typer.echo(f"{file} is drawn anew")


@app.command(hidden=True)
def fill():
    """Put published tables and numbers into README.md and the pages of docs/, at their marks."""
    from tangent_bench.report import marks

    marks.fill(Path())


@app.command(hidden=True)
def pretrain(
    model: Annotated[str, typer.Argument(help="An embedded model, as `tiny`.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps of this stretch.")],
    configfile: ConfigFiles = None,
):
    """One stretch of a pre-training, from the state that the last one left."""
    _prepare()
    from tangent_bench.finetuning import stretches
    from tangent_bench.planning import jobs

    _show_progress()
    config = jobs.read_config([_home(file) for file in configfile or []])
    typer.echo(stretches.stretch(model, steps, config))


@app.command(hidden=True)
def ship(
    folder: Annotated[Path, typer.Argument(help="A finished pre-training.")] = Path(
        "results/pretraining/tiny"
    ),
):
    """Put a finished pre-training into the package."""
    from tangent_bench.finetuning import shipping

    shipping.main(folder)


def _print(value: object) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def _home(path: Path) -> Path:
    """A path whose ~ the shell has left, as in --results=~/tiny."""
    return Path(places.at_home(str(path)))


def _begin(text: str) -> None:
    """Say what is looked at now."""
    typer.echo(f"looking at {text}", err=True)


def _prepare() -> None:
    """Make this process as a job is, before NumPy is imported; silence open_clip's warnings."""
    import logging

    provenance.limit_threads(1)
    provenance.keep_memory()
    logging.getLogger().setLevel(logging.ERROR)


def _show_progress() -> None:
    """Let the package's own log through to stderr."""
    import logging

    logging.basicConfig(format="%(message)s")
    logging.getLogger("tangent_bench").setLevel(logging.INFO)


def _files(preset: str | None, configfiles: Sequence[Path] | None) -> list[Path]:
    """The files that a run reads beside config/default.yaml: the preset, then the config files.

    Raises:
        ValueError: there is no such preset.
    """
    given = [_home(file) for file in configfiles or []]
    if preset is None and given:
        return given
    preset = preset or "tiny"
    known = catalogue.names("presets")
    if preset not in known:
        hint = registry.did_you_mean(preset, known)
        raise ValueError(f"There is no preset {preset!r}: config/ has {', '.join(known)}.{hint}")
    return [catalogue.CONFIG / f"{preset}.yaml", *given]


def _description(about: Mapping) -> str:
    """One thing as text: title and definition, then its contract, then its numbers."""
    lines = [f"{about['title']}  ({about['kind']}: {about['name']})", "", about["definition"], ""]
    contract = dict(about.get("contract", {}))
    if about["kind"] == "methods":
        contract["coefficients"] = contract["coefficients"] or "those of the config"
    for key, value in contract.items():
        if value or value is False:
            lines.append(f"{key.replace('_', ' ')}: {_short(value)}")
    lines += map(_parameter, about.get("parameters", []))
    lines += map(_change, about.get("changes", []))
    return "\n".join(lines).rstrip()


def _parameter(parameter: Mapping) -> str:
    limits = f" ({parameter['range']})" if parameter["range"] else ""
    meaning = f": {parameter['meaning']}" if parameter["meaning"] else ""
    return f"  {parameter['name']} = {_short(parameter['default'])}{limits}{meaning}"


def _change(change: Mapping) -> str:
    default = _short(change["default"])
    return f"  {change['name']} = {_short(change['value'])}  (default: {default})"


def _short(value: object) -> str:
    """A value on one line, words as in YAML."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_short(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_short, value))
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def main() -> None:
    """The program `tangent-bench`."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without × or α still gets its numbers
    provenance.mend_threads()
    app(prog_name="tangent-bench")


if __name__ == "__main__":
    main()
