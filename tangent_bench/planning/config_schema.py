"""The values of a config, before anything is done with them: plain, finite, of the schema.

Anything that YAML can hold is accepted, or answered by one sentence with the key, the value and
what is allowed.
Imports neither torch nor open_clip.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

from tangent_bench import registry, suite

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SCHEMA = suite.ROOT / "workflow/schemas/config.schema.yaml"
LARGEST = 2**63 - 1  # of an integer in a row or a tensor
# A file with more values or levels is no config, and may have been built to fill the memory.
MOST = 100_000
DEEPEST = 10
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|true|false|null")
# Letters that end or turn a line, or that UTF-8 does not have.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


@cache
def schema() -> dict:
    """The JSON schema of the config, as a dict."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def require(config: object) -> None:
    """Raise unless a config is what the schema describes.

    Raises:
        ValueError: one sentence with the key, the value given, what is allowed, and the nearest
            name for a misspelt one.
    """
    _require_plain(config)
    errors = sorted(_validator().iter_errors(config), key=lambda e: list(map(str, e.absolute_path)))
    if errors:
        raise ValueError(f"Config: {_sentence(errors[0])}")


def typed(config: Mapping, given: Mapping) -> Mapping:
    """The config with numbers where Snakemake's --config left them as text, in lists and maps.

    A text is taken for a number, true, false or null only where the schema wants one and no text,
    and only if it stands in `given`: text in a file is meant as text.

    Args:
        config: what Snakemake made of all that was given.
        given: what its --config said.
    """
    if not given:
        return config
    _require_plain(config)
    config = copy.deepcopy(dict(config))
    for error in list(_validator().iter_errors(config)):
        path = list(error.absolute_path)
        is_text = isinstance(error.instance, str) and error.validator == "type"
        if is_text and _at(given, path) == error.instance:
            place = _at(config, path[:-1])
            place[path[-1]] = _meant(error.instance, error.validator_value)
    return config


def _at(value: Any, path: Sequence[str | int]) -> Any:
    """What stands at a path; None if there is nothing."""
    for key in path:
        try:
            value = value[key]
        except (LookupError, TypeError):
            return None
    return value


def _meant(text: str, types: str | Sequence[str]) -> object:
    """The value of one of these types that a text is; else the text."""
    wanted = {types} if isinstance(types, str) else {*types}
    word = text.lower()
    if "null" in wanted and word in ("null", "none", "~"):
        return None
    if "boolean" in wanted and word in ("true", "false"):
        return word == "true"
    if wanted & {"integer", "number"}:
        with suppress(ValueError):
            return int(text)
    if "number" in wanted:
        with suppress(ValueError):
            return float(text)
    return text


@cache
def _validator():
    """Refuses 1.0 as an integer: a seed of 1.0 would be `seed-1.0` in names of files."""
    from jsonschema import Draft202012Validator, validators

    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    )
    return validators.extend(Draft202012Validator, type_checker=types)(schema())


def _require_plain(config: object) -> None:
    """Refuse what the schema cannot (.nan passes every bound), and what would fill the memory."""
    for number, (path, value) in enumerate(_values(config)):
        if number == MOST or len(path) > DEEPEST:
            most = f"{MOST:,} values" if number == MOST else f"{DEEPEST} levels"
            raise ValueError(
                f"Config: {short(path[0])} has more than {most}, expected what config/default.yaml "
                "has."
            )
        _require_plain_value(path, value)


def _require_plain_value(path: tuple, value: object) -> None:
    where = short(".".join(map(str, path)) if path else "the file")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(
                    f"Config: {where} has the key {short(key)}, expected text{_why(key)}."
                )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"Config: {where} is {value}, expected a finite number.")
    if type(value) is int and abs(value) > LARGEST:
        raise ValueError(
            f"Config: {where} is {short(value)}, expected an integer of at most 63 bits."
        )
    for text in (value, *path[-1:]):
        if isinstance(text, str) and _UNSEEN.search(text):
            raise ValueError(
                f"Config: {where} has {short(text)}, expected one line without control characters."
            )


def _values(value: object, path: tuple = ()) -> Iterator[tuple[tuple, object]]:
    """(path, value) of all that is in a config.

    Lazily: a caller that stops ends it, even if a value contains itself.
    """
    yield path, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _values(inner, (*path, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _values(inner, (*path, place))


def _sentence(error: ValidationError) -> str:
    """What was given and what is allowed, of an error of jsonschema."""
    path = list(map(str, error.absolute_path))
    where = short(".".join(path) if path else "the file")
    value: Any = error.instance
    rule: Any = error.validator_value
    schema: Any = error.schema
    if error.validator == "additionalProperties":
        return _unknown_key(path, value, sorted(schema.get("properties", {})))
    if error.validator == "required":
        key = next(key for key in rule if key not in value)
        return f"{where} lacks the required key {key!r}; expected {', '.join(rule)}."
    if error.validator == "type":
        expected = rule if isinstance(rule, str) else " or ".join(rule)
        return f"{where} is {short(value)}, expected {expected}{_why(value)}."
    if error.validator == "uniqueItems":
        twice = next(item for item in value if value.count(item) > 1)
        return f"{where} has {short(twice)} twice, expected each once."
    verb = "has the key" if "propertyNames" in error.absolute_schema_path else "is"
    expected = _EXPECTED[str(error.validator)](rule, schema)
    return f"{where} {verb} {short(value)}, expected {expected}."


def _either(rules: list[dict]) -> str:
    keys = [rule["required"][0] for rule in rules]
    return f"either {' or '.join(keys)}"


# Keyword of the schema → (its value, the schema) → what is allowed, in words.
_EXPECTED: dict[str, Callable[[Any, Any], str]] = {
    "enum": lambda rule, _: f"one of {', '.join(map(str, rule))}",
    "minimum": lambda rule, _: f"at least {rule}",
    "maximum": lambda rule, _: f"at most {rule}",
    "exclusiveMinimum": lambda rule, _: f"more than {rule}",
    "multipleOf": lambda rule, _: f"a multiple of {rule}",
    "minLength": lambda rule, _: "text that is not empty",
    "maxLength": lambda rule, _: f"at most {rule} letters",
    "minItems": lambda rule, _: f"at least {rule} of them",
    "maxItems": lambda rule, _: f"at most {rule} of them",
    "minProperties": lambda rule, _: f"at least {rule} of them",
    "contains": lambda rule, _: f"{rule['const']} among them",
    "oneOf": lambda rule, _: _either(rule),
    "pattern": lambda rule, schema: schema["description"],
}


def _unknown_key(path: list[str], value: Mapping, allowed: list[str]) -> str:
    key = next(k for k in value if k not in allowed)
    hint = registry.did_you_mean(key, allowed)
    return f"unknown key {short('.'.join([*path, key]))}; allowed here: {', '.join(allowed)}.{hint}"


def _why(value: object) -> str:
    """Why YAML read something else than was meant, and what to do."""
    if isinstance(value, bool):
        return " (YAML reads yes, no, on and off as true and false: put words into quotes)"
    if isinstance(value, date):
        return " (YAML reads a date: put it into quotes)"
    if not isinstance(value, str) or len(value) > 100 or not _NUMBER.fullmatch(value):
        return ""
    if not isinstance(yaml.safe_load(value), str):
        return " (in quotes it is text: take them away)"
    return " (YAML reads 1e-5 as text: write 1.0e-5)"


def short(value: object) -> str:
    """A value as sentences show it: on one line, without its middle where it is long."""
    if type(value) is int and abs(value) > LARGEST:
        return f"an integer of {value.bit_length():,} bits"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:50]} ... {text[-20:]}"
