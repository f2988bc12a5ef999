"""Checkpoints put together at random: every tensor of the tower is read exactly, or a true sentence
says why not.
"""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from tangent_bench import checkpoints, models
from tests.checkpoints import published
from tests.weights import containers
from tests.weights.containers import CONTAINERS, FILES, PREFIXES

CASES = 250
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
WHOLES = ("tower", "visual", "model", "transformers")
# A flaw, and what its sentence says; it may show in another way where several names are tried.
FLAWS = {
    "none": "",
    "a name too few": " lacks |holds an image tower alone",
    "another shape": "shape",
    "not finite": "no numbers|no finite numbers",
    "integers": "torch.int8",
    "an array": "not as a tensor|lacks ",
    "LoRA": "LoRA adapter",
    "two that differ": "two towers",
}


@dataclass(frozen=True)
class Case:
    """What is drawn for one file."""

    whole: str
    prefix: str
    container: str
    file: str
    dtype: torch.dtype
    flaw: str


def draw(number: int) -> Case:
    chance = random.Random(number)
    return Case(
        whole=chance.choice(WHOLES),
        prefix=chance.choice(PREFIXES),
        container=chance.choice(list(CONTAINERS)),
        file=chance.choice(FILES),
        dtype=chance.choice(DTYPES),
        flaw=chance.choice(["none", *FLAWS]),
    )


@pytest.fixture(scope="module")
def wholes(model, network, tmp_path_factory) -> dict[str, dict[str, Tensor]]:
    """θ* by the names of each kind of file."""
    from safetensors.torch import load_file

    theta = published.fine_tuned(network)
    path = published.vision_model(theta, tmp_path_factory.mktemp("theirs") / "a.safetensors")
    return {
        "tower": theta,
        "visual": {f"visual.{key}": value for key, value in theta.items()},
        "model": dict(published.put(models.create(model, "random", 3), theta).state_dict()),
        "transformers": load_file(path),
    }


def flawed(state: dict, flaw: str, anchor: str) -> dict:
    """The state dict with something wrong at the parameter `anchor`."""
    value = state[anchor]
    changed = {
        "a name too few": {},
        "another shape": {anchor: torch.cat([value, value])},
        "not finite": {anchor: value * float("nan")},
        "integers": {anchor: value.to(torch.int8)},
        "an array": {anchor: np.zeros(tuple(value.shape), np.float32)},
        "LoRA": {anchor: value, f"{anchor}.lora_A.weight": torch.ones(2, 2)},
        "two that differ": state,
        "none": state,
    }[flaw]
    return {key: v for key, v in state.items() if key != anchor} | changed


def build(case: Case, wholes: dict, folder):
    """The file of a case, or None where no such file can be."""
    state = {key: value.to(case.dtype) for key, value in wholes[case.whole].items()}
    anchor = next(key for key in state if "class_embedding" in key)
    state = flawed(state, case.flaw, anchor)
    prefixed = {f"{case.prefix}{key}": value for key, value in state.items()}
    content = CONTAINERS[case.container](prefixed)
    if case.flaw == "two that differ":
        other = {k: v + 1 if isinstance(v, Tensor) else v for k, v in prefixed.items()}
        content = {"ema": other, "first": content}
    if not containers.can_hold(content, case.file):
        case = replace(case, file=("archive", "older format")[len(case.prefix) % 2])
    return containers.save(content, folder, case.file)


@pytest.mark.full
@pytest.mark.parametrize("number", range(CASES))
def test_a_file_is_read_exactly_or_refused_in_true_words(
    number, wholes, network, model, tmp_path, caplog
):
    case = draw(number)
    path = build(case, wholes, tmp_path)
    name = "fusionbench" if case.whole == "transformers" else "state_dict"
    caplog.set_level(logging.WARNING)
    if case.flaw != "none":
        _refused(lambda: checkpoints.load(name, path, network), FLAWS[case.flaw])
        _refused(lambda: models.create(replace(model, weights=str(path))), "")
        return
    tau = checkpoints.load(name, path, network)
    for key, value in network.visual.named_parameters():
        kept = wholes["tower"][key].to(case.dtype).double()
        if (case.whole, key) == ("transformers", "proj"):
            kept = value.double()
        assert torch.equal(tau[key], (kept - value.double()).float()), (case, key)
    own = replace(model, weights=str(path))
    if case.whole == "model":
        for key, value in models.create(own).state_dict().items():
            assert torch.equal(value, wholes["model"][key].to(case.dtype).float()), (case, key)
    else:
        _refused(lambda: models.create(own), "holds an image tower alone")


def _refused(read, words: str) -> None:
    with pytest.raises(ValueError, match=words or ".") as caught:
        read()
    sentence = str(caught.value)
    assert "\n" not in sentence and sentence.endswith((".", "?")), sentence


def test_cases_differ_and_cover_all():
    drawn = [draw(number) for number in range(CASES)]
    assert len(set(drawn)) > 0.9 * CASES
    for field, values in {
        "whole": WHOLES,
        "prefix": PREFIXES,
        "container": CONTAINERS,
        "file": FILES,
        "dtype": DTYPES,
        "flaw": FLAWS,
    }.items():
        assert {getattr(case, field) for case in drawn} == set(values)
