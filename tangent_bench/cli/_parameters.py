"""Options and arguments that several commands have, and what is made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tangent_bench import catalogue, registry
from tangent_bench.cli import _completion
from tangent_bench.store import places

NUMBER = "NUMBER"
Json = Annotated[bool, typer.Option("--json", help="Print JSON in place of text.")]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="A file of config/, as paper.  [default: tiny]",
        autocompletion=_completion.presets,
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
        autocompletion=_completion.methods,
    ),
]
HyperParameters = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A hyper-parameter; again for others."),
]


def config_files(preset: str | None, configfiles: Sequence[Path] | None) -> list[Path]:
    """The files that a run reads beside config/default.yaml: the preset, then the config files.

    Raises:
        ValueError: there is no such preset.
    """
    given = [home(file) for file in configfiles or []]
    if preset is None and given:
        return given
    preset = preset or "tiny"
    known = catalogue.names("presets")
    if preset not in known:
        hint = registry.did_you_mean(preset, known)
        raise ValueError(f"There is no preset {preset!r}: config/ has {', '.join(known)}.{hint}")
    return [catalogue.CONFIG / f"{preset}.yaml", *given]


def home(path: Path) -> Path:
    """A path whose ~ the shell has left, as in --results=~/tiny."""
    return Path(places.at_home(str(path)))


def print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))
