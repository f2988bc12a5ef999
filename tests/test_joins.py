"""Joined presets: equal rows once, rows that disagree refused, and everything that is missing said
in one sentence.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tangent_bench.experiments import AcrossInits, scope_of
from tangent_bench.store import joins, rows
from tangent_bench.store.rows import Row
from tests import synthetic

CONFIG = Path(__file__).parents[1] / "config"
ROW = Row(
    experiment="single_task",
    model="tiny",
    init="pretrained",
    training="standard",
    evaluation="network",
    sources="a",
    task="a",
    split="test",
    seed=0,
    metric="accuracy",
    value=0.5,
    low=0.4,
    high=0.6,
    num_samples=100,
    coefficient=1.0,
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A config folder with presets "one" and "two", built, in the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    write(default=yaml.safe_load((CONFIG / "default.yaml").read_text()), one={}, two={})
    for name in ("one", "two"):
        synthetic.write(Path(f"results/{name}"), rows.frame([ROW]))
    return tmp_path / "config"


def write(**presets: dict) -> None:
    for name, changes in presets.items():
        about = {"preset": name, "results": f"results/{name}"} | changes
        Path(f"config/{name}.yaml").write_text(yaml.safe_dump(about), encoding="utf-8")


def joined(folder, *names, **changed):
    return joins.presets(
        {"preset": "all", "results": "results/all", "joins": list(names), **changed}, folder
    )


def test_a_joined_preset_is_complete(folder):
    write(two={"training": {"steps": 200}, "seeds": [3, 4]})
    one, two = joined(folder, "one", "two")
    assert one["seeds"] == [0] and two["seeds"] == [3, 4] and two["training"] == one["training"]
    assert joins.rows_of(two) == Path("results/two/rows.csv") and joined(folder) == []


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"seeds": [3, 4]}, True),
        ({"models": ["small"]}, True),
        ({"inits": ["random"]}, False),
        ({"modes": ["none-network", "standard-network"]}, False),
        ({"experiments": ["single_task"]}, False),
        ({"disentanglement": {"num_images": 7}}, False),
    ],
    ids=str,
)
def test_parts_of_one_run_differ_in_models_and_seeds_alone(folder, change, parts):
    write(two=change)
    assert joins.are_parts(joined(folder, "one", "two")) == parts
    assert not joins.are_parts([])


@pytest.mark.parametrize("name", ["rows.csv", "replicates.safetensors"])
def test_what_is_not_built_is_named_with_the_command_that_builds_it(folder, name):
    Path(f"results/two/{name}").unlink()
    with pytest.raises(
        ValueError, match=rf"'all' joins .* 'two'.* results/two/{name}.*make reproduce PRESET=two`"
    ):
        joined(folder, "one", "two")


@pytest.mark.parametrize(
    ("changes", "names", "words"),
    [
        ({}, ["one", "tow"], "'tow'.*config/ has only default, one, two.*Did you mean 'two'"),
        ({"two": {"joins": ["one"]}}, ["two"], "'two', which joins others itself"),
        (
            {"two": {"training": {"steps": 7}}},
            ["one", "two"],
            "'one' and 'two' have different 'training'",
        ),
        ({"two": {"tasks": ["mnist"]}}, ["one", "two"], "different 'tasks'"),
        ({"two": {"results": "results/one/"}}, ["one", "two"], "build into results/one"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_cannot_be_joined_is_refused_in_one_sentence(folder, changes, names, words):
    write(**changes)
    with pytest.raises(ValueError, match=words) as error:
        joined(folder, *names)
    assert "\n" not in str(error.value)


def test_a_joined_preset_may_not_be_overwritten(folder):
    with pytest.raises(ValueError, match="build into results/one"):
        joined(folder, "one", results="results/one")


def test_equal_rows_are_taken_once():
    other = replace(ROW, seed=1, low=None, high=None, coefficient=None)
    tables = {
        "one": rows.frame([ROW, other]),
        "two": rows.frame([replace(other), replace(ROW, model="wide"), ROW]),
    }
    found = joins.together(tables)
    assert list(found.columns) == list(rows.COLUMNS) and len(rows.check(found)) == 3
    assert found["model"].tolist() == ["tiny", "tiny", "wide"]


@pytest.mark.parametrize(
    "change", [{"value": 0.5000001}, {"high": 0.7}, {"low": None}, {"num_samples": 99}], ids=str
)
def test_rows_that_disagree_are_refused_with_their_coordinates(change):
    fine = replace(ROW, seed=1, coefficient=None)
    tables = {
        "one": rows.frame([fine, ROW]),
        "two": rows.frame([fine, replace(ROW, **change)]),
        "three": rows.frame([fine]),
    }
    with pytest.raises(ValueError, match="Presets 'one' and 'two' have different rows") as error:
        joins.together(tables)
    assert "seed=0, coefficient=1.0, metric=accuracy; values 0.5" in str(error.value)


def test_claims_join_presets_of_which_no_two_answer_to_the_same_coordinates_differently():
    """What depends on the whole run (its modes, its initialisations) may stand in one preset alone
    for each model.
    """
    names = yaml.safe_load((CONFIG / "claims.yaml").read_text())["joins"]
    configs = {name: joins._complete(name, CONFIG) for name in names}
    seen = {}
    for name, config in configs.items():
        assert all(config[key] == configs[names[0]][key] for key in joins.SHARED), name
        for experiment in config["experiments"]:
            across_inits = isinstance(scope_of(experiment), AcrossInits)
            if across_inits or experiment == "disentanglement_comparison":
                # Rows that were matched under own heads say so (params_id).
                own_heads = across_inits and any(
                    init.startswith("whole-") for init in config["inits"]
                )
                for model in config["models"]:
                    other = seen.setdefault((experiment, model, own_heads), name)
                    assert other == name, (
                        f"{experiment} of {model} is matched within {other} and within {name}"
                    )
