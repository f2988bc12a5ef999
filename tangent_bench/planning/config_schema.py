"""The values of a config, before anything is done with them: plain, finite, of the schema.

Whatever YAML can hold is either accepted or answered by one sentence with the key, the value and what is allowed.
Imports neither torch nor open_clip.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache

import yaml

from tangent_bench import registry, suite

SCHEMA = suite.ROOT / "workflow/schemas/config.schema.yaml"
LARGEST = 2**63 - 1  # of an integer in a row or a tensor
MOST, DEEPEST = (
    100_000,
    10,
)  # values and levels: what has more is no config, but may be built to fill the memory
_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|true|false|null")
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)  # ends or turns a line, or is no UTF-8


@cache
def schema() -> dict:
    """The JSON schema of the config, as a dict."""
    return yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))


def require(config: object) -> None:
    """Raise unless a config is what the schema describes.

    Raises:
        ValueError: one sentence with the key, the value given, what is allowed, and the nearest name for a misspelt
            one.
    """
    _require_plain(config)
    errors = sorted(_validator().iter_errors(config), key=lambda e: list(map(str, e.absolute_path)))
    if errors:
        raise ValueError(f"Config: {_sentence(errors[0])}")


@cache
def _validator():
    """Of the schema; 1.0 is no integer for it, as it would be in JSON: a seed would be `seed-1.0` in names of files."""
    from jsonschema import Draft202012Validator, validators

    types = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: type(value) is int
    )
    return validators.extend(Draft202012Validator, type_checker=types)(schema())


def _require_plain(config: object) -> None:
    """What the schema's language cannot say (it lets .nan pass every bound), and what it must not even be asked."""
    for number, (path, value) in enumerate(_values(config)):
        where = short(".".join(map(str, path)) if path else "the file")
        if number == MOST or len(path) > DEEPEST:
            most = f"{MOST:,} values" if number == MOST else f"{DEEPEST} levels"
            raise ValueError(
                f"Config: {short(path[0])} has more than {most}, expected what config/default.yaml has."
            )
        if isinstance(value, Mapping) and (
            odd := [key for key in value if not isinstance(key, str)]
        ):
            raise ValueError(
                f"Config: {where} has the key {short(odd[0])}, expected text{_why(odd[0])}."
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
    """(path, value) of all that is in a config, lazily: a caller that stops ends it, even if it contains itself."""
    yield path, value
    items = (
        value.items()
        if isinstance(value, Mapping)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield from _values(inner, (*path, key))


def _sentence(error) -> str:
    """What was given and what is allowed, of an error of jsonschema."""
    path = list(map(str, error.absolute_path))
    where, value, rule = (
        short(".".join(path) if path else "the file"),
        error.instance,
        error.validator_value,
    )
    if error.validator == "additionalProperties":
        return _unknown_key(path, value, sorted(error.schema.get("properties", {})))
    if error.validator == "required":
        key = next(each for each in rule if each not in value)
        return f"{where} lacks the required key {key!r}; expected {', '.join(rule)}."
    if error.validator == "type":
        expected = rule if isinstance(rule, str) else " or ".join(rule)
        return f"{where} is {short(value)}, expected {expected}{_why(value)}."
    if error.validator == "uniqueItems":
        twice = next(each for each in value if value.count(each) > 1)
        return f"{where} has {short(twice)} twice, expected each once."
    verb = "has the key" if "propertyNames" in error.absolute_schema_path else "is"
    return (
        f"{where} {verb} {short(value)}, expected {_EXPECTED[error.validator](rule, error.schema)}."
    )


_EXPECTED = {  # keyword of the schema → (its value, the schema) → what is allowed, in words
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
    "oneOf": lambda rule, _: f"either {' or '.join(each['required'][0] for each in rule)}",
    "pattern": lambda rule, schema: schema["description"],
}


def _unknown_key(path: list[str], value: Mapping, allowed: list[str]) -> str:
    key = next(k for k in value if k not in allowed)
    hint = registry.did_you_mean(key, allowed)
    return f"unknown key {short('.'.join([*path, key]))}; allowed here: {', '.join(allowed)}.{hint}"


def _why(value: object) -> str:
    """How YAML came to read something else than was meant, and what to do."""
    if isinstance(value, bool):
        return " (YAML reads yes, no, on and off as true and false: put words into quotes)"
    if isinstance(value, date):
        return " (YAML reads a date: put it into quotes)"
    if not isinstance(value, str) or len(value) > 100 or not _NUMBER.fullmatch(value):
        return ""
    if not isinstance(yaml.safe_load(value), str):
        return " (Snakemake reads numbers within lists and maps of --config as text: put them into a --configfile)"
    return " (YAML reads 1e-5 as text: write 1.0e-5)"


def short(value: object) -> str:
    """A value as it is shown in a sentence: on one line, its middle left out where it is long."""
    if type(value) is int and abs(value) > LARGEST:
        return f"an integer of {value.bit_length():,} bits"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:50]} ... {text[-20:]}"
