"""The reference of the config: what the schema allows, what config/default.yaml says, one line for each key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import NamedTuple

import yaml

from tangent_bench.planning.config_schema import schema

DEFAULT = Path(__file__).parents[1] / "config/default.yaml"
HEAD = """\
# Config keys

Every key, with its default, what is allowed, its unit and its source: made from `workflow/schemas/config.schema.yaml`
and `config/default.yaml`. A preset says only what differs ([presets](presets.md)): maps are merged, a list replaces the
whole list. An unknown key is an error at every level, and so is a number that YAML reads as text (write `1.0e-5`).
"""
BOUNDS = {"exclusiveMinimum": ">", "minimum": "≥", "maximum": "≤", "multipleOf": "a multiple of"}


class Key(NamedTuple):
    """A key of the config: where it stands ("training.steps"), what it may be, whether it must be there."""

    path: str
    allowed: str
    required: bool


def page() -> str:
    """The page as Markdown."""
    text = DEFAULT.read_text(encoding="utf-8")
    default, words = yaml.safe_load(text), comments(text)
    return "\n".join([HEAD, *(_section(name, default, words) for name in schema()["properties"])])


def keys(name: str) -> list[Key]:
    """A key of the top level and all below it, as the schema has them."""
    return list(_walk(name, schema()["properties"][name], True))


def _walk(path: str, node: Mapping, required: bool) -> Iterator[Key]:
    node = _resolved(node)
    yield Key(path, allowed(node), required)
    for name, inner in node.get("properties", {}).items():
        yield from _walk(f"{path}.{name}", inner, name in node.get("required", ()))
    for step, inner in ((".<name>", node.get("additionalProperties")), ("[]", node.get("items"))):
        if isinstance(inner, Mapping) and "properties" in _resolved(inner):
            yield from list(_walk(f"{path}{step}", inner, True))[1:]


def _resolved(node: Mapping) -> Mapping:
    return schema()["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def allowed(node: Mapping) -> str:
    """What a value may be, in words.

    >>> allowed({"type": "number", "exclusiveMinimum": 0}), allowed({"type": "array", "items": {"enum": ["a", "b"]}})
    ('number > 0', 'list of a or b')
    """
    node = _resolved(node)
    if "enum" in node:
        return " or ".join(map(str, node["enum"]))
    kinds = [node["type"]] if isinstance(node["type"], str) else node["type"]
    names = {"object": "map", "array": "list", "string": "text", "boolean": "true or false"}
    words = " or ".join(names.get(kind, kind) for kind in kinds)
    words += f" of {allowed(node['items'])}" if "array" in kinds else ""
    bounds = ", ".join(f"{sign} {node[bound]}" for bound, sign in BOUNDS.items() if bound in node)
    return f"{words} {bounds}".strip()


def comments(text: str) -> dict[str, str]:
    """Path of a key → what the comment on its line, above it, or (indented) below it says."""
    return dict(_comments(yaml.compose(text), text.splitlines(), ""))


def _comments(node: yaml.MappingNode, lines: list[str], path: str) -> Iterator[tuple[str, str]]:
    for name, value in node.value:
        at, here = name.start_mark, f"{path}.{name.value}".lstrip(".")
        nested = isinstance(value, yaml.MappingNode) and not value.flow_style
        above = _own_lines(lines[: at.line][::-1], at.column)[::-1]
        below = [] if nested else _own_lines(lines[at.line + 1 :], at.column + 2)
        on_it = re.search(r"\s# (.*)", lines[at.line])
        said = " ".join([*above, *([on_it[1]] if on_it else [])])
        yield (
            here,
            _shown(said) + ("\n\n" + "\n".join(f"    {line}" for line in below) if below else ""),
        )
        if nested:
            yield from _comments(value, lines, here)


def _own_lines(lines: list[str], column: int) -> list[str]:
    """The comments that stand alone at this column, from the first line on to the first that is none."""
    found = []
    for line in lines:
        if not line.startswith(" " * column + "#"):
            break
        found.append(line.strip()[2:])
    return found


def _shown(text: str) -> str:
    return escape(text, quote=False).replace("*", r"\*").replace("|", r"\|")


def _section(name: str, default: Mapping, words: Mapping[str, str]) -> str:
    first, *below = keys(name)
    about = [f"## {name}\n", words.get(name, ""), ""]
    if first.allowed != "map":
        about.insert(1, f"Default {_default(default, name)}; allowed: {_shown(first.allowed)}.\n")
    if not below:
        return "\n".join(about)
    head = ["| key | default | allowed | |", "| --- | --- | --- | --- |"]
    rows = [
        f"| `{k.path}` | {_value(default, k)} | {_shown(k.allowed)} | {words.get(k.path, '')} |"
        for k in below
    ]
    return "\n".join([*about, *head, *rows, ""])


def _value(default: Mapping, key: Key) -> str:
    if "<" in key.path or "[]" in key.path:
        return "must be given" if key.required else "–"
    return "" if key.allowed == "map" else _default(default, key.path)


def _default(default: Mapping, path: str) -> str:
    value = default
    for part in path.split("."):
        value = value[part]
    words = re.sub(r'"([A-Za-z][\w-]*)"', r"\1", json.dumps(value, ensure_ascii=False))
    return f"`{words}`"
