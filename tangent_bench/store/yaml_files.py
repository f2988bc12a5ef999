"""YAML as people write it: a key that stands twice in a map is refused.

PyYAML, and Snakemake with it, takes the last value without a word. Imports nothing heavy: the
Snakefile is parsed with it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

# What PyYAML raises beside its own errors: for the date 2026-13-45, for an integer of thousands of
# digits, for brackets without an end.
UNREADABLE = (OSError, yaml.YAMLError, AttributeError, RecursionError, TypeError, ValueError)
_MERGE = "tag:yaml.org,2002:merge"  # of `<<`, which may stand twice: nothing of either is lost


class KeyTwice(ValueError):
    """A key stands twice in one map."""


class _Loader(yaml.SafeLoader):
    """A SafeLoader that refuses a key twice, as soon as it has read its map."""

    def __init__(self, text: str, source: str) -> None:
        super().__init__(text)
        self.source = source

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            # A list as a key is refused later, as is every other key that is no text.
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line = key.start_mark.line + 1
            if (key.tag, key.value) in lines:
                first = lines[key.tag, key.value]
                raise KeyTwice(
                    f"{self.source}, line {line}: the key {key.value!r} stands twice in one map "
                    f"(first in line {first}), of which YAML takes the last alone; keep one."
                )
            lines[key.tag, key.value] = line
        return node


def parse(text: str, source: str) -> object:
    """The content of a text.

    Args:
        text: YAML.
        source: where it is from, for the sentence.

    Raises:
        KeyTwice: a key stands twice; the sentence has the source, the key and its line.
        yaml.YAMLError: it is no YAML. See `UNREADABLE` for what else is raised then.
    """
    loader = _Loader(text, source)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def read(file: Path) -> Mapping:
    """The content of a config file; {} if it is empty.

    Raises:
        ValueError: it is not there or is no YAML, it holds no map, or a key stands twice.
    """
    try:
        content = parse(file.read_text(encoding="utf-8"), str(file))
    except KeyTwice:
        raise
    except UNREADABLE as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file} cannot be read as a config ({reason}).") from None
    if content is not None and not isinstance(content, Mapping):
        raise ValueError(
            f"{file} cannot be read as a config (it holds {type(content).__name__}, expected a map "
            "of keys)."
        )
    return content or {}


def require_single_keys(files: Iterable[str | Path], arguments: Sequence[str] = ()) -> None:
    """Refuse a key twice in what Snakemake has read already.

    Args:
        files: its config files.
        arguments: name=value pairs of its --config.

    Raises:
        KeyTwice: with the file, the key and its line.
    """
    for file in files:
        _require_of_file(Path(file))
    names = Counter(argument.partition("=")[0] for argument in arguments)
    for argument in arguments:
        name, _, value = argument.partition("=")
        if names[name] > 1:
            raise KeyTwice(f"--config names {name!r} twice; give it once, with its whole value.")
        _require_of_text(value, f"--config {name}")


def _require_of_file(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    try:
        _require_of_text(text, str(file))
    except yaml.YAMLError:
        json_of(file)  # with tabs it is no YAML, but Snakemake reads it


def _require_of_text(text: str, source: str) -> None:
    loader = _Loader(text, source)
    try:
        loader.get_single_node()
    finally:
        loader.dispose()


def json_of(file: Path) -> object:
    """The content of a JSON file.

    Raises:
        KeyTwice: a key stands twice in one map; JSON does not say in which line.
        OSError, ValueError, RecursionError: it is not there, or is no JSON.
    """

    def single(pairs: Sequence[tuple[str, object]]) -> dict:
        for key, number in Counter(key for key, _ in pairs).items():
            if number > 1:
                raise KeyTwice(f"{file}: the key {key!r} stands twice in one map; keep one.")
        return dict(pairs)

    return json.loads(file.read_text(encoding="utf-8"), object_pairs_hook=single)
