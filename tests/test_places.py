"""A ~ in a path is the home folder, wherever a path is written; threads are what libraries read."""

from __future__ import annotations

import logging
import os
import pwd
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from tangent_bench import cli, regress
from tangent_bench.cli import _process
from tangent_bench.images import sources
from tangent_bench.jobs import provenance
from tangent_bench.judging import methods
from tangent_bench.models import _weights
from tangent_bench.planning import jobs, report
from tangent_bench.planning.config import validate
from tangent_bench.report import summary
from tangent_bench.store import joins, places
from tests.workflow.checkout import ROOT, merged

TASK = {"folder": "~/images", "templates": ["a {}"]}
MODEL = {"architecture": "a", "weights": "~/w.pt", "config": "~/a.json", "merges": "~/merges.gz"}
CHECKPOINT = {"layout": "state_dict", "protocol": "A", "folder": "~/vectors"}


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_path_is_at_home(home):
    name = pwd.getpwuid(os.getuid())
    assert places.at_home("~/a/") == f"{home}/a/"
    assert places.at_home("~") == str(home)
    assert places.at_home(f"~{name.pw_name}/a") == f"{name.pw_dir}/a"
    assert places.at_home("a/~/b") == "a/~/b" and places.at_home("./~") == "./~"
    with pytest.raises(ValueError, match=r"'~nobody-here/a' begins with '~nobody-here'.*HOME"):
        places.at_home("~nobody-here/a")


def test_every_path_of_a_config_is_at_home(home):
    changes = {
        "results": "~/results",
        "custom_tasks": {"mine": TASK},
        "custom_models": {"own": MODEL},
        "checkpoints": {
            "standard": {**CHECKPOINT, "files": dict.fromkeys(("mnist", "multitask"), "a")}
        },
        "tasks": ["mnist"],
    }
    given = merged("default") | changes
    config = validate(given)
    assert config["results"] == f"{home}/results"
    assert config["custom_tasks"]["mine"]["folder"] == f"{home}/images"
    assert config["checkpoints"]["standard"]["folder"] == f"{home}/vectors"
    own = config["custom_models"]["own"]
    assert [own[key] for key in ("weights", "config", "merges")] == [
        f"{home}/w.pt",
        f"{home}/a.json",
        f"{home}/merges.gz",
    ]
    assert given["custom_tasks"]["mine"]["folder"] == "~/images", "what was given stays as it was"


def test_a_home_that_is_not_there_is_refused_with_its_key():
    with pytest.raises(ValueError, match="Config: 'results': '~nobody-here/a'"):
        validate(merged("default") | {"results": "~nobody-here/a"})


def test_rows_of_a_joined_preset_are_at_home(home):
    assert joins.rows_of({"results": "~/tiny"}) == home / "tiny/rows.csv"


def test_folders_of_the_environment_are_at_home(home, monkeypatch):
    monkeypatch.setenv(sources.ROOT, "~/data")
    assert sources._root() == home / "data"
    monkeypatch.setenv(sources.ROOT, "")
    assert sources._root() is None
    monkeypatch.setenv(_weights.ROOT, "~/weights")
    file = home / "weights/ViT-B-32/openai.pt"
    file.parent.mkdir(parents=True)
    file.touch()
    assert _weights.in_folder("ViT-B-32", "openai") == file


def call(*arguments: str):
    return CliRunner().invoke(cli.app, arguments)


def test_paths_of_commands_are_at_home(home, monkeypatch):
    """A shell leaves ~ as it is in --results=~/tiny."""
    seen = []
    monkeypatch.setattr(_process, "prepare", lambda: None)
    monkeypatch.setattr(summary, "report", lambda folder, *_: seen.append(folder) or "")
    monkeypatch.setattr(report, "against", lambda files, folder: seen.extend([*files, folder]))
    monkeypatch.setattr(methods, "compare", lambda *given: seen.extend([given[0], given[3]]) or {})
    monkeypatch.setattr(regress, "regress", lambda *given, quick: seen.append(given[2]) or {})
    call("summary", "~/tiny")
    call("plan", "--configfile=~/mine.yaml", "--against=~/tiny")
    call("compare", "ties", "tsv_m", "--results=~/a", "--baseline-results=~/b")
    call("regress", "ties", "--configfile=~/mine.yaml")
    names = ["tiny", "mine.yaml", "tiny", "a", "b", "mine.yaml"]
    assert seen == [home / name for name in names]


def test_a_summary_is_of_the_folder_that_the_configs_name(home, monkeypatch):
    """Which the Makefile asks for: a path may have a ~, blanks and quotes."""
    seen = []
    monkeypatch.setattr(summary, "report", lambda folder, *_: seen.append(folder) or "")
    for path in ("~/q 7", "it's/$HOME"):
        file = home / "mine.yaml"
        file.write_text(yaml.safe_dump({"results": path}))
        done = call("summary", "--configfile", str(file))
        assert done.exit_code == 0, done.output
    assert seen == [home / "q 7", Path("it's/$HOME")]
    for wrong in ((), ("results/tiny", "--configfile", str(home / "mine.yaml"))):
        done = call("summary", *wrong)
        assert done.exit_code == 2 and "either a folder of results or a --configfile" in done.stderr


def test_the_makefile_reads_no_config_itself():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "s/^results" not in makefile
    assert re.search(r"summary --configfile config/\$\(CONFIG\)\.yaml", makefile)


def test_regress_builds_where_the_whole_config_says(home, monkeypatch):
    """A config that names no results has those of the default; its path may be relative."""
    file = home / "mine.yaml"
    file.write_text("seeds: [0]")
    monkeypatch.chdir(home)
    assert regress._read(Path("mine.yaml"))["results"] == jobs.read_config([])["results"]


@pytest.mark.parametrize(
    ("given", "left", "said"),
    [
        ("4", "4", ""),
        ("4,3,2", "4", "4 is taken"),
        ("", None, "not used"),
        ("abc", None, "not used"),
        ("0", None, "not used"),
        ("-1", None, "not used"),
        ("²", None, "not used"),
    ],
)
def test_threads_are_one_number_or_nothing(monkeypatch, caplog, given, left, said):
    for variable in provenance._THREAD_VARIABLES:
        monkeypatch.setenv(variable, given)
    with caplog.at_level(logging.WARNING):
        provenance.mend_threads()
    for variable in provenance._THREAD_VARIABLES:
        assert os.environ.get(variable) == left
    assert said in caplog.text and bool(caplog.text) == bool(said)
