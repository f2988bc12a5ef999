"""The program: version, help, completions, hints, entry point, and a start that costs nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

import tangent_bench
from tangent_bench import cli
from tests.cli.calls import call
from tests.workflow.checkout import ROOT, environment

COMMANDS = get_command(cli.app).commands


def test_version_is_that_of_the_package_the_citation_and_the_changelog():
    version = tangent_bench.__version__
    assert call("--version").stdout == f"tangent-bench {version}\n"
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == version
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert headings[0] == "[Unreleased]"
    assert re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", headings[1])


@pytest.mark.parametrize(
    "arguments",
    [("regress", "ties", "--cores"), ("plan", "--tasks"), ("plan", "--seeds")],
)
@pytest.mark.parametrize("number", [0, -3])
def test_counts_are_at_least_one(arguments, number):
    done = call(*arguments, number)
    assert done.exit_code == 2 and arguments[-1] in done.stderr
    assert "greater than or equal to 1" in done.stderr


def examples():
    """What the help tells readers to type; what pages do is in test_commands.py."""
    found = []
    for file in sorted((ROOT / "tangent_bench/cli").glob("*.py")):
        text = file.read_text(encoding="utf-8")
        found += re.findall(r"^ {4}tangent-bench +([a-z]+)(?![a-z,])(.*)$", text, re.M)
    return [pytest.param(name, rest.split(), id=f"{name}{rest}") for name, rest in found]


@pytest.mark.parametrize(("name", "rest"), examples())
def test_examples_are_commands(name, rest):
    COMMANDS[name].make_context(name, rest)


WITHOUT_JSON = {"summary", "figure", "table"}  # whose answers are text and pictures


def test_every_command_has_examples_and_json():
    shown = {name for name, command in COMMANDS.items() if not command.hidden}
    expected = {"list", "show", "check", "plan", "summary", "compare", "regress", "merge"}
    expected |= {"figure", "table"}
    assert shown == expected
    assert shown == {case.values[0] for case in examples()}
    for name in shown:
        help_ = call(name, "--help").stdout
        assert f"  tangent-bench {name}" in help_, name
        assert ("--json" in help_) == (name not in WITHOUT_JSON), name
    short = call("--help").stdout
    assert "..." not in short.partition("Commands:")[2], (
        "a first sentence is too long for the list of commands"
    )


def completed(*words):
    """What bash is told of the last word."""
    typed = " ".join(["tangent-bench", *words])
    variables = {
        "_TANGENT_BENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words)),
    }
    return CliRunner().invoke(cli.app, [], prog_name="tangent-bench", env=variables).stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("sho",), ["show"]),
        (("show", "ties"), ["ties"]),
        (("show", "kernel_g"), ["kernel_gap"]),
        (("regress", "lines+tie"), ["lines+ties"]),
        (("regress", "ties", "--baseline", "tsv"), ["tsv_m"]),
        (("compare", "ties", "tsv"), ["tsv_m"]),
        (("check", "--preset", "paper-s"), ["paper-smoke"]),
        (("list", "met"), ["methods"]),
    ],
)
def test_a_shell_completes_names(words, expected):
    assert completed(*words) == expected


def test_help_is_short_and_long():
    for words in ((), ("regress",)):
        assert call(*words, "-h").stdout == call(*words, "--help").stdout != ""


def test_values_of_options_are_called_by_words():
    """Not by types of Python, as <list[Path]>, nor by the name of a parameter, as {baseline}."""
    for name in ("list", "show", "check", "plan", "summary", "compare", "regress", "merge"):
        text = call(name, "--help").stdout
        assert not re.search(r"[<{]\w|\bTEXT\b|\[\[", text), text
    text = " ".join(call("regress", "--help").stdout.split())
    assert "regress [OPTIONS] METHOD Check, run" in text and "METHOD Name of the method" in text
    assert "--configfile PATH" in text and "--baseline NAME" in text


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("lists",), "Did you mean 'list'"),
        (("list", "methds"), "Did you mean 'methods'?"),
        (("show", "tis"), "Did you mean 'ties'?"),
        (("check", "--preset", "micr"), "Did you mean 'micro'?"),
        (("plan", "--presets", "micro"), "--preset"),
        (("regress", "tiess"), "Did you mean 'ties'?"),
        (("regress", "ties", "--set", "kep=1"), "Did you mean 'ties.keep'?"),
        (("regress", "ties", "--fail-on", "wors"), "Did you mean 'worse'?"),
    ],
)
def test_what_is_mistyped_is_answered_with_the_nearest(words, hint):
    done = call(*words)
    assert done.exit_code == 2 and hint in done.stderr


def test_entry_point_is_the_command_line():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"tangent-bench": "tangent_bench.cli:main"} and callable(cli.main)


PROGRAM = """
import sys
from tangent_bench import cli
for arguments in (["--help"], ["list", "--json"], ["show", "ties"]):
    sys.argv = ["tangent-bench", *arguments]
    before = len(sys.modules)
    try:
        cli.main()
    except SystemExit as end:
        assert end.code in (0, None)
    heavy = {"torch", "open_clip", "torchvision", "snakemake"}
    if arguments == ["--help"]:
        heavy.add("numpy")
    print([heavy & set(sys.modules)], file=sys.stderr)
"""


@pytest.mark.slow
def test_help_and_lists_import_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.splitlines() == [repr([set()])] * 3
    assert done.stdout.startswith("Usage: tangent-bench") and '"name": "ties"' in done.stdout


def test_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "tangent_bench.cli", "show", "tis"],
        cwd=ROOT, env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2 and done.stdout == ""
    assert (
        done.stderr
        == "Error: Nothing is named 'tis'; `tangent-bench list` has all names. Did you mean "
        "'ties'?\n"
    )
