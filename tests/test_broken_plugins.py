"""A file of an author's that is wrong: one sentence with its place, and all others go on."""

from __future__ import annotations

import importlib
import json
import sys
from types import ModuleType

import pytest
from typer.testing import CliRunner

from tangent_bench import catalogue, cli, merging, registry
from tangent_bench.judging import methods as comparing

METHOD = """
from tangent_bench.methods import Method

METHOD = Method(title="Mine", reference="nobody")


def prepare(vectors, context):
    first = next(iter(vectors.values()))
    return {name: sum(v[name] for v in vectors.values()) for name in first}
"""
BROKEN = {
    "a failing import": ("\nimport nonexisting_package", r"ModuleNotFoundError: No module named"),
    "no Python": ("\ndef (", r"SyntaxError: invalid syntax \(.*\.py, line 2\)"),
    "an exception": ("\n\n1 / 0", r"ZeroDivisionError: division by zero; .*\.py, line 3"),
    "nothing": ("", r"has no "),
}


@pytest.fixture
def put(tmp_path, monkeypatch):
    """Adds a file to a folder of plug-ins for the time of a test, beside the real ones."""
    real_names = registry.names
    real_module_name = registry.module_name
    added = {}

    def names(folder):
        return sorted({*real_names(folder), *added.get(folder, ())})

    def module_name(folder, name):
        return (
            f"tangent_bench.{folder}.{name}"
            if name in added.get(folder, ())
            else (real_module_name(folder, name))
        )

    def put(folder: str, name: str, text: str) -> None:
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{name}.py").write_text(text, encoding="utf-8")
        package = importlib.import_module(f"tangent_bench.{folder}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / folder)])
        added.setdefault(folder, set()).add(name)

    monkeypatch.setattr(registry, "names", names)
    monkeypatch.setattr(registry, "module_name", module_name)
    yield put
    for folder, files in added.items():
        package = importlib.import_module(f"tangent_bench.{folder}")
        for name in files:
            sys.modules.pop(f"tangent_bench.{folder}.{name}", None)
            if isinstance(getattr(package, name, None), ModuleType):
                delattr(package, name)


def call(*arguments):
    return CliRunner().invoke(cli.app, [str(each) for each in arguments])


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("folder", registry.FOLDERS)
def test_a_broken_file_is_one_sentence(put, folder, kind):
    text, words = BROKEN[kind]
    put(folder, "broken_one", text)
    with pytest.raises(ValueError, match=rf"^tangent_bench/{folder}/broken_one.py .*{words}") as e:
        registry.load(folder, "broken_one")
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("folder", [f for f in registry.FOLDERS if f not in ("corpus", "methods")])
def test_a_contract_of_another_kind_is_one_sentence(put, folder):
    constant = registry.CONTRACTS[folder][0]
    put(folder, "broken_one", f"{constant} = 3\nload = encoder = run = draw = print")
    with pytest.raises(ValueError, match=rf"has a int as its {constant}; expected {constant} = "):
        registry.load(folder, "broken_one")


@pytest.mark.parametrize("kind", catalogue.FOLDERS)
def test_the_list_goes_on_past_a_broken_file(put, kind):
    put(catalogue.FOLDERS[kind], "broken_one", "import nonexisting_package")
    done = call("list", kind)
    assert done.exit_code == 0
    (line,) = [line for line in done.stdout.splitlines() if "broken_one" in line.split()]
    assert "broken: tangent_bench/" in line and "nonexisting_package" in line
    assert len(done.stdout.splitlines()) == len(catalogue.names(kind)) + 2
    found = {entry["name"]: entry for entry in json.loads(call("list", kind, "--json").stdout)}
    assert [name for name, entry in found.items() if "error" in entry] == ["broken_one"]


MISTAKES = {
    "no METHOD": (("METHOD =", "OTHER ="), r"has no METHOD; expected METHOD = Method\(\.\.\.\)"),
    "no prepare": (("def prepare", "def prepared"), "has no prepare or adjust"),
    "two coefficients": (
        ('reference="nobody"', 'reference="nobody", coefficients=(0.0, 3.0)'),
        r"mine\.py\) has coefficients \(0\.0, 3\.0\); expected None or \(first, last, count\)",
    ),
    "coefficients that are no numbers": (
        ('reference="nobody"', 'reference="nobody", coefficients=("0", "3", 4)'),
        "has coefficients",
    ),
    "a field that is none": (
        ("title=", "titel="),
        r"TypeError: .*'titel'.*mine\.py, line 4",
    ),
    "one argument": (
        ("(vectors, context)", "(vectors)"),
        r"has prepare\(vectors\); expected prepare\(vectors, context\)",
    ),
    "unknown data": (('reference="nobody"', 'reference="nobody", data="x"'), "has data 'x'"),
    "no function": (("def prepare", "prepare = 3\n\n\ndef other"), "'prepare' that is no function"),
}


@pytest.mark.parametrize("kind", MISTAKES)
def test_files_are_kept_to_the_contract_as_packages_are(put, kind):
    change, words = MISTAKES[kind]
    assert change[0] in METHOD
    put("methods", "mine", METHOD.replace(*change))
    with pytest.raises(ValueError, match=words) as caught:
        merging.find("mine")
    assert "\n" not in str(caught.value)
    done = call("regress", "mine")
    assert done.exit_code == 2 and done.stderr.count("\n") == 1, done.stderr


FAILING = {
    "a forgotten return": (
        ("    return {", "    direction = {"),
        "prepare returned NoneType; expected a dict .*is a .return. missing",
    ),
    "an exception": (
        ("    return {", "    [][1]\n    return {"),
        r"prepare failed \(IndexError: list index out of range; .*mine\.py, line 9\)",
    ),
    "a ValueError of Python's own": (
        ("    return {", "    int('x')\n    return {"),
        r"prepare failed \(ValueError: invalid literal .*mine\.py, line 9\)",
    ),
    "a sentence of its own": (
        ("    return {", "    raise ValueError('I want two tasks.')\n    return {"),
        "^I want two tasks.$",
    ),
    "an exception deep in PyTorch": (
        ("    return {", "    first['proj'] @ first['conv1.weight']\n    return {"),
        r"prepare failed \(RuntimeError: .*mine\.py, line 9\)",
    ),
    "NumPy": (
        ("v[name] for v in vectors.values())", "v[name] for v in vectors.values()).numpy()"),
        "of its direction is numpy.ndarray; expected a torch tensor",
    ),
    "a name too many": (
        ("for name in first}", "for name in first} | {'bogus': first['proj']}"),
        "its direction has 'bogus' .* no parameter of the model",
    ),
    "a name too few": (("for name in first}", "for name in list(first)[1:]}"), "lacks 'conv1.w"),
    "another shape": (("vectors.values()) for", "vectors.values())[None] for"), "has shape "),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_method_that_fails_is_one_sentence_with_its_place(put, kind):
    from tangent_bench.testing import _laws, check_method

    change, words = FAILING[kind]
    assert change[0] in METHOD
    put("methods", "mine", METHOD.replace(*change))
    given = _laws.vectors("one", "two")
    with pytest.raises(ValueError, match=words) as caught:
        merging.find("mine").prepare(given, _laws.theta0())
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match=words):
        check_method("mine")


def test_a_wrapper_that_fails_is_named(put):
    from tangent_bench.testing import _laws

    text = METHOD.replace("prepare(vectors", "adjust(direction, vectors")
    put("methods", "mine", text.replace("    return {", "    direction = {"))
    with pytest.raises(ValueError, match="Method 'mine': adjust returned NoneType"):
        merging.find("mine+ties").prepare(_laws.vectors("one"), _laws.theta0())


def test_status_1_is_a_verdict_and_2_any_exception(monkeypatch):
    def compare(*_):
        raise KeyError("a fault of ours")

    monkeypatch.setattr(comparing, "compare", compare)
    done = call("compare", "ties", "dare")
    assert done.exit_code == 2
    assert done.stderr.startswith("Traceback") and "a fault of ours" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "Error: tangent-bench met what it did not expect"
    )


def test_status_of_usage_and_help_stays():
    assert call("list", "nothing").exit_code == 2
    assert call("list", "--help").exit_code == 0
    assert call("nonsense").exit_code == 2
