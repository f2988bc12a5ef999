"""Merged models as folders of FusionBench."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tangent_bench import checkpoints, models
from tangent_bench.export import export
from tangent_bench.store import artefacts, layout
from tests.export.merged_run import Run, asked
from tests.results_folder import TASKS, save_vector


def _with_projection_of_theta0(run: Run, task: str, value: float) -> None:
    path = run.root / layout.vector("mine", "pretrained", "standard", task, 5)
    arrays, about = artefacts.load(path, "vector")
    arrays["proj"] = np.full_like(arrays["proj"], value)
    save_vector(run.root, task, arrays, about["theta0"])


def test_fusionbench_has_no_projection_and_takes_none_that_moved(run, tmp_path):
    for task in TASKS:
        _with_projection_of_theta0(run, task, 0.0)
    out = tmp_path / "a"
    request = asked(run, "task_arithmetic", out, alpha=0.5, format="fusionbench")
    merged = export(request).merged
    tensors = load_file(out / "model.safetensors")
    assert all(name.startswith("vision_model.") for name in tensors)
    assert json.loads((out / "config.json").read_text())["architectures"] == ["CLIPVisionModel"]
    tau = checkpoints.load("fusionbench", out, models.create(models.find("mine", run.custom)))
    theta0 = run.results.network.theta0
    assert all(
        torch.equal(v, (merged.tower[k].double() - theta0[k].double()).float())
        for k, v in tau.items()
    )
    _with_projection_of_theta0(run, "two", 0.1)
    words = "projection of the pre-trained CLIP, and the vector of 'two' changes it"
    with pytest.raises(ValueError, match=words):
        export(asked(run, "task_arithmetic", tmp_path / "b", alpha=0.5, format="fusionbench"))
    assert not (tmp_path / "b").exists()
