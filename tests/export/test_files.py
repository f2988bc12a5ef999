"""What stands in the files of merged models."""

from __future__ import annotations

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import tangent_bench
from tangent_bench import checkpoints, models
from tangent_bench.export import export, load_tangent
from tangent_bench.store import artefacts, layout
from tangent_bench.tangent.linearize import differentiable_attention
from tangent_bench.tangent.vectors import Stored
from tests.export.merged_run import METHODS, MODES, asked
from tests.results_folder import TASKS


def test_weights_are_theta0_and_alpha_times_the_direction(template, tmp_path):
    out = tmp_path / "a.safetensors"
    export(asked(template, "ties", out, alpha=0.7))
    state = load_file(out)
    theta0 = template.results.network.theta0
    direction = Stored(
        template.root / layout.merged("mine", "pretrained", "standard", METHODS["ties"].label, 5)
    )
    for name, value in theta0.items():
        expected = value.double() + 0.7 * direction[name].double()
        torch.testing.assert_close(
            state.pop(f"visual.{name}").double(), expected, rtol=0, atol=1e-6
        )
    original = load_file(template.custom["mine"]["weights"])
    assert all(torch.equal(value, original[name]) for name, value in state.items())


def test_our_own_layouts_read_back_alpha_times_the_direction(template, tmp_path):
    network = models.create(models.find("mine", template.custom))
    written = {
        "state_dict": (tmp_path / "a.safetensors", "open_clip"),
        "fusionbench": (tmp_path / "hf", "huggingface"),
    }
    for name, (out, kind) in written.items():
        merged = export(asked(template, "ties", out, alpha=0.5, format=kind)).merged
        tau = checkpoints.load(name, out, network)
        theta0 = template.results.network.theta0
        for key, value in tau.items():
            expected = merged.tower[key].double() - theta0[key].double()
            assert torch.equal(value.double(), expected.float().double())


@pytest.mark.parametrize("mode", MODES)
def test_the_header_says_what_was_merged(mode, template, tmp_path):
    out = tmp_path / "a.safetensors"
    export(asked(template, "ties", out, alpha=0.7, wish={"mode": mode}))
    kind = "tangent model" if "tangent" in mode else "merged model"
    _, about = artefacts.load(out, kind)
    path = layout.vector("mine", "pretrained", "standard", "one", 5)
    expected = {
        "tasks": list(TASKS),
        "method": "ties",
        "hyper_parameters": {"ties.keep": 0.4},
        "alpha": 0.7,
        "alpha_selected": False,
        "model": "mine",
        "architecture": "test-small",
        "init": "pretrained",
        "mode": mode,
        "seed": 5,
        "theta0": template.results.network.digest,
        "tangent_bench": tangent_bench.__version__,
    }
    assert {key: about[key] for key in expected} == expected
    assert about["vectors"]["one"] == Stored(template.root / path).about["sha256"]
    with safe_open(out, framework="pt") as file:
        assert (file.metadata().get("format") == "pt") == (kind == "merged model")


def test_a_tangent_model_is_the_sum_of_f_and_its_product(template, tmp_path):
    """f_lin by a generic product in float64, of the file's own tensors."""
    out = tmp_path / "a.safetensors"
    export(asked(template, "task_arithmetic", out, alpha=0.3, wish={"mode": "standard-tangent"}))
    model = load_tangent(out)
    images = template.results.prepared("one", "test").tensor()[:3]
    network = models.create(models.find("mine", template.custom)).visual.double()
    theta0 = {name: value.double() for name, value in model.theta0.items()}
    state = load_file(out)
    tau = {name: state[f"tau/{name}"].double() for name in theta0}

    def function(theta):
        return torch.func.functional_call(network, theta, (images.double(),))

    with differentiable_attention():
        base, change = torch.func.jvp(function, (theta0,), (tau,))
    torch.testing.assert_close(
        model.encode_image(images).double(), base + change, rtol=0, atol=1e-5
    )
    tokens = models.tokenizer(models.find("mine", template.custom))(["a digit"])
    original = models.create(models.find("mine", template.custom))
    assert torch.equal(model.encode_text(tokens), original.encode_text(tokens))
    assert model.about["alpha"] == 0.3


def test_a_tangent_file_is_a_model_at_theta0_for_whoever_reads_weights(template, tmp_path):
    out = tmp_path / "a.safetensors"
    export(asked(template, "ties", out, wish={"mode": "standard-tangent"}))
    entry = {**template.custom["mine"], "weights": str(out)}
    network = models.create(models.find("mine", {"mine": entry}))
    original = models.create(models.find("mine", template.custom))
    for name, value in network.state_dict().items():
        assert torch.equal(value, original.state_dict()[name])


@pytest.mark.parametrize(
    ("name", "words"), [("other.safetensors", "Missing file"), ("a.safetensors", "expected 'tan")]
)
def test_what_is_no_tangent_model_is_refused(name, words, template, tmp_path):
    export(asked(template, "ties", tmp_path / "a.safetensors"))
    with pytest.raises(ValueError, match=words):
        load_tangent(tmp_path / name)
