"""A title that the user gives a task or a model stands in tables, figures and pages."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from tangent_bench.figures import _entities
from tangent_bench.jobs import provenance
from tangent_bench.planning.config import validate
from tangent_bench.store import replicates
from tests import synthetic
from tests.workflow.checkout import merged

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/make_table.py"
FOLDER = {"folder": "x", "templates": ["a {}"]}
MODEL = {"architecture": "RN50", "weights": "openai"}


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setattr(_entities, "_own", {})


def test_without_a_title_the_name_is_shown():
    assert _entities.task_title("my_pets") == "My pets" and _entities.model_title("toy") == "toy"
    _entities.use_titles({"tasks": {"my_pets": "Pets & dogs"}, "models": {"toy": "Toy ViT"}})
    assert _entities.task_title("my_pets") == "Pets & dogs"
    assert _entities.model_title("toy") == "Toy ViT"
    assert _entities.task_title("mnist") == "MNIST"


class Params(dict):
    """As Snakemake gives them to a script."""

    __getattr__ = dict.__getitem__


class Outputs(list):
    """As Snakemake gives them to a script: files that have names."""

    def __getattr__(self, name: str) -> Path:
        return next(file for file in self if file.suffix == f".{name}")


def test_a_table_of_the_rule_has_the_titles(tmp_path, monkeypatch):
    for part in ("limit_threads", "keep_memory", "_open_log", "_leave_at_interrupt"):
        monkeypatch.setattr(provenance, part, lambda *_: None)
    synthetic.write(tmp_path, synthetic.make(tasks=("my_pets", "mnist")))
    endings = ("csv", "md", "tex", "html", "caption")
    job = SimpleNamespace(
        input=[tmp_path / "rows.csv", tmp_path / replicates.FILE],
        output=Outputs(tmp_path / f"t.{ending}" for ending in endings),
        log=[tmp_path / "it.log"],
        wildcards={},
        params=Params(
            name="single_task_table",
            run={"preset": "x"},
            settings={},
            own_titles={"tasks": {"my_pets": "Pets & dogs"}, "models": {"tiny": "Toy ViT"}},
        ),
        threads=1,
        rule="r",
        resources=None,
    )
    runpy.run_path(str(SCRIPT), {"snakemake": job})
    table = pd.read_csv(tmp_path / "t.csv")
    assert "Pets & dogs" in table.to_string() and "My pets" not in table.to_string()


def _config(section: str, names: str, entries: dict) -> dict:
    config = merged("tiny")
    shown = [*config[names][:1], *entries]
    return config | {names: shown, section: entries}


@pytest.mark.parametrize("title", ["MNIST", "Average", "Compositions (control)"])
def test_a_title_that_is_shown_for_another_task_is_refused(title):
    config = _config("custom_tasks", "tasks", {"mine": {**FOLDER, "title": title}})
    with pytest.raises(
        ValueError, match=f"'custom_tasks.mine.title' is {re.escape(repr(title))}, but"
    ):
        validate(config)
    config["custom_tasks"]["mine"]["title"] = "Mine"
    assert validate(config)["tasks"] == ["mnist", "mine"]


def test_two_of_ones_own_need_two_titles():
    entries = {name: {**MODEL, "title": "Toy"} for name in ("one", "two")}
    with pytest.raises(ValueError, match=r"'custom_models\.(one|two)\.title' is 'Toy', but so is"):
        validate(_config("custom_models", "models", entries))
    config = _config("custom_models", "models", {"one": entries["one"]})
    config["custom_models"]["two"] = entries["two"]  # of which nothing is shown
    validate(config)
