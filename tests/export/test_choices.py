"""What is merged: tasks, coefficient, vectors by name, and what methods look at."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tangent_bench import merging, models
from tangent_bench.export import Request, export
from tangent_bench.store import layout, rows
from tests.checkpoints import published
from tests.export.merged_run import MODES, asked
from tests.results_folder import TASKS


def test_tasks_and_their_coefficient_are_those_that_were_added(template, tmp_path):
    table = rows.read(
        template.root / layout.outcome("task_addition", "mine", "pretrained", MODES[1], 5)
    )
    subset = table[(table["task"] == "own") & (table["metric"] == "accuracy_tuned")]
    expected = dict(zip(subset["sources"], subset["coefficient"]))
    assert expected
    for tasks, alpha in expected.items():
        wish = {"mode": MODES[1], "tasks": tasks.split("+")[::-1]}
        request = asked(template, "task_arithmetic", tmp_path / f"{tasks}.safetensors", wish=wish)
        about = export(request).merged.about
        assert (about["tasks"], about["alpha"]) == (tasks.split("+"), alpha)


def test_vectors_by_name_make_the_same_model(template, tmp_path):
    files = [
        template.root / layout.vector("mine", "pretrained", "standard", task, 5) for task in TASKS
    ]
    by_name = asked(
        template,
        "ties",
        tmp_path / "a.safetensors",
        results=None,
        vectors=files,
        alpha=0.5,
        wish={"model": "mine", "mode": None},
    )
    about = export(by_name).merged.about
    assert about["tasks"] == list(TASKS) and about["mode"] == "unknown-network"
    export(asked(template, "ties", tmp_path / "b.safetensors", alpha=0.5))
    first, second = (load_file(tmp_path / f"{name}.safetensors") for name in "ab")
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("name", ["peft", "state_dict"])
def test_checkpoints_of_others_by_name(name, template, tmp_path):
    """Adapters and state dicts whose τ is known, as folders of the hub and as files."""
    network = models.create(models.find("mine", template.custom))
    theta0 = {key: value.detach() for key, value in network.visual.named_parameters()}
    theta = published.fine_tuned(network)
    if name == "peft":
        paths = [tmp_path / "one", tmp_path / "two"]
        for path in paths:
            path.mkdir()
            published.adapter(theta, theta0, path / "adapter_model.safetensors")
    else:
        make = lambda: models.create(models.find("mine", template.custom))  # noqa: E731
        paths = [tmp_path / task / "model.safetensors" for task in TASKS]
        for path in paths:
            path.parent.mkdir()
            published.state_dict(make, theta, path)
    request = asked(
        template,
        "task_arithmetic",
        tmp_path / "a.safetensors",
        results=None,
        vectors=paths,
        layout=name,
        alpha=0.25,
        wish={"model": "mine", "mode": None},
    )
    merged = export(request).merged
    assert merged.about["tasks"] == list(TASKS) and merged.about["mode"] == f"{name}-network"
    key = "transformer.resblocks.1.attn.in_proj_weight"
    expected = theta0[key].double() + 0.5 * (theta[key].double() - theta0[key].double())
    torch.testing.assert_close(merged.tower[key].double(), expected, rtol=0, atol=1e-7)
    first, second = (merged.about["vectors"][task] for task in TASKS)
    assert first == second, "they are digests of the vectors"


def test_a_method_that_looks_at_images_finds_them_in_the_results(template, tmp_path):
    merger = merging.find("adamerging", {"steps": 2})
    request = asked(template, "ties", tmp_path / "a.safetensors", alpha=1.0)
    about = export(Request(**{**vars(request), "merger": merger})).merged.about
    assert about["hyper_parameters"]["adamerging.steps"] == 2


def test_a_method_that_looks_at_heads_finds_probes_as_well(run, tmp_path):
    """A folder whose heads are probes: the same numbers at another place make the same model."""
    merger = merging.find("adamerging", {"steps": 2})

    def tower() -> dict[str, Tensor]:
        request = asked(run, "ties", tmp_path / "a.safetensors", alpha=1.0, force=True)
        return export(Request(**{**vars(request), "merger": merger})).merged.tower

    prompts = tower()
    heads = (run.root / layout.head("mine", "pretrained", "any")).parent
    probes = (run.root / layout.head("mine", "pretrained", "any", layout.PROBE)).parent
    probes.parent.mkdir(parents=True)
    heads.rename(probes)
    torch.testing.assert_close(tower(), prompts, rtol=0, atol=0)
    heads.mkdir()
    (heads / "one.safetensors").touch()
    with pytest.raises(ValueError, match="heads of prompts and of probes for 'mine'.*move away"):
        tower()
    export(asked(run, "ties", tmp_path / "b.safetensors", alpha=1.0))  # which looks at none


@pytest.mark.parametrize(
    ("alpha", "is_said"), [(0.3, False), (1.0, False), (1.5, True), (-1.0, True)]
)
def test_a_coefficient_outside_of_the_grid_is_taken_and_said(alpha, is_said, template, tmp_path):
    written = export(asked(template, "task_arithmetic", tmp_path / "a.safetensors", alpha=alpha))
    assert written.merged.about["alpha"] == alpha
    assert written.note == (
        f"α = {alpha:g} lies outside of the grid of 'task_arithmetic', 0 to 1, on which it would "
        "have been selected."
        if is_said
        else ""
    )
