"""What there is: every thing of the suite by kind and name, and what its own file says about it.

A description is made of what the suite itself reads: the docstring, the contract (`METHOD`, `TASK`,
...), the numbers of config/default.yaml with the comments beside them, and their ranges in the
schema. Imports neither torch nor open_clip, and only the files of what is asked about.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

import yaml

from tangent_bench import models, registry, suite
from tangent_bench.store import yaml_files

if TYPE_CHECKING:
    from tangent_bench.methods import Method

    _Place = tuple[tuple[str, ...], yaml.Mark]

CONFIG = suite.ROOT / "config"
# Kind → folder of its files; "presets" are files of config/ beside them.
FOLDERS = {
    "methods": "methods",
    "trainings": "training",
    "tasks": "tasks",
    "texts": "texts",
    "models": "models",
    "experiments": "experiments",
    "figures": "figures",
}
KINDS = (*FOLDERS, "presets")
_ENDS = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}


def names(kind: str) -> list[str]:
    """All names of a kind; methods and models of installed packages come last."""
    if kind == "presets":
        return sorted(file.stem for file in CONFIG.glob("*.yaml") if file.stem != "default")
    if kind == "methods":
        from tangent_bench import merging

        return merging.names()
    if kind == "models":
        return models.names()
    return registry.names(FOLDERS[kind])


def entries(kind: str) -> list[dict[str, str]]:
    """Kind, name and title of all things of a kind; of a broken one what is wrong, as `error`."""
    return [_entry(kind, name) for name in names(kind)]


def _entry(kind: str, name: str) -> dict[str, str]:
    about = {"kind": kind, "name": name}
    try:
        return about | {"title": title(kind, name)}
    except ValueError as sentence:
        return about | {"title": f"broken: {sentence}", "error": str(sentence)}


def title(kind: str, name: str) -> str:
    """One line for people."""
    if kind == "presets":
        return re.split(r"(?<=[.?])\s", _heading(name), maxsplit=1)[0]
    return _plugin(kind, name)[1].title


def find(name: str) -> list[dict]:
    """Descriptions of all that has this name, one for each kind; of "lines+ties" one for each
    method in it.

    Raises:
        ValueError: nothing has it; the sentence has the nearest names.
    """
    if "+" in name:
        from tangent_bench import merging

        return [describe("methods", link) for link, _ in merging.find(name).links]
    known = {kind: names(kind) for kind in KINDS}
    descriptions = [describe(kind, name) for kind in KINDS if name in known[kind]]
    if descriptions:
        return descriptions
    hint = registry.did_you_mean(name, sorted(set().union(*known.values())))
    raise ValueError(f"Nothing is named {name!r}; `tangent-bench list` has all names.{hint}")


def describe(kind: str, name: str) -> dict:
    """All that there is to say about a thing.

    Its kind, name, title and definition; then `contract` and `parameters`, or the `changes` of a
    preset.
    """
    about = {"kind": kind, "name": name, "title": title(kind, name)}
    if kind == "presets":
        return about | {"definition": _heading(name), "changes": changes(name)}
    module, contract = _plugin(kind, name)
    return about | {
        "definition": inspect.getdoc(module) or "",
        "contract": _contract(kind, module, contract),
        "parameters": _parameters(kind, name, contract),
    }


def _contract(kind: str, module: ModuleType, contract: Any) -> dict:
    """The fields of a contract, and what else a module of its kind promises."""
    fields = asdict(contract)
    for key in ("title", "parameters", "by_task"):
        fields.pop(key, None)
    if kind == "methods":
        fields["coefficients"] = _grid(contract.coefficients)
        fields["wrapper"] = hasattr(module, "adjust")
        fields["sees_test_images"] = contract.sees_test_images
        fields["sees_labels"] = contract.sees_labels
    elif kind == "tasks":
        fields["origin"] = _origin(module)
    return fields


def _grid(coefficients: tuple | None) -> dict | None:
    if coefficients is None:
        return None
    return dict(zip(("first", "last", "count"), coefficients, strict=True))


def _origin(task: ModuleType) -> dict | None:
    """Where a task's images come from; None of a task that the suite draws."""
    origin = getattr(task, "ORIGIN", None)
    if origin is None:
        return None
    return {"hub": origin.hub, "revision": origin.revision, "counts": origin.counts}


def _parameters(kind: str, name: str, contract: Any) -> list[dict]:
    """The numbers of a thing."""
    if kind == "methods":
        return _hyper_parameters(contract)
    if kind == "trainings":
        return [*settings("training"), *settings("training_modes", name)]
    if kind in ("experiments", "figures") and contract.section:
        return settings(contract.section)
    return []


def _plugin(kind: str, name: str) -> tuple[ModuleType, Any]:
    """A module and its contract."""
    if kind == "methods":
        from tangent_bench import merging

        module = merging.module(name)
    elif kind == "models":
        module = importlib.import_module(models.module_name(name))
    else:
        module = registry.load(FOLDERS[kind], name)
    return module, getattr(module, registry.CONTRACTS[FOLDERS[kind]][0])


def _hyper_parameters(method: Method) -> list[dict]:
    parameters = dict(method.parameters)
    if method.by_task is not None:
        parameters["<task>"] = method.by_task
    return [
        {
            "name": name,
            "default": parameter.default,
            "range": _limits({"minimum": parameter.low, "maximum": parameter.high}),
            "meaning": parameter.meaning,
        }
        for name, parameter in parameters.items()
    ]


def settings(*path: str) -> list[dict]:
    """The numbers of a section of the config, with defaults, ranges and comments; [] without any.

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
    return [
        {"name": ".".join(key), "value": value, "default": default.get(key)}
        for key, value in _leaves(_yaml(preset))
        if value != default.get(key)
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


def _yaml(name: str) -> Mapping:
    return yaml_files.read(CONFIG / f"{name}.yaml")


def _heading(preset: str) -> str:
    """The comment that a config begins with."""
    comment = itertools.takewhile(lambda line: line.startswith("#"), _text(preset).splitlines())
    return " ".join(line.lstrip("# ") for line in comment)


@cache
def _comments() -> dict[tuple[str, ...], str]:
    """Path of keys → what config/default.yaml says beside a key, or right above it."""
    text = _text("default")
    lines = text.splitlines()
    comments = {}
    for path, place in _places(yaml.compose(text)):
        before = lines[place.line][: place.column]
        if not before.strip():  # of several keys on a line, the comment is about none of them
            comments[path] = _comment(lines, place)
    return comments


def _places(node: yaml.Node | None, path: tuple[str, ...] = ()) -> Iterator[_Place]:
    """Path and place of every key."""
    if not isinstance(node, yaml.MappingNode):
        return
    for key, value in node.value:
        inner = (*path, key.value)
        yield inner, key.start_mark
        yield from _places(value, inner)


def _comment(lines: Sequence[str], place: yaml.Mark) -> str:
    """The lines above a key and the words beside it."""
    first = place.line
    above = " " * place.column + "# "
    while lines[first - 1].startswith(above):
        first -= 1
    words = [line.strip("# ") for line in lines[first : place.line]]
    # What follows " # " ends a line.
    words += lines[place.line].partition(" # ")[2:]
    return " ".join(filter(None, words))


def _range(path: tuple[str, ...]) -> str:
    """What the schema lets a key be, in words."""
    from tangent_bench.planning.config_schema import schema

    rule = schema()
    for key in path:
        rule = _resolved(rule.get("properties", {}).get(key, {}))
    return _limits(rule)


def _resolved(rule: Mapping) -> Mapping:
    from tangent_bench.planning.config_schema import schema

    if "$ref" not in rule:
        return rule
    return schema()["$defs"][rule["$ref"].rpartition("/")[2]]


def _limits(rule: Mapping) -> str:
    """What a rule of the schema allows, in words.

    >>> _limits({"minimum": 0.0, "maximum": 1})
    'at least 0 and at most 1'
    """
    if "enum" in rule:
        return f"one of {', '.join(map(str, rule['enum']))}"
    if "items" in rule:
        of_item = _limits(_resolved(rule["items"]))
        return of_item and f"each {of_item}"
    ends = [f"{words} {rule[key]:g}" for key, words in _ENDS.items() if rule.get(key) is not None]
    or_null = ", or null" if ends and "null" in rule.get("type", "") else ""
    return " and ".join(ends) + or_null
