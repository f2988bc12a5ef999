"""A key twice in a YAML file is refused with file, key and line, wherever such a file is read."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tangent_bench import catalogue, regress
from tangent_bench.planning import jobs, readiness
from tangent_bench.store import joins, yaml_files

CONFIG = Path(__file__).parents[1] / "config"
TWICE = {  # text → key and line of the second, line of the first
    "seeds: [0, 1]\n\nseeds: [0]\n": ("seeds", 3, 1),
    "training: {steps: 100, steps: 6}": ("steps", 1, 1),
    "training:\n  steps: 5\n  'steps': 6": ("steps", 3, 2),
    "reference:\n  out_of_scope:\n    - {task: a, task: b}": ("task", 3, 3),
    "a: &a {x: 1}\nb:\n  <<: *a\n  y: 1\n  y: 2": ("y", 5, 4),
}


@pytest.mark.parametrize("text", TWICE)
def test_a_key_twice_is_refused_with_file_key_and_line(tmp_path, text):
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    key, second, first = TWICE[text]
    words = rf"mine\.yaml, line {second}: the key '{key}' stands twice .*first in line {first}"
    for read in (yaml_files.read, lambda path: yaml_files.require_single_keys([path])):
        with pytest.raises(ValueError, match=words) as caught:
            read(file)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\nb: {a: 1}\nc: [{a: 1}, {a: 2}]",
        "a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, <<: *a, x: 3}",
        "",
        "\ufeffa: 1",
    ],
)
def test_what_overrides_nothing_of_its_own_map_is_read(tmp_path, text):
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    yaml_files.require_single_keys([file])
    assert yaml_files.read(file) == (yaml.safe_load(text) or {})


def test_every_config_of_the_suite_is_read_as_before():
    for file in CONFIG.glob("*.yaml"):
        assert yaml_files.read(file) == yaml.safe_load(file.read_text(encoding="utf-8"))


def test_a_key_twice_in_json_with_tabs(tmp_path):
    """No YAML, but Snakemake reads it."""
    file = tmp_path / "mine.json"
    file.write_text('{\n\t"seeds": [0],\n\t"seeds": [1]\n}')
    with pytest.raises(ValueError, match=r"mine\.json.*'seeds'.*twice"):
        yaml_files.require_single_keys([file])
    file.write_text('{\n\t"seeds": [0]\n}')
    yaml_files.require_single_keys([file])


def test_a_key_twice_on_the_command_line():
    with pytest.raises(ValueError, match="--config names 'seeds' twice"):
        yaml_files.require_single_keys([], ["seeds=[0]", "seeds=[1]"])
    with pytest.raises(ValueError, match="--config training, line 1: the key 'steps'"):
        yaml_files.require_single_keys([], ["training={steps: 1, steps: 2}"])
    yaml_files.require_single_keys([], ["seeds=[0]", "training={steps: 1}"])


@pytest.fixture
def twice(tmp_path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text("seeds: [0]\nseeds: [1]\n")
    return file


def test_check_blocks_on_it(twice):
    (finding,) = readiness.findings([twice])
    assert (finding.about, finding.status) == ("config", "blocks")
    assert "mine.yaml, line 2" in finding.text


def test_plan_and_regress_refuse_it(twice):
    with pytest.raises(ValueError, match="line 2: the key 'seeds'"):
        jobs.read_config([twice])
    with pytest.raises(ValueError, match="line 2: the key 'seeds'"):
        regress._read(twice)


def test_a_joined_preset_with_it_is_refused(twice):
    default = (CONFIG / "default.yaml").read_text(encoding="utf-8")
    (twice.parent / "default.yaml").write_text(default, encoding="utf-8")
    config = yaml.safe_load(default) | {"joins": ["mine"]}
    with pytest.raises(ValueError, match="'joins' names 'mine', but .*line 2: the key 'seeds'"):
        joins.presets(config, twice.parent)


def test_a_preset_with_it_is_not_shown(twice, monkeypatch):
    monkeypatch.setattr(catalogue, "CONFIG", twice.parent)
    with pytest.raises(ValueError, match="line 2: the key 'seeds'"):
        catalogue._yaml("mine")


def test_hyper_parameters_are_given_once():
    with pytest.raises(ValueError, match="--set names 'keep' twice"):
        regress.hyper_parameters(["keep=0.1", "keep=0.2"])
    with pytest.raises(ValueError, match="cannot be read; expected a number"):
        regress.hyper_parameters(["keep=[0.1"])
