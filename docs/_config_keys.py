"""The reference of the config, from the schema and from the comments of config/default.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

import yaml

from tangent_bench.planning.config_schema import schema

DEFAULT = Path(__file__).parents[1] / "config/default.yaml"
HEAD = """\
# Config keys

Every key, with its default, what is allowed, its unit and its source. The page is made from
`workflow/schemas/config.schema.yaml` and `config/default.yaml`. A preset says only what differs
([presets](presets.md)): maps are merged, a list replaces the whole list. An unknown key is an error
at every level, and so is a number that YAML reads as text (write `1.0e-5`).
"""
BOUNDS = {"exclusiveMinimum": ">", "minimum": "≥", "maximum": "≤", "multipleOf": "a multiple of"}
KINDS = {"object": "map", "array": "list", "string": "text", "boolean": "true or false"}


class Key(NamedTuple):
    """A key of the config.

    Attributes:
        path: where it stands ("training.steps").
        allowed: its values, in words.
        required: whether it must be there.
    """

    path: str
    allowed: str
    required: bool


def page() -> str:
    """The page as Markdown."""
    text = DEFAULT.read_text(encoding="utf-8")
    default = yaml.safe_load(text)
    words = comments(text)
    return "\n".join([HEAD, *(_section(name, default, words) for name in schema()["properties"])])


def keys(name: str) -> list[Key]:
    """The key `name` of the top level and all keys below it, in the order of the schema."""
    return list(_walk(name, schema()["properties"][name], True))


def _walk(path: str, node: Mapping, required: bool) -> Iterator[Key]:
    node = _resolved(node)
    yield Key(path, allowed(node), required)
    for name, inner in node.get("properties", {}).items():
        yield from _walk(f"{path}.{name}", inner, name in node.get("required", ()))
    for step, key in ((".<name>", "additionalProperties"), ("[]", "items")):
        inner = node.get(key)
        if isinstance(inner, Mapping) and "properties" in _resolved(inner):
            _, *below = _walk(f"{path}{step}", inner, True)
            yield from below


def _resolved(node: Mapping) -> Mapping:
    return schema()["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def allowed(node: Mapping) -> str:
    """What a value may be, in words, from a `node` of the schema.

    >>> allowed({"type": "number", "exclusiveMinimum": 0})
    'number > 0'
    >>> allowed({"type": "array", "items": {"enum": ["a", "b"]}})
    'list of a or b'
    """
    node = _resolved(node)
    if "enum" in node:
        return " or ".join(map(str, node["enum"]))
    kinds = [node["type"]] if isinstance(node["type"], str) else node["type"]
    words = " or ".join(KINDS.get(kind, kind) for kind in kinds)
    if "array" in kinds:
        words += f" of {allowed(node['items'])}"
    bounds = ", ".join(f"{sign} {node[bound]}" for bound, sign in BOUNDS.items() if bound in node)
    return f"{words} {bounds}".strip()


def comments(text: str) -> dict[str, str]:
    """Path of a key → the comment on its line, above it, or (indented) below it, of a YAML text."""
    return dict(_comments(yaml.compose(text), text.splitlines(), ""))


def _comments(node: yaml.MappingNode, lines: Sequence[str], path: str) -> Iterator[tuple[str, str]]:
    for name, value in node.value:
        here = f"{path}.{name.value}".lstrip(".")
        nested = isinstance(value, yaml.MappingNode) and not value.flow_style
        yield here, _comment(name.start_mark, lines, nested)
        if nested:
            yield from _comments(value, lines, here)


def _comment(at: yaml.Mark, lines: Sequence[str], nested: bool) -> str:
    """The comment of the key at a mark; a nested map has keys below it, not comments."""
    above = _own_lines(lines[: at.line][::-1], at.column)[::-1]
    beside = re.search(r"\s# (.*)", lines[at.line])
    text = _shown(" ".join([*above, *([beside[1]] if beside else [])]))
    below = [] if nested else _own_lines(lines[at.line + 1 :], at.column + 2)
    if below:
        text += "\n\n" + "\n".join(f"    {line}" for line in below)
    return text


def _own_lines(lines: Sequence[str], column: int) -> list[str]:
    """The comments that stand alone at this column, up to the first line that is none."""
    texts = []
    for line in lines:
        if not line.startswith(" " * column + "#"):
            break
        texts.append(line.strip()[2:])
    return texts


def _shown(text: str) -> str:
    return escape(text, quote=False).replace("*", r"\*").replace("|", r"\|")


def _section(name: str, default: Mapping, words: Mapping[str, str]) -> str:
    first, *below = keys(name)
    lines = [f"## {name}\n"]
    if first.allowed != "map":
        lines.append(f"Default {_default(default, name)}; allowed: {_shown(first.allowed)}.\n")
    lines += [words.get(name, ""), ""]
    if below:
        lines += ["| key | default | allowed | |", "| --- | --- | --- | --- |"]
        lines += [_row(key, default, words) for key in below]
        lines.append("")
    return "\n".join(lines)


def _row(key: Key, default: Mapping, words: Mapping[str, str]) -> str:
    cells = [f"`{key.path}`", _value(default, key), _shown(key.allowed), words.get(key.path, "")]
    return "| " + " | ".join(cells) + " |"


def _value(default: Mapping, key: Key) -> str:
    if "<" in key.path or "[]" in key.path:
        return "must be given" if key.required else "–"
    has_keys = any(other.path.startswith(f"{key.path}.") for other in keys(key.path.split(".")[0]))
    return "" if has_keys else _default(default, key.path)


def _default(default: Mapping, path: str) -> str:
    value = default
    for part in path.split("."):
        value = value[part]
    words = re.sub(r'"([A-Za-z][\w-]*)"', r"\1", json.dumps(value, ensure_ascii=False))
    words = re.sub(r"\b(\d)e-0?(\d)", r"\1.0e-\2", words)  # as YAML reads numbers
    return f"`{words}`"
