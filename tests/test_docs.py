"""What the pages say is so: files and keys exist, tables agree with the code. Commands:
test_commands.py.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tangent_bench import models, registry
from tangent_bench.planning import config, resources
from tangent_bench.tangent import vectors
from tests.pages import PAGES, blocks
from tests.workflow.checkout import merged

ROOT = Path(__file__).parents[1]
PAPER = (ROOT / "docs/how-to/reproduce-the-paper.md").read_text(encoding="utf-8")
# Made or brought, no files of ours.
OF_A_USER = (
    *(
        "results/",
        "checkpoints/",
        "train/",
        "val/",
        "test/",
        "imagenet/",
        "site/",
        "reference/api/",
        ".snakemake/",
        "tests/durations.csv",
        "...",
    ),
    *(
        "tangent_bench/methods/my_method.py",
        "tangent_bench/methods/agreed_mean.py",
        "look.py",
        "take.py",
    ),
)


def page_texts():
    return [pytest.param(page.read_text(encoding="utf-8"), id=page.stem) for page in PAGES]


def in_backticks(text):
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))


def test_a_wrong_snippet_would_be_noticed():
    for change in ({"training": {"warmup_step": 1}}, {"tasks": ["cars", "dtd_leakt"]}):
        with pytest.raises(ValueError, match="warmup_step|dtd_leakt"):
            config.validate(
                {
                    **merged("paper"),
                    **change,
                    "training": merged("paper")["training"] | change.get("training", {}),
                }
            )


def files(text):
    """What a page names in the repository; test_commands.py looks at its commands."""
    paths = {
        word
        for word in in_backticks(text)
        if re.fullmatch(r"[\w.-]+(/[\w.-]+)*/?", word) and "/" in word
    }
    return {path for path in paths if not path.startswith(OF_A_USER)}


def test_pages_name_many_files():
    found = files("\n".join(page.read_text(encoding="utf-8") for page in PAGES))
    assert {"profiles/slurm", "config/paper.yaml"} <= found and len(found) > 15


@pytest.mark.parametrize("text", page_texts())
def test_paths_and_modules_exist(text):
    hubs = {m.ORIGIN.hub for m in _real().values()} | {
        models.find(n).hub for n in registry.names("models")
    }
    places = ROOT, ROOT / "tangent_bench"
    assert not [
        path for path in files(text) - hubs if not any((place / path).exists() for place in places)
    ]


@pytest.mark.parametrize("text", page_texts())
def test_keys_of_the_config_exist(text):
    default = merged("default")
    for word in in_backticks(text):
        section, _, key = word.partition(":")[0].partition(".")
        if key.isidentifier() and isinstance(default.get(section), dict):
            assert key in default[section], word


DESIGN = (ROOT / "docs/explanation/design.md").read_text(encoding="utf-8")
_NAME = r"`(?:\w+\.)?(\w+)`"
_FILE = r"`([\w/]+\.py)`"


def told_of_files():
    """(file, name of a function or class in it) of what the design page says together."""
    pairs = [(file, name) for name, file in re.findall(rf"{_NAME}\s\({_FILE}", DESIGN)]
    for file, names, _ in re.findall(rf"\({_FILE},\s((?:{_NAME}(?: and|,)?\s*)+)", DESIGN):
        pairs += [(file, name) for name in re.findall(_NAME, names)]
    return sorted(set(pairs))


def is_there(file, name):
    text = (ROOT / "tangent_bench" / file).read_text(encoding="utf-8")
    return re.search(rf"^ *(?:def|class) {name}\b", text, re.M)


def test_functions_of_the_walk_are_where_the_page_says():
    pairs = told_of_files()
    assert len(pairs) > 15
    assert [pair for pair in pairs if not is_there(*pair)] == []


def test_stages_of_the_design_page_are_those_that_are_checked():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = pyproject["tool"]["importlinter"]["contracts"][0]["layers"]
    checked = [name for layer in layers for name in layer.split(" | ")]
    table = DESIGN.partition("| stage |")[2].partition("\n\n")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.M)
    shown = [name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(shown) == sorted(checked)
    assert shown.index("judging") < shown.index("measuring") < shown.index("store")


def _real():
    found = {name: registry.load("tasks", name) for name in registry.names("tasks")}
    return {name: module for name, module in found.items() if hasattr(module, "ORIGIN")}


def _cells(first):
    """The lines of the table whose first cell is a name of `first`."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAPER.splitlines()
        if line[:1] == "|"
    ]
    return {cells[0]: cells[1:] for cells in lines if cells[0] in first}


def test_data_sets_are_those_of_the_code():
    found = _cells(_real())
    assert found.keys() == _real().keys() - {"dtd_leaked"}
    for name, (hub, revision, counts, licence) in found.items():
        task, origin = _real()[name].TASK, _real()[name].ORIGIN
        sizes = [
            f"{origin.counts[s]:,}" if s in origin.counts else "–" for s in ("train", "val", "test")
        ]
        pin = f"`{origin.revision[:7]}`" if origin.revision else "not pinned"
        expected = f"`{origin.hub}`", pin, " / ".join(sizes), task.licence
        assert (hub, revision, counts, licence) == expected


def test_hours_are_the_arithmetic_of_the_steps_beside_them():
    preset = merged("paper")
    found = _cells(preset["models"])
    assert list(found) == preset["models"]
    for name, cells in found.items():
        gflop, standard, linear, *memory, hours, limit = map(float, cells)
        assert gflop == pytest.approx(resources.gflop_of(name), abs=0.051)
        assert hours == pytest.approx(
            8 * preset["training"]["steps"] * (standard + linear) / 3600, abs=0.051
        )
        assert limit == pytest.approx(resources.ask("finetune", gflop)["runtime"] / 60, abs=0.051)
        assert len(preset["tasks"]) == 8 and memory == sorted(memory)


def test_weights_are_asked_for_under_the_names_of_the_code():
    for name in merged("paper")["models"]:
        model = models.find(name)
        assert f"`{model.architecture}`" in PAPER and model.hub in PAPER


@pytest.mark.slow
def test_python_of_the_readme_runs(capsys):
    (block,) = [
        block for block in blocks() if block.page == "README.md" and block.language == "python"
    ]
    names = {}
    exec(compile(block.text, block.page, "exec"), names)
    assert capsys.readouterr().out.count("tensor(") == 2
    moved = vectors.subtract(names["theta"], names["theta0"])
    assert vectors.norm(moved) > 0


def test_no_switch_of_determinism_is_set():
    """As docs/explanation/determinism.md says."""
    places = [ROOT / "Makefile", ROOT / "Snakefile", *(ROOT / "tangent_bench").rglob("*.py")]
    for folder in ("workflow", "profiles"):
        places += [
            path for path in (ROOT / folder).rglob("*.*") if path.suffix in (".py", ".smk", ".yaml")
        ]
    switches = re.compile(
        r"use_deterministic_algorithms|cudnn\.(deterministic|benchmark)|CUBLAS_WORKSPACE_CONFIG"
    )
    assert not [path for path in places if switches.search(path.read_text(encoding="utf-8"))]
