"""The paper's preset and its smoke test, planned where neither data nor weights are."""

from __future__ import annotations

import re

import pytest

from tangent_bench.planning.config import validate
from tests.workflow.checkout import ROOT, Checkout, Finished, merged, preset
from tests.workflow.test_dag import _expected

pytestmark = pytest.mark.slow

HERE = Checkout(ROOT)
CONFIG = merged("paper")


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Preset → its dry run, with nothing built and nothing on this machine."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    for name in ("TANGENT_BENCH_DATA", "TANGENT_BENCH_WEIGHTS"):
        monkeypatch.delenv(name, raising=False)

    def run(name: str) -> Finished:
        finished = HERE.dry_run(*preset(name, tmp_path, results=str(tmp_path / "results")))
        assert finished.status == 0, finished.output
        return finished

    return run


def test_the_paper_is_planned_without_data(plan):
    finished = plan("paper")
    expected = _expected(CONFIG) | {
        "make_table_paper_comparison": 1
    }  # made for the paper's models alone
    assert finished.jobs == expected and expected["finetune"] == 48
    wanted = re.findall(r"wildcards: .*experiment=(\w+)", finished.output)
    assert set(wanted) == set(CONFIG["experiments"])


def test_a_dry_run_ends_with_what_is_missing_and_how_to_get_it(plan):
    output = plan("paper").output.partition("This was a dry-run")[2]
    about, *lines = output.partition("\n\n")[2].strip().splitlines()
    assert about.startswith("Not on this machine") and "set TANGENT_BENCH_DATA" in about
    assert [line.split()[0].rstrip(":") for line in lines] == [
        *CONFIG["tasks"],
        CONFIG["control"],
        *CONFIG["models"],
    ]
    assert all("hf download" in line for line in lines)
    assert "Traceback" not in output and "Exception ignored" not in output


@pytest.mark.parametrize("number", [14, 20])
def test_more_tasks_are_planned_without_data(plan, number):
    name = f"paper-{number}"
    config = merged(name)
    finished = plan(name)
    expected = _expected(config) | {"make_table_paper_comparison": 1}
    assert finished.jobs == expected and expected["finetune"] == 6 * number
    missing = finished.output.partition("Not on this machine")[2]
    for task in config["tasks"]:
        assert f"\n  {task} (licence: " in missing


@pytest.mark.parametrize("number", [14, 20])
def test_more_tasks_are_the_papers_preset_with_more_tasks(number):
    config = validate(merged(f"paper-{number}"))
    assert config["tasks"][:8] == CONFIG["tasks"] and len(set(config["tasks"])) == number
    assert config["tasks"] == merged("paper-20")["tasks"][:number]
    own = {"preset", "results", "tasks", "evaluation", "reference"}
    assert {k: v for k, v in config.items() if k not in own} == {
        k: v for k, v in CONFIG.items() if k not in own
    }
    tangents = number * config["evaluation"]["batch_size"]
    assert tangents <= 8 * CONFIG["evaluation"]["batch_size"]


def test_a_dry_run_of_embedded_material_says_nothing_more(plan):
    assert "Not on this machine" not in plan("micro").output


def test_the_smoke_test_is_the_paper_in_small(plan):
    smoke = merged("paper-smoke")
    assert smoke["experiments"] == CONFIG["experiments"] and smoke["modes"] == CONFIG["modes"]
    assert set(smoke["models"]) <= set(CONFIG["models"]) and set(smoke["tasks"]) <= set(
        CONFIG["tasks"]
    )
    counts = plan("paper-smoke").jobs
    # its control, unlike ImageNet, has training images of its own, which the leak check reads
    expected = _expected(smoke) | {"make_table_paper_comparison": 1, "prepare_images": 9}
    assert counts == expected and set(counts) == set(_expected(CONFIG)) | {
        "make_table_paper_comparison"
    }


def test_random_weights_are_not_called_pretrained():
    smoke = merged("paper-smoke")
    assert validate(smoke)["custom_models"]["vit_b_32"]["weights"] is None
    for inits in (["pretrained"], ["random", "pretrained"]):
        with pytest.raises(
            ValueError, match="'custom_models.vit_b_32.weights' is null.*write `inits: .random.`"
        ):
            validate(smoke | {"inits": inits})
