"""What the pages tell a reader to type: every command is one that its program takes, names what
exists, and is run by some test or is in a table with the reason why not.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import subprocess
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest
import yaml
from typer.main import get_command
from typer.testing import CliRunner

from tangent_bench import catalogue, cli, merging, registry
from tangent_bench.planning import config, config_schema
from tangent_bench.runs import _labels
from tangent_bench.store import rows
from tests import pages
from tests.commands import ELSEWHERE, NEWCOMER
from tests.tutorial import steps
from tests.workflow.checkout import environment, merged

ROOT = pages.ROOT
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
OF_EXAMPLES = ("elpv-dataset",)  # packages of PyPI that an example reads
# What a reader makes before the command that names it: methods, files, presets, folders.
METHODS = "my_method", "agreed_mean", "half_sum", "median_merge"
FILES = "look.py", "take.py", "mine.yaml", "config/digits.yaml", "config/solar_cells.yaml"
HF = (
    "auth login",
    "download",
    r"download timm/vit_base_patch32_clip_224\.openai open_clip_model\.safetensors",
    r"download tanganke/clip-vit-(base-patch32|base-patch16|large-patch14)_\w+ --local-dir \S+",
)


def exists(path: str) -> bool:
    return path in FILES or (ROOT / path).exists()


# One function for each program: it fails where the program would.


def make(*words: str) -> None:
    targets = [word for word in words if "=" not in word]
    given = dict(word.split("=", 1) for word in words if "=" in word)
    assert targets and set(targets) <= set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    assert all(f"$({name})" in MAKEFILE or f"{name}," in MAKEFILE for name in given)
    assert exists(f"config/{given.get('PRESET', 'tiny')}.yaml")
    command = "make", "-n", *words, "-o", ".venv/.installed"
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for line in re.findall(
        r"^\.venv/bin/python -m (?:tangent_bench\.cli|snakemake) .*[^\\]$", done.stdout, re.M
    ):
        check(line)


def tangent_bench(*words: str) -> None:
    group = get_command(cli.app)
    if not words or words[0].startswith("-"):
        options = {option for parameter in group.params for option in parameter.opts}
        assert set(words) <= options | {"--help"}
        return
    name, *rest = words
    command = group.commands[name]
    if rest == ["-h"]:
        return
    given = command.make_context(name, rest).params
    for method in [given.get(key) for key in ("method", "baseline")] + (
        given.get("candidates") or []
    ):
        assert method is None or method in METHODS or merging.find(method)
    files = given.get("configfile") or []
    assert all(exists(str(file)) for file in (files if isinstance(files, list) else [files]))
    assert given.get("preset") in (None, *catalogue.names("presets"))
    assert name not in ("figure", "table") or given["name"] in registry.names("figures")
    if name in ("list", "show"):
        assert CliRunner().invoke(cli.app, list(words)).exit_code == 0


@cache
def rules() -> set[str]:
    texts = [
        path.read_text(encoding="utf-8")
        for path in [ROOT / "Snakefile", *ROOT.glob("workflow/rules/*.smk")]
    ]
    return {
        name for text in texts for name in re.findall(r"^ *(?:rule|checkpoint) (\w+):", text, re.M)
    }


@cache
def snakemake_parser():
    from snakemake.cli import get_argument_parser

    return get_argument_parser()


def snakemake(*words: str) -> None:
    given = snakemake_parser().parse_args(words)
    files = {target for target in given.targets if target.startswith("results/")}
    named = {*given.targets, *(each.partition(":")[0] for each in given.set_resources)}
    assert named - files <= rules()
    assert all(exists(str(file)) for file in given.configfile or [])
    assert all(exists(f"{profile}/config.yaml") for profile in given.profile or [])


def python(*words: str) -> None:
    if words[0] == "-c":
        compile(words[1], "a page", "exec")
    elif words[0] == "-m":
        assert importlib.util.find_spec(words[1]), words[1]
    else:
        assert exists(words[0]), words[0]


def named_packages() -> set[str]:
    """The packages that an extra of ours names."""
    extras = PYPROJECT["project"]["optional-dependencies"].values()
    return {re.split("[<>=]", line)[0] for extra in extras for line in extra}


def pip(verb: str, *words: str) -> None:
    if set(words) <= named_packages() or words == ("--no-deps", *OF_EXAMPLES):
        return
    folder, _, extras = words[-1].partition("[")
    assert verb in ("install", "wheel") and exists(f"{folder}/pyproject.toml")
    assert (
        not extras
        or set(extras.rstrip("]").split(","))
        <= PYPROJECT["project"]["optional-dependencies"].keys()
    )
    flags = list(words[:-1])
    assert flags in ([], ["-e"], ["--no-deps"]) or (
        flags[0] == "-c" and exists(flags[1]) and flags[2:] == ["-e"]
    )


def hf(*words: str) -> None:
    assert any(re.fullmatch(command, " ".join(words)) for command in HF)


def apt_get(*words: str) -> None:
    assert words in (("install", "chromium"), ("install", "dataset-fashion-mnist"))


def rsync(*words: str) -> None:
    assert words[0] == "-a" and words[1:-1] == ("results", ".snakemake")


def export(assignment: str) -> None:
    assert re.fullmatch(r"[A-Z_]+=\S+", assignment)


CHECKS = {
    **{
        "make": make,
        "tangent-bench": tangent_bench,
        "snakemake": snakemake,
        "python": python,
        "pip": pip,
    },
    **{"hf": hf, "apt-get": apt_get, "rsync": rsync, "export": export},
}


def check(command: str) -> None:
    program, *rest = pages.words(command)
    assert program in CHECKS, f"no test knows {program!r}"
    CHECKS[program](*rest)


def _trouble(texts: Iterable[str], check: Callable[[str], None]) -> dict[str, str]:
    """Text → what is wrong with it; parsers exit, each in its own way."""
    found = {}
    for text in texts:
        try:
            check(text)
        except BaseException as error:
            found[text] = repr(error)
    return found


@pytest.mark.slow
def test_commands_are_valid():
    commands = pages.commands()
    assert len(commands) > 50
    assert _trouble(commands, check) == {}


@pytest.mark.parametrize(
    "command",
    [
        *(
            "make reproduse",
            "make reproduce PRESET=tyni",
            "make reproduce PRESETS=tiny",
            "make regress METHOD=tis",
        ),
        *(
            'make regress METHOD=ties ARGS="--fail-in worse"',
            "tangent-bench lists",
            "tangent-bench show tis",
        ),
        *(
            "tangent-bench plan --preset tyni",
            "snakemake publsh",
            "snakemake --configfile config/tyni.yaml",
            "rm -r .",
        ),
        *(
            "snakemake --cores all --profile profiles/slrm",
            "snakemake --set-resources finetun:runtime=600",
        ),
        *(
            "python -m tangent_bench.sumary",
            "python example.py",
            "pip install -e '.[tests]'",
            "hf download a/b c",
        ),
    ],
)
def test_a_wrong_command_is_noticed(command):
    with pytest.raises(BaseException):  # noqa: B017  (parsers exit, each in its own way)
        check(command)


def test_every_command_is_run_or_has_a_reason_not_to_be():
    tutorial = {step.command for step in steps() if step.command}  # tests/workflow/test_tutorial.py
    assert set(pages.commands()) == NEWCOMER.keys() | ELSEWHERE.keys() | tutorial
    assert not NEWCOMER.keys() & ELSEWHERE.keys()


def test_what_is_run_in_their_place_is_valid():
    assert _trouble((run for run in NEWCOMER.values() if run), check) == {}


def test_tests_that_run_commands_exist():
    for test, _ in ELSEWHERE.values():
        file, _, name = test.partition("::")
        assert not test or f"def {name}" in (ROOT / file).read_text(encoding="utf-8"), test


# Blocks that are no commands


def kind(block: pages.Block) -> str:
    """What a block is, or an error."""
    first = block.lines[0]
    if block.language == "yaml" and block.page.endswith("figures-for-a-paper.md"):
        return "labels"
    if block.language:
        return {"python": "python", "yaml": "yaml", "toml": "toml", "text": "printed"}[
            block.language
        ]
    if pages.is_command(first):
        assert all(map(pages.is_command, block.lines)), block
        return "commands"
    if first.startswith(">>> "):
        return "doctest"
    if first.startswith(("from ", "import ")):
        return "python"
    if first.split()[0].endswith("/"):
        return "tree"
    assert block.page.startswith("docs/explanation/") and "=" in first, (
        f"no test knows what this is: {block}"
    )
    return "formula"


def of_kind(wanted: str):
    found = [block for block in pages.blocks() if kind(block) == wanted]
    assert found
    return [pytest.param(block, id=f"{Path(block.page).stem}-{k}") for k, block in enumerate(found)]


@pytest.mark.parametrize("block", of_kind("python"))
def test_names_in_python_exist(block):
    known = {}
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            # Packages of an extra need not be here.
            is_other = node.module.partition(".")[0].replace("_", "-") in named_packages()
            load = pytest.importorskip if is_other else importlib.import_module
            module = load(node.module)
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                known[alias.name] = getattr(module, alias.name, None) or importlib.import_module(
                    full
                )
        elif isinstance(node, ast.Import):
            known |= {alias.name: importlib.import_module(alias.name) for alias in node.names}
    used = [
        n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)
    ]
    ours = [(node.value.id, node.attr) for node in used if node.value.id in known]
    assert known and [pair for pair in ours if not hasattr(known[pair[0]], pair[1])] == []


@pytest.mark.parametrize("block", of_kind("yaml"))
def test_configs_are_valid_on_top_of_those_that_they_change(block):
    said = yaml.safe_load(block.text)
    base = "paper" if "paper" in block.page else "default"
    assert said and validated(said, base) != merged(base), "it changes nothing"


@pytest.mark.parametrize("block", of_kind("labels"))
def test_labels_are_those_that_figures_take(block):
    given = yaml.safe_load(block.text)
    assert _labels.read(given, rows.frame([])) == given
    with pytest.raises(ValueError, match="linear-tangnt"):
        _labels.read({"modes": {"linear-tangnt": "Ours"}}, rows.frame([]))


def validated(said: dict, base: str = "paper") -> dict:
    from snakemake.utils import update_config

    whole = merged(base)
    update_config(whole, said)
    return config.validate(whole)


@pytest.mark.parametrize("block", of_kind("toml"))
def test_entry_points_are_of_the_group_that_is_read(block):
    ((group, named),) = tomllib.loads(block.text)["project"]["entry-points"].items()
    assert group in (merging.GROUP, "tangent_bench.models") and named


@pytest.mark.parametrize("block", of_kind("doctest"))
def test_examples_are_on_pages_that_pytest_reads(block):
    assert (
        block.page.startswith("docs/")
        and "docs" in PYPROJECT["tool"]["pytest"]["ini_options"]["testpaths"]
    )


@pytest.mark.parametrize("block", of_kind("tree"))
def test_folders_of_the_tree_exist(block):
    for line in block.lines:
        for path in takewhile(lambda word: word.endswith("/") or word == "Snakefile", line.split()):
            made = path.startswith("results/<preset>")
            assert made or (ROOT / path).exists() or (ROOT / "tangent_bench" / path).is_dir(), path


# The test that compares what is shown as printed with what is printed.
PRINTED = {
    "docs/how-to/your-own-method.md": (
        "tests/test_method_package.py::test_the_page_says_what_regress_prints"
    ),
    "docs/how-to/run.md": "tests/progress/test_handler.py::test_the_page_shows_what_is_drawn",
    "docs/tutorial.md": "tests/workflow/test_tutorial.py::test_the_tutorial_runs",
}


def test_what_is_shown_as_printed_is_compared():
    assert sorted(block.values[0].page for block in of_kind("printed")) == sorted(PRINTED)
    for test in PRINTED.values():
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / file).read_text(encoding="utf-8")


# Code of more than one word within sentences


def phrase(code: str) -> None:
    """Check a phrase by what it looks like."""
    if (
        pages.is_command(code)
        or code.startswith("{{ ")
        or re.fullmatch(r'\[.*\]|(\w+=)?"[\w ]+"', code)
    ):
        return  # a command, a mark, a shape, a text
    if code.startswith("-"):
        option_of_some_program(code.split())
    elif re.fullmatch(r"\w+: \S.*", code):
        keys_of_a_config(yaml.safe_load(code))
    else:
        ast.parse(code.partition(" -> ")[0])  # how a function is called


OPERANDS = {"plan": [], "figure": ["overview"]}


def option_of_some_program(words: list[str]) -> None:
    for name in ("plan", "figure"):
        command = get_command(cli.app).commands[name]
        ours = {option for parameter in command.params for option in parameter.opts}
        if words[0] in ours - {"--configfile"}:
            return tangent_bench(name, *OPERANDS[name], *words)
    return snakemake(*words)


def keys_of_a_config(said: dict) -> None:
    """Valid where the key stands: at the top, in a section, or in an entry of the user's own."""
    ((key, _),) = said.items()
    default = merged("default")
    if key in default:
        assert validated(said)
    elif within := [
        name for name, section in default.items() if isinstance(section, dict) and key in section
    ]:
        assert validated({within[0]: said})
    else:
        assert (
            key
            in config_schema.schema()["properties"]["custom_models"]["additionalProperties"][
                "properties"
            ]
        ), key


@pytest.mark.slow
def test_code_in_sentences_is_understood():
    codes = {code for _, code in pages.phrases()}
    assert len(codes) > 50
    assert _trouble(sorted(codes), phrase) == {}


@pytest.mark.parametrize(
    "code", ["device: tpu", "acumulation: sum", "--set-resource a:b=1", "train the (model"]
)
def test_wrong_code_in_a_sentence_is_noticed(code):
    with pytest.raises(BaseException):  # noqa: B017
        phrase(code)
