"""Mistakes in a config that once were accepted, or ended without a sentence."""

from __future__ import annotations

import copy
import datetime
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tangent_bench.planning import config_schema, jobs, resources
from tests.whole_config import FULL, answer, deep, is_a_sentence, nothing_is_written
from tests.workflow.checkout import ROOT

# Path, value, words of the sentence.
WRONG = {
    "a seed that is a float": (("seeds",), [1.0], ["'seeds.0' is 1.0", "integer"]),
    "a seed that no row can hold": (("seeds",), [2**63], ["'seeds.0'", "63 bits"]),
    "a number of thousands of digits": (
        ("training", "steps"),
        10**5000,
        ["'training.steps'", "16,610 bits"],
    ),
    "digits as text": (("training", "steps"), "1" * 5000, ["'training.steps'", "integer"]),
    "a rate beyond every float": (
        ("training", "learning_rate"),
        10**400,
        ["'training.learning_rate'", "63 bits"],
    ),
    "a key that is a number": (
        ("methods",),
        [{"name": "ties", 1: 2}],
        ["'methods.0' has the key 1", "text"],
    ),
    "a key without letters": (("",), 2**63, ["Config: '' is an integer of 64 bits", "63 bits"]),
    "a key that is yes": (("data", True), 1, ["'data' has the key True", "quotes"]),
    "a name that ends a line": (
        ("custom_tasks", "a\n"),
        {},
        ["custom_tasks", r"'a\n'", "control characters"],
    ),
    "a preset that ends a line": (("preset",), "a\n", ["'preset'", r"'a\n'", "one line"]),
    "a method that ends a line": (("methods",), ["ties\n"], ["'methods.0'", "one line"]),
    "a method that is a path": (
        ("methods",),
        ["../x"],
        ["'methods.0' is '../x'", "tangent-bench list methods"],
    ),
    "a name that is no file name": (("models",), ["a" * 300], ["'models.0'", "50 letters"]),
    "a model's file that is none": (
        ("custom_models", "mine", "weights"),
        "a" * 300,
        ["models.mine.weights", "200"],
    ),
    "braces in the results folder": (
        ("results",),
        "results/{x}",
        ["'results' is 'results/{x}'", "braces"],
    ),
    "the root as results folder": (("results",), "//", ["'results' is '//'", "other than /"]),
    "a hub id that is a path": (
        ("custom_tasks", "birds", "hub"),
        "../../x",
        ["birds.hub", "ufldl-stanford"],
    ),
    "a split that is a path": (
        ("custom_tasks", "birds", "splits", "test"),
        "/x",
        ["birds.splits.test", "without /"],
    ),
    "a date": (("preset",), datetime.date(2026, 1, 1), ["'preset'", "YAML reads a date", "quotes"]),
    "a word that is none": (("tasks",), [False], ["'tasks.0' is False", "yes, no", "quotes"]),
    "both folder and hub": (
        ("custom_tasks", "beetles", "hub"),
        "a/b",
        ["beetles", "either folder or hub"],
    ),
    "a text that is no UTF-8": (
        ("custom_tasks", "beetles", "title"),
        "\ud800",
        ["beetles.title", "one line"],
    ),
    "levels without end": (("tasks",), deep(500), ["'tasks' has more than 10 levels"]),
    "values without end": (
        ("tasks",),
        [["x"] * 9] * 20_000,
        ["'tasks' has more than 100,000 values"],
    ),
    "twice": (("tasks",), ["mnist", "mnist"], ["'tasks' has 'mnist' twice"]),
}


@pytest.fixture(scope="module", autouse=True)
def empty_folder(tmp_path_factory):
    with nothing_is_written(tmp_path_factory.mktemp("empty")):
        yield


@pytest.mark.parametrize("kind", WRONG)
def test_the_sentence_says_key_value_and_what_is_allowed(kind):
    path, value, words = WRONG[kind]
    config = copy.deepcopy(FULL)
    place = config
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    text = answer(config)
    assert (
        is_a_sentence(text) and text.startswith("Config: ") and all(word in text for word in words)
    ), text


def test_a_config_that_contains_itself_is_one_sentence():
    config = copy.deepcopy(FULL)
    config["data"]["again"] = config
    assert "'data' has more than" in answer(config)


def test_every_rule_of_the_schema_has_words():
    """A keyword without them would end with a KeyError in place of a sentence."""
    annotations = {
        "$schema",
        "title",
        "description",
        "properties",
        "propertyNames",
        "items",
        "$ref",
        "$defs",
        "const",
    }
    elsewhere = {"additionalProperties", "required", "type", "uniqueItems"}

    def keywords(part: dict) -> set[str]:
        inner = [part.get("items"), part.get("propertyNames"), part.get("additionalProperties")]
        inner += [*part.get("properties", {}).values(), *part.get("$defs", {}).values()]
        return set(part).union(*(keywords(each) for each in inner if isinstance(each, dict)))

    found = keywords(config_schema.schema())
    assert found - annotations - elsewhere <= set(config_schema._EXPECTED)
    for part in [*_with(config_schema.schema(), "pattern")]:
        assert part["description"], part


def _with(part: object, key: str) -> Iterator[dict]:
    if isinstance(part, dict):
        if isinstance(part.get(key), str):
            yield part
        for inner in part.values():
            yield from _with(inner, key)


SIZES = {"layers": 2, "width": 8, "patch_size": 16, "image_size": 32}
NO_TOWER = [
    3,
    SIZES | {"width": "a"},
    SIZES | {"patch_size": 0},
    SIZES | {"layers": [1, 2]},
    SIZES | {"width": 10**400},
]


@pytest.mark.parametrize(
    "text",
    ["[]", "3", "{", "[" * 100_000, *(json.dumps({"vision_cfg": each}) for each in NO_TOWER)],
)
def test_a_model_file_that_is_none_does_not_stop_the_plan(tmp_path, text):
    file = tmp_path / "mine.json"
    file.write_text(text)
    assert resources.gflop("mine", str(file)) == resources.NOT_IN_A_FORMULA


# Through the real commands


def _written(folder: Path, kind: str) -> Path:
    path, value, _ = WRONG[kind]
    config = copy.deepcopy(FULL)
    place = config
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(config), encoding="utf-8")
    return file


COMMANDS = {
    "check": (["tangent_bench.cli", "check", "--json", "--configfile"], 1),
    "plan": (["tangent_bench.cli", "plan", "--json", "--configfile"], 2),
    "snakemake": (["snakemake", "-n", "--cores", "1", "--configfile"], 1),
}
UNWRITTEN = (
    "digits",
    "thousands",
    "beyond every float",
    "without end",
)  # files of them are what YAML's reader refuses


@pytest.mark.full
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "kind", [kind for kind in WRONG if not any(word in kind for word in UNWRITTEN)]
)
def test_the_commands_say_it_too(tmp_path, kind, command):
    (module, *arguments), status = COMMANDS[command]
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments, _written(tmp_path, kind)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    said = done.stdout + done.stderr
    assert done.returncode == status and "Traceback" not in said
    if command == "check":
        (finding,) = json.loads(done.stdout)["findings"]
        said = finding["text"]
    assert all(word in said for word in WRONG[kind][2]), said


@pytest.mark.parametrize(
    "text", ["a: 2026-13-45", "a: " + "1" * 5000, "[" * 5000, "- a", "a: [", "\xff", "a: b: c"]
)
def test_a_file_that_is_no_config_is_one_sentence(tmp_path, text):
    file = tmp_path / "config.yaml"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match="config.yaml cannot be read as a config") as caught:
        jobs.read_config([file])
    assert str(caught.value).isprintable()
