"""Whatever YAML can hold as a config is accepted, or answered by one sentence of what looks at it
before a job runs.
"""

from __future__ import annotations

import copy
import datetime
import json
import os
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tangent_bench import checkpoints, merging, models
from tangent_bench.planning import config_schema, jobs, missing, resources
from tangent_bench.planning.config import validate
from tangent_bench.store import joins, layout
from tests.workflow.checkout import ROOT

DEFAULT = yaml.safe_load((ROOT / "config" / "default.yaml").read_text(encoding="utf-8"))
# A config that uses every section, so that there is something in each to be made wrong.
FULL = DEFAULT | {
    "tasks": ["mnist", "beetles", "birds"],
    "custom_tasks": {
        "beetles": {
            "folder": "examples/beetles",
            "templates": ["a {}"],
            "class_names": ["a", "b"],
            "side": 32,
        },
        "birds": {
            "hub": "lab/birds",
            "revision": "a" * 40,
            "templates": ["a {}", "the {}"],
            "splits": {"train": "train", "test": "test"},
            "label": "label",
        },
    },
    "models": ["tiny", "mine"],
    "custom_models": {
        "mine": {
            "architecture": "RN50",
            "weights": "openai",
            "title": "Mine",
            "config": "mine.json",
        }
    },
    "trainings": ["standard", "linear", "tau_jp"],
    "checkpoints": {
        "standard": {
            "layout": "fusionbench",
            "protocol": "C",
            "folder": "checkpoints/{model}",
            "files": dict.fromkeys(("mnist", "beetles", "birds", "multitask"), "file-{seed}"),
        }
    },
    "methods": [
        "ties",
        {"name": "lines+ties", "keep": 0.1, "lines.beta": 0.5},
        {"name": "dare", "drop": 0.5},
    ],
    "reference": {"out_of_scope": [{"table": "1", "coefficient": 0.5}]},
    "disentanglement": DEFAULT["disentanglement"] | {"pairs": [["mnist", "beetles"]]},
}
ODD_NAMES = [
    "..", "../x", "a/b", "/etc/passwd", "a b", " a", "a ", "a\n", "a\nb", "a\0", "a\x1b[31m", "",
    ".", "-a", "1", "a" * 60, "a" * 5000, "é", "名前", "\u202egnp", "a\u2028b", "\ud800", "null",
    "~", "*", "{task}", "{{}}", "$(id)", "`id`", "<script>", "a|b", "a'b", 'a"b', "a\\b", "CON",
    "multitask", "all", "tiny", "mnist", "a+b", "+", "ties+ties", "a.b", "#", "%s",
]  # fmt: skip
HUGE = [2**63 - 1, 2**63, -(2**63), 10**30, 10**400, -(10**400), 10**5000]
FLOATS = [float("nan"), float("inf"), -float("inf"), 1e308, 5e-324, -0.0, 0.5, 1.0, 1e6]
YAML_TEXTS = [
    "2026-01-01", "2026-01-01 10:00:00", "yes", "no", "on", "off", "~", "0o17", "017", "0x1F",
    "1_000", "1e-5", "1:30", ".nan", ".inf", "!!binary aGk=", "!!set {a, b}", "{}", "[]", "[[]]",
    "[null]", "{1: 2}", "{yes: 1}", "{2026-01-01: 1}", "&a [*a]", "&a {b: *a}",
    "'" + "1" * 5000 + "'", "[a, a]", "[0, 0.0]", "[0, -0]", "{null: 1}", "? {a: 1}\n: 2",
    "|\n a\n b\n", '"\\0"', '"\\e[2J"', '"\\ud800"', "{name: ties, 1: 2}",
    "{name: ties, keep: .nan}", "{name: ties, keep: yes}", "1.0", "-1", "1e999",
]  # fmt: skip


def _loaded(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError):  # Snakemake's and our reader of files say that
        return text


def _deep(levels: int) -> list:
    value: list = []
    for _ in range(levels):
        value = [value]
    return value


def _bomb() -> list:
    """Nine references to nine references to ...: 10^9 values in a few bytes."""
    value: list = ["x"] * 9
    for _ in range(8):
        value = [value] * 9
    return value


odd = st.one_of(
    st.sampled_from(ODD_NAMES),
    st.sampled_from(HUGE),
    st.sampled_from(FLOATS),
    st.sampled_from(YAML_TEXTS).map(_loaded),
    st.sampled_from(
        [
            None,
            True,
            False,
            0,
            -1,
            1,
            2,
            b"x",
            datetime.date(2026, 1, 1),
            set("ab"),
            (1, 2),
            _deep(500),
            _bomb(),
        ]
    ),
    st.text(max_size=20),
    st.text(string.ascii_letters + "_-./", min_size=1, max_size=12),
    st.integers(),
    st.floats(),
    st.lists(st.sampled_from(ODD_NAMES), max_size=3),
    st.lists(st.integers(-2, 3), max_size=3),
)


def places(value: object, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all that is in a config."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


PLACES = sorted(places(FULL), key=str)


@st.composite
def changes(draw) -> tuple[list, Callable[[dict], None]]:
    """One mutation: the keys that it is at, from the outside to the inside, and what does it."""
    *parents, last = draw(st.sampled_from(PLACES))
    kind = draw(st.sampled_from(["value"] * 6 + ["new key", "key", "missing", "twice"]))
    value, key = (
        draw(odd),
        draw(st.one_of(odd, st.sampled_from(["tasks", "name", "title", "seedz"]))),
    )

    def change(config: dict) -> None:
        place = config
        for part in parents:
            place = place[part]
        if kind == "value":
            place[last] = value
        elif kind == "missing":
            del place[last]
        elif isinstance(place, list):
            place.append(place[last] if kind == "twice" else value)
        elif kind == "key" and _hashable(key):
            place[key] = place.pop(last)
        elif kind == "new key" and _hashable(key):
            place[key] = value

    return [*parents, last, *([key] if "key" in kind and isinstance(key, str) else [])], change


def _hashable(key: object) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def before_the_jobs(config: dict) -> dict:
    """All that is done with a config before the first job, except by Snakemake itself; and the
    paths that it gives.
    """
    config = validate(config)
    joins.presets(config), checkpoints.sources(config), merging.asked(config["methods"])
    missing.report(config)
    for name in config["models"]:
        models.weights_file(models.find(name, config["custom_models"]))
        resources.gflop_of(name, config["custom_models"])
    for path in paths(config):
        assert os.path.relpath(f"{config['results']}/{path}", config["results"]) == path
        parts = Path(path).parts
        assert ".." not in parts
        assert max(len(part.encode()) for part in parts) <= 255
        assert path.isprintable() and not set(path) & set(" {}*\\")
    return config


def paths(config: dict) -> Iterator[str]:
    """Where artefacts and logs of jobs lie: for every name once, with the longest of the others."""
    names = {
        "experiment": config["experiments"] or ["none"],
        "model": config["models"],
        "init": config["inits"],
        "training": [*config["trainings"], *config["checkpoints"]] or ["none"],
        "mode": config["modes"] or ["none"],
        "method": [*merging.asked(config["methods"])] or ["none"],
        "task": [*config["tasks"], config["control"]],
        "seed": [str(seed) for seed in config["seeds"]],
    }
    longest = {key: max(values, key=len) for key, values in names.items()}
    for key, values in names.items():
        for value in values:
            yield from _paths(**longest | {key: value})


def _paths(experiment, model, init, training, mode, method, task, seed) -> Iterator[str]:
    yield f"logs/run_method/{experiment}.{model}.{init}.{mode}.{method}.{seed}.log"
    yield layout.outcome(experiment, model, init, mode, seed, method=method)
    yield layout.vector(model, init, training, task, seed)
    yield layout.merged(model, init, training, method, seed)
    yield layout.base(model, init, task)
    yield layout.data(task, "train")


def answer(config: dict) -> str:
    """ "" if a config is accepted, or the sentence about it."""
    try:
        before_the_jobs(config)
    except ValueError as error:
        assert type(error) is ValueError, repr(error)
        return str(error)
    return ""


def is_a_sentence(text: str) -> bool:
    """One line that can be printed, ends as a sentence does, and does not go on for pages."""
    return text.isprintable() and text[-1] in ".?" and 20 < len(text) < 1000


def names(text: str, given: list) -> bool:
    """Whether a sentence says what it is about: a key, or the section that it is in by a name that
    people use.
    """
    known = {*map(str, given), given[0].rstrip("s"), given[0].replace("trainings", "training")}
    shown = [repr(name)[1:-1][:30].lower() or "''" for name in known if not name.isdigit()]
    return any(each in text.lower() for each in shown) or "has the key" in text


def _check(found) -> None:
    config = copy.deepcopy(FULL)
    where, change = found
    change(config)
    text = answer(config)
    assert not text or is_a_sentence(text), text
    assert not text or names(text, where), (where, text)


def _check_many(found) -> None:
    config = copy.deepcopy(FULL)
    for _, change in found:
        try:
            change(config)
        except (
            KeyError,
            IndexError,
            TypeError,
            AttributeError,
        ):  # an earlier one took its place away
            continue
    text = answer(config)
    assert not text or is_a_sentence(text), text


@pytest.fixture(scope="module", autouse=True)
def nothing_is_written(tmp_path_factory):
    """In an empty folder, which stays so, without the weights and data sets of this machine."""
    folder = tmp_path_factory.mktemp("empty")
    here = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "tangent_bench.planning.missing.absent", lambda name, origin: f"get {origin.hub}"
        )
        patch.setattr("tangent_bench.planning.missing.is_here", lambda model: False)
        patch.setattr("tangent_bench.checkpoints._file", lambda about, *_: Path(about["folder"]))
        os.chdir(folder)
        yield
        os.chdir(here)
    assert list(folder.rglob("*")) == []


QUICK = settings(
    max_examples=70, deadline=None, derandomize=True, phases=[Phase.generate], database=None
)
MORE = settings(
    max_examples=700, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def test_the_config_itself_is_accepted():
    assert answer(copy.deepcopy(FULL)) == ""


@given(changes())
@QUICK
def test_a_wrong_config_is_one_sentence(found):
    _check(found)


@given(st.lists(changes(), min_size=2, max_size=4))
@settings(QUICK, max_examples=30)
def test_a_config_with_several_mistakes_is_one_sentence(found):
    _check_many(found)


@pytest.mark.full
@given(changes())
@MORE
def test_any_wrong_config_is_one_sentence(found):
    _check(found)


@pytest.mark.full
@given(st.lists(changes(), min_size=2, max_size=5))
@MORE
def test_any_config_with_several_mistakes_is_one_sentence(found):
    _check_many(found)


# Once accepted, or ended without a sentence: path, value, words of the sentence.
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
    "levels without end": (("tasks",), _deep(500), ["'tasks' has more than 10 levels"]),
    "values without end": (
        ("tasks",),
        [["x"] * 9] * 20_000,
        ["'tasks' has more than 100,000 values"],
    ),
    "twice": (("tasks",), ["mnist", "mnist"], ["'tasks' has 'mnist' twice"]),
}


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
