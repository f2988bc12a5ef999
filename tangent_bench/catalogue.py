"""What there is: every thing of the suite by kind and name, and what its own file says about it.

A description is made of what the suite itself reads: the docstring, the contract (`METHOD`, `TASK`, ...), the numbers
of config/default.yaml with the comments beside them, and their ranges in the schema. Imports neither torch nor
open_clip, and only the files of what is asked about.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from functools import cache

import yaml

from tangent_bench import registry, suite

CONFIG = suite.ROOT / "config"
# Kind → folder of its files and name of their contract; "presets" are files of config/ beside them.
CONTRACTS = {
    "methods": ("methods", "METHOD"),
    "trainings": ("training", "TRAINING"),
    "tasks": ("tasks", "TASK"),
    "models": ("models", "MODEL"),
    "experiments": ("experiments", "EXPERIMENT"),
    "figures": ("figures", "FIGURE"),
}
KINDS = (*CONTRACTS, "presets")
_ENDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}


def names(kind: str) -> list[str]:
    """All names of a kind; methods of installed packages come last."""
    if kind == "presets":
        return sorted(file.stem for file in CONFIG.glob("*.yaml") if file.stem != "default")
    if kind == "methods":
        from tangent_bench import merging

        return merging.names()
    return registry.names(CONTRACTS[kind][0])


def title(kind: str, name: str) -> str:
    """One line for people."""
    if kind == "presets":
        return re.split(r"(?<=[.?])\s", _heading(name), maxsplit=1)[0]
    return getattr(_module(kind, name), CONTRACTS[kind][1]).title


def find(name: str) -> list[dict]:
    """Descriptions of all that has this name, one for each kind; of "lines+ties" one for each method in it.

    Raises:
        ValueError: nothing has it; the sentence has the nearest names.
    """
    if "+" in name:
        from tangent_bench import merging

        return [describe("methods", link) for link, _ in merging.find(name).links]
    known = {kind: names(kind) for kind in KINDS}
    if found := [describe(kind, name) for kind in KINDS if name in known[kind]]:
        return found
    hint = registry.did_you_mean(name, sorted({each for some in known.values() for each in some}))
    raise ValueError(f"Nothing is named {name!r}; `tangent-bench list` has all names.{hint}")


def describe(kind: str, name: str) -> dict:
    """All there is to say: kind, name, title, definition, then `contract` and `parameters`, or a preset's `changes`."""
    about = {"kind": kind, "name": name, "title": title(kind, name)}
    if kind == "presets":
        return about | {"definition": _heading(name), "changes": changes(name)}
    module = _module(kind, name)
    contract = getattr(module, CONTRACTS[kind][1])
    fields = {
        key: value for key, value in asdict(contract).items() if key not in ("title", "parameters")
    }
    parameters = []
    if kind == "methods":
        grid = contract.coefficients and dict(
            zip(("first", "last", "count"), contract.coefficients, strict=True)
        )
        fields |= {"coefficients": grid, "wrapper": hasattr(module, "adjust")}
        parameters = _hyper_parameters(contract)
    elif kind == "trainings":
        parameters = [*settings("training"), *settings("training_modes", name)]
    elif kind == "tasks":
        origin = getattr(module, "ORIGIN", None)
        fields["origin"] = origin and {
            key: getattr(origin, key) for key in ("hub", "revision", "counts")
        }
    elif kind in ("experiments", "figures") and contract.section:
        parameters = settings(contract.section)
    return about | {
        "definition": inspect.getdoc(module) or "",
        "contract": fields,
        "parameters": parameters,
    }


def _module(kind: str, name: str):
    if kind == "methods":
        from tangent_bench import merging

        return merging.module(name)
    return registry.load(CONTRACTS[kind][0], name)


def _hyper_parameters(method) -> list[dict]:
    return [
        {
            "name": name,
            "default": each.default,
            "range": _limits({"minimum": each.low, "maximum": each.high}),
            "meaning": each.meaning,
        }
        for name, each in method.parameters.items()
    ]


def settings(*path: str) -> list[dict]:
    """The numbers of a section of the config, with defaults, ranges and the comments beside them; [] if it has none.

    >>> settings("bootstrap")[0]["name"], settings("bootstrap")[0]["range"]
    ('bootstrap.replicates', 'at least 100')
    """
    return [
        {
            "name": ".".join(key),
            "default": value,
            "range": _range(key),
            "meaning": _comments().get(key, ""),
        }
        for key, value in _leaves(_yaml("default"))
        if key[: len(path)] == path
    ]


def changes(preset: str) -> list[dict]:
    """What a preset says otherwise than config/default.yaml."""
    default = dict(_leaves(_yaml("default")))
    found = _leaves(_yaml(preset))
    return [
        {"name": ".".join(k), "value": v, "default": default.get(k)}
        for k, v in found
        if v != default.get(k)
    ]


def _leaves(
    section: Mapping, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], object]]:
    """Path of keys → value, through all maps that hold something."""
    for key, value in section.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _text(name: str) -> str:
    return (CONFIG / f"{name}.yaml").read_text(encoding="utf-8")


def _yaml(name: str) -> dict:
    return yaml.safe_load(_text(name))


def _heading(preset: str) -> str:
    """The comment that a config begins with."""
    return " ".join(
        line.lstrip("# ") for line in re.match(r"(#.*\n)*", _text(preset))[0].splitlines()
    )


@cache
def _comments() -> dict[tuple[str, ...], str]:
    """Path of keys → what config/default.yaml says beside a key, or right above it."""
    text = _text("default")
    lines, found = text.splitlines(), {}

    def walk(node: yaml.MappingNode, path: tuple[str, ...]) -> None:
        for key, value in node.value:
            here, number, indent = (*path, key.value), key.start_mark.line, key.start_mark.column
            if not lines[number][
                :indent
            ].strip():  # of several on a line, the comment is not about one of them
                beside = lines[number].partition(" # ")[2:]
                while lines[number - 1].startswith(f"{' ' * indent}# "):
                    number -= 1
                    beside = (lines[number].strip("# "), *beside)
                found[here] = " ".join(filter(None, beside))
            if isinstance(value, yaml.MappingNode):
                walk(value, here)

    walk(yaml.compose(text), ())
    return found


def _range(path: tuple[str, ...]) -> str:
    """What the schema lets a key be, in words."""
    from tangent_bench.planning.config_schema import schema

    rule = schema()
    for key in path:
        rule = _resolved(rule.get("properties", {}).get(key, {}))
    return _limits(rule)


def _resolved(rule: Mapping) -> Mapping:
    from tangent_bench.planning.config_schema import schema

    return schema()["$defs"][rule["$ref"].rpartition("/")[2]] if "$ref" in rule else rule


def _limits(rule: Mapping) -> str:
    """
    >>> _limits({"minimum": 0.0, "maximum": 1})
    'at least 0 and at most 1'
    """
    if "enum" in rule:
        return f"one of {', '.join(map(str, rule['enum']))}"
    if "items" in rule:
        each = _limits(_resolved(rule["items"]))
        return each and f"each {each}"
    ends = [f"{words} {rule[key]:g}" for key, words in _ENDS.items() if rule.get(key) is not None]
    return " and ".join(ends) + (", or null" if ends and "null" in rule.get("type", "") else "")
