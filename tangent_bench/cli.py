"""The command line, for what Snakemake is not for: what there is, what a run needs and costs, which method is better.

    tangent-bench list, show, check, plan, compare, regress        or: python -m tangent_bench.cli

Exit status: 0, 1 if the answer is one that was to be noticed (a run cannot begin, a verdict that `--fail-on` names), 2
with one sentence if the question is wrong. Every command has `--json`. A command imports what it needs when it is
called, so that help takes no time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from tangent_bench import catalogue

Kind = StrEnum("Kind", catalogue.KINDS)
Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of text.")]
Preset = Annotated[str | None, typer.Option(help="A file of config/, as paper.  [default: tiny]")]
ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option("--configfile", help="A config file, as for snakemake; again for further ones."),
]
FailOn = Annotated[
    str,
    typer.Option(
        metavar="VERDICTS",
        help="Exit with 1 on these verdicts over all tasks: better, same, worse, undecided, by commas.",
    ),
]


class _Sentences(TyperGroup):
    """A ValueError is about the user's input: its sentence, and status 2."""

    def invoke(self, context: typer.Context) -> object:
        try:
            return super().invoke(context)
        except ValueError as sentence:
            typer.echo(f"Error: {sentence}", err=True)
            raise typer.Exit(2) from None


app = typer.Typer(
    cls=_Sentences,
    help="What there is, what a run needs and costs, and which merging method is better. Runs: make, snakemake.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.command("list")
def list_names(
    kind: Annotated[Kind | None, typer.Argument(help="One kind alone.")] = None,
    as_json: Json = False,
):
    """Names and titles of all that there is.

    \b
    tangent-bench list
    tangent-bench list methods
    tangent-bench list presets --json
    """
    kinds = [kind.value] if kind else catalogue.KINDS
    found = [
        {"kind": k, "name": n, "title": catalogue.title(k, n)}
        for k in kinds
        for n in catalogue.names(k)
    ]
    if as_json:
        return _print(found)
    width = max(len(each["name"]) for each in found)
    for k in kinds:
        typer.echo(
            "\n".join(
                [k, *(f"  {e['name']:{width}}  {e['title']}" for e in found if e["kind"] == k), ""]
            )
        )


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="As `list` prints it, or lines+ties.")],
    as_json: Json = False,
):
    """One thing: definition, reference, defaults.

    With ranges and meanings; a name of several kinds shows all of them.

    \b
    tangent-bench show ties
    tangent-bench show kernel_gap
    tangent-bench show lines+ties --json
    """
    found = catalogue.find(name)
    if as_json:
        return _print(found)
    typer.echo("\n\n\n".join(map(_description, found)))


@app.command()
def check(preset: Preset = None, configfile: ConfigFiles = None, as_json: Json = False):
    """Can a run begin on this machine?

    Looks at config, data, weights, GPU, cores and disk, and downloads nothing; 1 if something blocks the run.

    \b
    tangent-bench check
    tangent-bench check --preset paper
    tangent-bench check --preset paper --configfile mine.yaml --json
    """
    _prepare()
    from tangent_bench.planning import readiness

    found = []
    for each in readiness.findings(_files(preset, configfile)):
        found.append(each)
        if not as_json:
            typer.echo(f"{each.status:6}  {each.about:7}  {each.text}")
    blocked = any(each.status == "blocks" for each in found)
    if as_json:
        _print({"ready": not blocked, "findings": [each._asdict() for each in found]})
    raise typer.Exit(int(blocked))


@app.command()
def plan(
    preset: Preset = None,
    configfile: ConfigFiles = None,
    tasks: Annotated[
        int, typer.Option(help="Tasks of the larger run that is planned as well.")
    ] = 20,
    seeds: Annotated[int, typer.Option(help="Seeds of the larger run.")] = 10,
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

    Jobs, images, hours, disk and memory of a run from nothing, from what this machine takes for a unit of each work,
    which is measured in about a minute.

    \b
    tangent-bench plan --preset paper
    tangent-bench plan --preset paper --tasks 14 --seeds 3 --json
    tangent-bench plan --against results/tiny
    """
    _prepare()
    from tangent_bench.planning import report as planning

    files = _files(preset, configfile)
    if against is None:
        found = planning.report(files, tasks, seeds)
        return _print(found) if as_json else typer.echo(planning.text(found))
    compared = planning.against(files, against)
    if as_json:
        _print([{**vars(each), "deviation": each.deviation} for each in compared])
    else:
        typer.echo(planning.comparison(compared))
    raise typer.Exit(int(abs(compared[-1].deviation) > planning.TOLERANCE))


@app.command()
def compare(
    baseline: Annotated[
        str, typer.Argument(help="A method that has outcomes, as task_arithmetic.")
    ],
    candidates: Annotated[list[str], typer.Argument(help="Methods to judge.")],
    results: Annotated[Path, typer.Option(help="Folder of the outcomes.")] = Path(
        "results/regress"
    ),
    baseline_results: Annotated[
        Path | None, typer.Option(help="Folder of the baseline's outcomes, if it is another one.")
    ] = None,
    fail_on: FailOn = "",
    as_json: Json = False,
):
    """Is a merging method better than another?

    From outcomes that are there: verdicts for each task and over all, in every mode; 1 on those that --fail-on names.

    \b
    tangent-bench compare task_arithmetic ties tsv_m
    tangent-bench compare ties ties --baseline-results results/before --fail-on worse
    """
    from tangent_bench.judging import methods as comparing

    words = comparing.failing(fail_on)
    _judge(comparing.compare(results, baseline, candidates, baseline_results), words, as_json)


@app.command()
def regress(
    method: Annotated[str, typer.Argument(help="Name of the method, as ties or lines+ties.")],
    values: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A hyper-parameter; again for others."),
    ] = None,
    baseline: Annotated[str, typer.Option(help="Method to compare with.")] = "task_arithmetic",
    configfile: Annotated[
        Path | None, typer.Option(help="Vectors and modes.  [default: config/regress.yaml]")
    ] = None,
    cores: Annotated[int, typer.Option(help="Jobs of one thread at a time.")] = 2,
    fail_on: FailOn = "",
    as_json: Json = False,
):
    """Check, run and compare a merging method.

    The first run makes the vectors of five seeds (about an hour on two cores).

    \b
    tangent-bench regress ties
    tangent-bench regress ties --set keep=0.1 --baseline tsv_m --fail-on worse,undecided
    """
    from tangent_bench import merging
    from tangent_bench import regress as regressing
    from tangent_bench.judging import methods as comparing

    words = comparing.failing(fail_on)
    candidate = merging.find(method, regressing.hyper_parameters(values or []))
    file = configfile or regressing.CONFIG
    _judge(
        regressing.regress(candidate, merging.find(baseline), file, cores, quiet=as_json),
        words,
        as_json,
    )


def _judge(found: Mapping, words: Sequence[str], as_json: bool) -> None:
    """Print a comparison, and on stderr its verdicts that are among the words; then the status is 1."""
    from tangent_bench.judging import methods as comparing

    if as_json:
        _print(comparing.lines(found))
    else:
        typer.echo(comparing.report(found))
    hits = comparing.hits(found, words)
    for sentence in hits:
        typer.echo(sentence, err=True)
    raise typer.Exit(int(bool(hits)))


def _print(value: object) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def _prepare() -> None:
    """As a job is, before NumPy is imported; and open_clip shall not warn of random weights."""
    import logging

    from tangent_bench.jobs import provenance

    provenance.limit_threads(1)
    provenance.keep_memory()
    logging.getLogger().setLevel(logging.ERROR)


def _files(preset: str | None, configfiles: Sequence[Path] | None) -> list[Path]:
    """What a run reads beside config/default.yaml: the preset, and what the files change.

    Raises:
        ValueError: there is no such preset.
    """
    if preset is None and configfiles:
        return list(configfiles)
    preset, known = preset or "tiny", catalogue.names("presets")
    if preset not in known:
        raise ValueError(f"There is no preset {preset!r}: config/ has {', '.join(known)}.")
    return [catalogue.CONFIG / f"{preset}.yaml", *(configfiles or [])]


def _description(about: Mapping) -> str:
    """One thing as text: title and definition, then what its contract says, then its numbers."""
    lines = [f"{about['title']}  ({about['kind']}: {about['name']})", "", about["definition"], ""]
    contract = dict(about.get("contract", {}))
    if about["kind"] == "methods":
        contract["coefficients"] = contract["coefficients"] or "those of the config"
    lines += [f"{k.replace('_', ' ')}: {_short(v)}" for k, v in contract.items() if v or v is False]
    for each in about.get("parameters", []):
        beside = "".join(
            [
                f" ({each['range']})" * bool(each["range"]),
                f": {each['meaning']}" * bool(each["meaning"]),
            ]
        )
        lines.append(f"  {each['name']} = {_short(each['default'])}{beside}")
    lines += [
        f"  {c['name']} = {_short(c['value'])}  (default: {_short(c['default'])})"
        for c in about.get("changes", [])
    ]
    return "\n".join(lines).rstrip()


def _short(value: object) -> str:
    """A value on one line, words as in YAML."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_short(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_short, value))
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def main() -> None:
    """The program `tangent-bench`."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without × still gets its numbers
    app(prog_name="tangent-bench")


if __name__ == "__main__":
    main()
