"""What there is: `list` and `show`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from tangent_bench import catalogue, registry
from tangent_bench.cli import _completion
from tangent_bench.cli._parameters import Json, print_json


def list_names(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="KIND",
            help=f"One kind alone: {', '.join(catalogue.KINDS)}.",
            autocompletion=_completion.kinds,
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
        return print_json(entries)
    width = max(len(entry["name"]) for entry in entries)
    for name in kinds:
        typer.echo(name)
        for entry in entries:
            if entry["kind"] == name:
                typer.echo(f"  {entry['name']:{width}}  {entry['title']}")
        typer.echo()


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="As `list` prints it, or lines+ties.",
            autocompletion=_completion.everything,
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
        return print_json(descriptions)
    typer.echo("\n\n\n".join(map(_description, descriptions)))


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
