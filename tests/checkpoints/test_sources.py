"""Checkpoints in the config: which file is whose, and what is wrong before any work."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tangent_bench import checkpoints
from tangent_bench.experiments import AcrossModesStudy, Study
from tangent_bench.planning.config import validate
from tangent_bench.store import layout
from tangent_bench.store.layout import Mode

DEFAULT = yaml.safe_load(
    (Path(__file__).parents[2] / "config/default.yaml").read_text(encoding="utf-8")
)
TASKS = ["mnist", "icons"]


def config(folder: Path, **changed: object) -> dict:
    files = changed.pop("files", {task: f"{task}.pt" for task in TASKS})
    entry = {"layout": "ilharco", "protocol": "A", "folder": str(folder), "files": files}
    entry |= changed.pop("entry", {})
    own = {
        "tasks": TASKS,
        "joint_training": {"trainings": [], "steps": 4},
        "checkpoints": {"standard": entry},
    }
    return {**DEFAULT, **own, **changed}


def test_each_vector_has_its_file(tmp_path):
    for name in (
        "tiny/a-0.pt",
        "tiny/a-1.pt",
        "wide/a-0.pt",
        "wide/a-1.pt",
        "tiny/b/model.safetensors",
        "wide/b/x",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "wide/b/pytorch_model.bin").touch()
    (tmp_path / "tiny/b/pytorch_model.bin").touch()
    about = config(
        tmp_path / "{model}",
        models=["tiny", "wide"],
        seeds=[0, 1],
        files={"mnist": "a-{seed}.pt", "icons": "b"},
    )
    found = checkpoints.sources(about)
    assert len(found) == 8
    for model in ("tiny", "wide"):
        for seed in (0, 1):
            vector = layout.vector(model, "pretrained", "standard", "mnist", seed)
            assert found[vector] == tmp_path / f"{model}/a-{seed}.pt"
    first, second = (
        found[layout.vector(m, "pretrained", "standard", "icons", 1)] for m in ("tiny", "wide")
    )
    assert (first.name, second.name) == ("model.safetensors", "pytorch_model.bin")


def test_nothing_is_read_by_default():
    assert DEFAULT["checkpoints"] == {} and checkpoints.sources(DEFAULT) == {}


def test_a_missing_file_is_named(tmp_path):
    (tmp_path / "mnist.pt").touch()
    with pytest.raises(
        ValueError, match=r"icons': There is no .*icons\.pt; expected a file.* fine-tune\.$"
    ):
        checkpoints.sources(config(tmp_path))
    (tmp_path / "icons.pt").mkdir()
    with pytest.raises(
        ValueError, match=r"icons\.pt is a folder without weights; expected model\."
    ):
        checkpoints.sources(config(tmp_path))


WRONG = {
    "a task without a file": ({"files": {"mnist": "a"}}, "has no 'icons'"),
    "a joint vector without a file": (
        {"joint_training": {"trainings": ["standard"], "steps": 4}},
        "no 'multitask'.*joint",
    ),
    "another initialisation": ({"inits": ["random"]}, "from pre-trained weights"),
    "two models, one file": ({"models": ["tiny", "wide"]}, "one file to 2 models; put {model}"),
    "two seeds, one file": ({"seeds": [0, 1]}, "one file to 2 seeds; put {seed}"),
    "a training that is not there": (
        {"trainings": ["linear"], "modes": ["linear-tangent"]},
        "not among trainings",
    ),
    "an unknown layout": (
        {"entry": {"layout": "fusionbanch"}},
        "'fusionbanch' is not among.*mean 'fusionbench'",
    ),
    "our own protocol": ({"entry": {"protocol": "own"}}, "protocol"),
    "no protocol": ({"entry": {"protocol": ""}}, "protocol"),
    "a misspelt key": ({"entry": {"foldr": "x"}}, "foldr.*mean 'folder'"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_entry_is_one_sentence(kind, tmp_path):
    changed, words = WRONG[kind]
    with pytest.raises(ValueError, match=words) as caught:
        validate(config(tmp_path, **changed))
    assert "\n" not in str(caught.value)


def _study(mode: str, kind: type[Study] = Study, **own) -> Study:
    """A study whose standard vectors are those of the family C."""
    return kind(
        experiment="e",
        model="m",
        init="pretrained",
        mode=Mode.parse(mode),
        seed=0,
        tasks=(),
        control="",
        num_replicates=1,
        labels=None,
        protocols={"standard": "C"},
        **own,
    )


def test_rows_name_the_family_that_they_stand_on():
    for mode, expected in {
        "standard-network": "C",
        "standard-none": "C",
        "linear-tangent": "own",
        "none-network": "own",
    }.items():
        study = _study(mode)
        study.add("accuracy", 0.5, sources="", task="all", split="test", num_samples=1)
        assert study.rows[0].protocol == expected


def test_rows_that_compare_families_name_all_of_them():
    modes = [
        Mode.parse(text)
        for text in ("none-network", "standard-network", "standard-tangent", "linear-tangent")
    ]
    for compared, expected in ((modes, "C+own"), (modes[:3], "C")):
        others = {("single_task", mode): {} for mode in compared}
        study = _study("all-none", AcrossModesStudy, coefficients=None, others=others)
        study.add(
            "accuracy",
            0.5,
            sources="",
            task="all",
            split="test",
            num_samples=1,
            training="standard",
        )
        assert study.rows[0].protocol == expected
