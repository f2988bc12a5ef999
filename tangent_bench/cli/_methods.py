"""Which merging method is better: `compare` and `regress`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from tangent_bench.cli import _completion
from tangent_bench.cli._parameters import (
    NUMBER,
    HyperParameters,
    Json,
    MethodName,
    home,
    print_json,
)

FailOn = Annotated[
    str,
    typer.Option(
        metavar="VERDICTS",
        help="Exit with 1 on these verdicts over all tasks: better, same, worse, undecided, by "
        "commas.",
    ),
]


def compare(
    baseline: Annotated[
        str,
        typer.Argument(
            metavar="BASELINE",
            help="A method that has outcomes, as task_arithmetic.",
            autocompletion=_completion.methods,
        ),
    ],
    candidates: Annotated[
        list[str],
        typer.Argument(
            metavar="CANDIDATES", help="Methods to judge.", autocompletion=_completion.methods
        ),
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
    before = baseline_results and home(baseline_results)
    results = home(results)
    comparisons = comparing.compare(results, baseline, candidates, before)
    names = {baseline: titles.of_label(before or results, baseline)}
    for label in candidates:
        names[label] = titles.of_label(results, label)
    _judge(comparisons, words, as_json, results.name, names)


def regress(
    method: MethodName,
    values: HyperParameters = None,
    baseline: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="Method to compare with.", autocompletion=_completion.methods
        ),
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

    The first run makes the vectors of five seeds (20 minutes to an hour on two cores). Seed 0
    comes first, with a verdict on it alone, mode by mode; after each further seed there is another.

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
    file = home(configfile) if configfile else regressing.CONFIG
    shown = "nothing" if as_json else "everything" if verbose else "progress"
    comparisons = regressing.regress(candidate, other, file, cores, shown, quick=quick)
    names = {merger.label: titles.named(merger) for merger in (candidate, other)}
    _judge(comparisons, words, as_json, jobs.read_config([file])["preset"], names)


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
        print_json(comparing.lines(comparisons))
    else:
        typer.echo(method_comparison.text(comparisons, names))
    hits = method_comparison.hits(comparisons, words, names)
    for sentence in hits:
        typer.echo(sentence, err=True)
    raise typer.Exit(int(bool(hits)))
