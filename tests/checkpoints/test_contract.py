"""Every layout gives the same vector, and one sentence for whatever is wrong with a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from tangent_bench import checkpoints, models, registry
from tests import small
from tests.checkpoints import published

NAMES = registry.names("checkpoints")
# Parameters that a file in this layout has not, so that τ is 0 there.
ABSENT = {
    "fusionbench": ("proj",),  # that of the pre-trained model is kept
    "peft": ("class_embedding", "positional_embedding", "proj"),  # of no module
}


@pytest.fixture(scope="module")
def make(clip_folder) -> Callable[[], torch.nn.Module]:
    """The pre-trained model, a fresh one at each call."""
    return lambda: models.create(small.clip_model(clip_folder), "random", 3)


@pytest.fixture(scope="module")
def network(make):
    return make()


@pytest.fixture(scope="module")
def theta(network):
    return published.fine_tuned(network)


@pytest.fixture(scope="module")
def files(make, theta, tmp_path_factory) -> dict[str, Path]:
    """A checkpoint with θ* in each layout."""
    folder = tmp_path_factory.mktemp("published")
    theta0 = dict(make().visual.named_parameters())
    return {
        "fusionbench": published.vision_model(theta, folder / "model.safetensors"),
        "ilharco": published.image_encoder(make, theta, folder / "finetuned.pt"),
        "linearized": published.linearized(make, theta, folder / "linear_finetuned.pt"),
        "peft": published.adapter(theta, theta0, folder / "adapter_model.safetensors"),
        "state_dict": published.state_dict(make, theta, folder / "whole.safetensors"),
    }


def refusal(name: str, path: Path, network) -> str:
    with pytest.raises(ValueError) as caught:
        checkpoints.load(name, path, network)
    sentence = str(caught.value)
    assert "\n" not in sentence and str(path) in sentence and sentence.endswith((".", "?"))
    return sentence


def test_every_layout_is_tested(files):
    assert list(files) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_fields_are_valid(name):
    about = registry.load("checkpoints", name).LAYOUT
    assert isinstance(about, checkpoints.Layout) and about.title and about.holds and about.reference


@pytest.mark.parametrize("name", NAMES)
def test_the_vector_is_the_difference_of_the_weights(name, files, network, theta):
    tau = checkpoints.load(name, files[name], network)
    theta0 = dict(network.visual.named_parameters())
    assert list(tau) == list(theta0)
    for key, value in theta0.items():
        is_absent = key in ABSENT.get(name, ())
        expected = torch.zeros_like(value) if is_absent else theta[key] - value
        assert torch.equal(tau[key], expected), key
        assert tau[key].dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_a_wrong_layout_is_answered_with_the_right_one(name, other, files, network):
    if name != other:
        sentence = refusal(name, files[other], network)
        assert f"not in layout {name!r}" in sentence and f"looks like layout {other!r}" in sentence


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_named(name, share, files, network, tmp_path):
    path = tmp_path / files[name].name
    content = files[name].read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert "download" in refusal(name, path, network)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "content",
    [
        b"version https://git-lfs.github.com/spec/v1\n",
        b"<html></html>",
        b"\x80\x02.",
        b"PK\x03\x04",
    ],
)
def test_a_file_that_is_none_is_named(name, content, files, network, tmp_path):
    path = tmp_path / files[name].name
    path.write_bytes(content)
    refusal(name, path, network)


@pytest.fixture(scope="module")
def wider(clip_folder) -> torch.nn.Module:
    """Another architecture with the same names."""
    model = small.clip_model(clip_folder)
    config = {**small.CONFIG, "vision_cfg": {**small.CONFIG["vision_cfg"], "mlp_ratio": 3.0}}
    return _created(model, config, clip_folder / "test-wider.json")


@pytest.fixture(scope="module")
def deeper(clip_folder) -> torch.nn.Module:
    """Another architecture with more names."""
    model = small.clip_model(clip_folder)
    config = {**small.CONFIG, "vision_cfg": {**small.CONFIG["vision_cfg"], "layers": 3}}
    return _created(model, config, clip_folder / "test-deeper.json")


def _created(model, config: dict, file: Path):
    import json
    from dataclasses import replace

    file.write_text(json.dumps(config), encoding="utf-8")
    return models.create(replace(model, architecture=file.stem, config=str(file)), "random", 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_of_another_width_is_refused(name, files, wider):
    sentence = refusal(name, files[name], wider)
    assert "shape" in sentence and "mlp.c_fc" in sentence


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_that_lacks_parameters_is_refused(name, files, deeper):
    assert " lacks " in refusal(name, files[name], deeper)


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_with_parameters_too_many_is_refused(
    name, deeper, network, tmp_path, clip_folder
):
    theta = published.fine_tuned(deeper)
    vision = {**small.CONFIG["vision_cfg"], "layers": 3}
    config = {**small.CONFIG, "vision_cfg": vision}

    def make():
        return _created(small.clip_model(clip_folder), config, clip_folder / "test-deeper.json")

    path = {
        "fusionbench": lambda: published.vision_model(theta, tmp_path / "a.safetensors"),
        "ilharco": lambda: published.image_encoder(make, theta, tmp_path / "a.pt"),
        "linearized": lambda: published.linearized(make, theta, tmp_path / "a.pt"),
        "peft": lambda: published.adapter(
            theta, dict(deeper.visual.named_parameters()), tmp_path / "a.safetensors"
        ),
        "state_dict": lambda: published.state_dict(make, theta, tmp_path / "a.safetensors"),
    }[name]()
    assert "the model lacks" in refusal(name, path, network)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "peft"])
def test_a_checkpoint_of_another_pretraining_is_refused(name, files, clip_folder):
    other = models.create(small.clip_model(clip_folder), "random", 4)
    sentence = refusal(name, files[name], other)
    assert ("θ0 of its own" if name == "linearized" else "another pre-training") in sentence


def test_an_adapter_does_not_tell_its_pretraining(files, network, clip_folder):
    other = models.create(small.clip_model(clip_folder), "random", 4)
    tau = checkpoints.load("peft", files["peft"], other)
    expected = checkpoints.load("peft", files["peft"], network)
    matrices = [key for key, value in expected.items() if value.ndim > 1]  # not kept whole
    assert all(torch.equal(tau[key], expected[key]) for key in matrices)


def test_values_that_are_no_numbers_are_refused(files, network, tmp_path):
    state = load_file(files["state_dict"])
    state["visual.conv1.weight"][0, 0, 0, 0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    assert "no numbers" in refusal("state_dict", tmp_path / "nan.safetensors", network)


# Each layout's own


@pytest.mark.parametrize("prefix", ["model.visual.", "visual.", ""])
@pytest.mark.parametrize("ending", ["safetensors", "pt"])
def test_state_dicts_of_tower_model_and_encoder(prefix, ending, theta, network, tmp_path):
    state = {f"{prefix}{key}": value.half() for key, value in theta.items()}
    path = tmp_path / f"a.{ending}"
    save_file(state, path) if ending == "safetensors" else torch.save(state, path)
    tau = checkpoints.load("state_dict", path, network)
    assert all(
        torch.equal(tau[k], v.half().float() - p)
        for (k, v), p in zip(theta.items(), network.visual.parameters())
    )


def test_a_module_of_the_older_format(make, theta, network, files, tmp_path):
    path = published.image_encoder(make, theta, tmp_path / "old.pt", archive=False)
    tau, expected = (
        checkpoints.load("ilharco", file, network) for file in (path, files["ilharco"])
    )
    assert path.read_bytes()[:1] == b"\x80" and all(
        torch.equal(tau[k], expected[k]) for k in expected
    )


@pytest.mark.parametrize("swap", [("ln_1.weight", "ln_2.weight"), ("ln_1.bias", "ln_2.bias")])
def test_permuted_positions_are_refused(swap, files, make, tmp_path):
    """Two parameters of one shape: only their values at θ0 tell them apart."""
    network = make()
    names = [n for n, _ in network.named_parameters() if not n.startswith("transformer.")]
    first, second = (names.index(f"visual.transformer.resblocks.1.{name}") for name in swap)
    with torch.no_grad():  # as drawn, all scales are 1 and all shifts 0
        changed = {
            k: v.clone() for k, v in torch.load(files["linearized"]).items() if k != "model_name"
        }
        for k, parameter in enumerate(p for n, p in network.named_parameters() if n in names):
            if k in (first, second):
                parameter += 0.1 * k
                changed[f"model.params.{k}"] += 0.1 * k
                changed[f"model.params0.{k}"] += 0.1 * k
    torch.save(changed, tmp_path / "right.pt")
    checkpoints.load("linearized", tmp_path / "right.pt", network)
    for which in ("params", "params0"):
        a = f"model.{which}.{first}"
        b = f"model.{which}.{second}"
        changed[a], changed[b] = changed[b], changed[a]
    torch.save(changed, tmp_path / "permuted.pt")
    assert "another order" in refusal("linearized", tmp_path / "permuted.pt", network)


def test_positions_of_another_shape_are_refused(files, network, tmp_path):
    state = torch.load(files["linearized"])
    for which in ("params", "params0"):
        state[f"model.{which}.3"], state[f"model.{which}.4"] = (
            state[f"model.{which}.4"],
            state[f"model.{which}.3"],
        )
    torch.save(state, tmp_path / "a.pt")
    assert "'visual.class_embedding'" in refusal("linearized", tmp_path / "a.pt", network)


def test_linear_checkpoint_of_another_number_of_parameters(files, network, tmp_path):
    state = torch.load(files["linearized"])
    removed = {k: v for k, v in state.items() if k != "model.params.7"}
    torch.save(removed, tmp_path / "a.pt")
    assert "lacks 'model.params.7'" in refusal("linearized", tmp_path / "a.pt", network)
    torch.save(state | {"model.params.999": torch.zeros(2)}, tmp_path / "b.pt")
    assert "'model.params.999'" in refusal("linearized", tmp_path / "b.pt", network)


def test_a_convolutional_model_has_no_vision_model(files, tmp_path):
    class Tower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.visual = torch.nn.Sequential(torch.nn.Linear(2, 2))

    assert "(layout 'state_dict')" in refusal("fusionbench", files["fusionbench"], Tower())


def test_what_fine_tuning_elsewhere_moved_beside_the_parameters_is_no_vector():
    network = SimpleNamespace(visual=torch.nn.Sequential(torch.nn.BatchNorm2d(3)))
    with pytest.raises(ValueError, match=r"a\.pt cannot be read.*'0' of the model keeps running"):
        checkpoints._require_no_statistics(network, Path("a.pt"))
