"""Merged models out of results: `merge`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tangent_bench.cli import _process
from tangent_bench.cli._parameters import (
    NUMBER,
    ConfigFiles,
    HyperParameters,
    Json,
    MethodName,
    home,
    print_json,
)

Format = StrEnum("Format", ["open_clip", "huggingface", "fusionbench"])
Commas = Annotated[
    str | None, typer.Option(metavar="NAMES", help="Tasks, by commas.  [default: all]")
]


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
    values: HyperParameters = None,
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
    _process.prepare()
    from tangent_bench import export, merging
    from tangent_bench import regress as regressing

    merger = merging.find(method, regressing.hyper_parameters(values or []))
    names = tasks.split(",") if tasks else None
    request = export.Request(
        merger=merger,
        out=home(out),
        alpha=_coefficient(alpha),
        results=results and home(results),
        vectors=[home(file) for file in [*(vectors or []), *(more or [])]],
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
        return print_json({"out": str(request.out), **written.merged.about, "usage": written.usage})
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

    return jobs.read_config([home(file) for file in configfiles])["custom_models"]


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
