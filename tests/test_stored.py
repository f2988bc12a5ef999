"""Vectors that stay in their files: the same numbers, and little memory however many there are."""

from __future__ import annotations

import subprocess
import sys
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch

from tangent_bench import merging
from tangent_bench.jobs import memory
from tangent_bench.store import artefacts
from tangent_bench.tangent.vectors import Stored, require_same

SHAPES = {
    "transformer.resblocks.0.attn.out_proj.weight": (6, 4),
    "transformer.resblocks.1.ln_1.bias": (5,),
    "proj": (4, 3),
}
NUM_TASKS = 12
NUM_TENSORS = 60
SHAPE = (250, 200)  # 12 MB a vector; of ViT-B/32 the largest matrix is a 36th


@pytest.fixture
def stored(tmp_path):
    found = {}
    for k in range(3):
        arrays = {
            key: np.random.default_rng([k, len(key)]).standard_normal(s).astype("f4")
            for key, s in SHAPES.items()
        }
        artefacts.save(tmp_path / f"{k}.safetensors", "vector", arrays, task=f"task{k}")
        found[f"task{k}"] = Stored(tmp_path / f"{k}.safetensors")
    return found


def test_it_is_the_vector(stored, tmp_path):
    arrays, about = artefacts.load(tmp_path / "1.safetensors", "vector")
    vector = stored["task1"]
    assert vector.about == about and set(vector) == set(SHAPES) and len(vector) == 3
    assert all(np.array_equal(vector[key].numpy(), arrays[key]) for key in SHAPES)
    vector["proj"].zero_()
    assert vector["proj"].any(), "what was read is nobody else's"


def test_types_are_those_of_the_tensors_without_reading(tmp_path, monkeypatch):
    types = {"a": torch.int64, "b": torch.float32, "c": torch.float64}
    arrays = {key: torch.ones(3, dtype=dtype).numpy() for key, dtype in types.items()}
    artefacts.save(tmp_path / "0.safetensors", "vector", arrays, task="task0")
    vector = Stored(tmp_path / "0.safetensors")
    assert {key: vector[key].dtype for key in vector} == types
    monkeypatch.setattr(Stored, "__getitem__", lambda self, key: pytest.fail(f"{key} was read"))
    assert {key: vector.dtype(key) for key in vector} == types


@pytest.mark.parametrize(
    "name", ["task_arithmetic", "ties", "dare", "consensus", "pcb", "tsv_m", "lines+iso_c"]
)
def test_merging_gives_what_it_gives_in_memory(stored, name):
    theta0 = {key: torch.zeros(shape) for key, shape in SHAPES.items()}
    merger = merging.find(name)
    plain = merger.prepare({task: dict(vector) for task, vector in stored.items()}, theta0)
    found = merger.prepare(stored, theta0)
    assert all(torch.equal(plain[key], found[key]) for key in SHAPES)


def test_shapes_are_compared_without_reading(stored, monkeypatch):
    monkeypatch.setattr(Stored, "__getitem__", lambda self, key: pytest.fail(f"{key} was read"))
    require_same(stored["task0"], stored["task1"])
    with pytest.raises(
        ValueError, match=r"'proj' has shape \(4, 3\) in 'mine' and \(3, 4\) in 'other'"
    ):
        require_same(
            stored["task0"],
            {k: torch.zeros(s[::-1] if k == "proj" else s) for k, s in SHAPES.items()},
            "mine",
            "other",
        )


def test_a_damaged_or_another_file_is_refused(tmp_path, stored):
    whole = bytearray((tmp_path / "0.safetensors").read_bytes())
    whole[-5] ^= 1
    (tmp_path / "0.safetensors").write_bytes(whole)
    with pytest.raises(ValueError, match=r"0\.safetensors is damaged"):
        Stored(tmp_path / "0.safetensors")
    with pytest.raises(ValueError, match="Missing file"):
        Stored(tmp_path / "9.safetensors")


PROGRAM = """
import sys
import numpy as np
import torch
from tangent_bench.store import artefacts
from tangent_bench.jobs import memory
from tangent_bench import merging
from tangent_bench.tangent.vectors import Stored
from tangent_bench.testing import quick

folder, num_tasks, num_tensors, height, width, *names = sys.argv[1:]
keys, shape = [f"{k}.weight" for k in range(int(num_tensors))], (int(height), int(width))
for task in range(int(num_tasks)):
    random = np.random.default_rng(task)
    arrays = {key: random.standard_normal(shape).astype("f4") for key in keys}
    artefacts.save(f"{folder}/{task}.safetensors", "vector", arrays)
theta0, vectors = {key: torch.zeros(shape) for key in keys}, {}
for task in range(int(num_tasks)):
    vectors[str(task)] = Stored(f"{folder}/{task}.safetensors")
with memory.apart():
    for name in names:
        merger = quick(merging.find(name))  # steps take time, no memory
        few = {key: value[:9] for key, value in theta0.items()}
        # Imports and buffers, of as many tasks, are not counted: they do not grow with the model.
        merger.prepare(dict.fromkeys(vectors, few), few)
        print(memory.peak(lambda: merger.prepare(vectors, theta0)))
"""
STREAMING = [
    "task_arithmetic",
    "weight_average",
    "ties",
    "dare",
    "consensus",
    "magmax",
    "breadcrumbs",
    "model_stock",
    "pcb",
]
SPECTRAL = ["tsv_m", "iso_c", "iso_cts", "wudi", "cart", "svc+task_arithmetic"]


@pytest.mark.alone
@pytest.mark.skipif(not memory.RESET.exists(), reason="peak memory is read as Linux tells it")
@pytest.mark.parametrize(
    "names",
    [
        STREAMING,
        pytest.param(SPECTRAL, marks=pytest.mark.full),  # decompositions: minutes
    ],
    ids=["streaming", "spectral"],
)
def test_memory_is_at_most_two_and_a_half_models(tmp_path, names):
    """A method that held all twelve vectors would need thirteen models."""
    command = [
        sys.executable,
        "-c",
        PROGRAM,
        tmp_path,
        *map(str, (NUM_TASKS, NUM_TENSORS, *SHAPE)),
        *names,
    ]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True
    )
    peaks = zip(names, done.stdout.split(), strict=True)
    models = {name: int(peak) / (4 * NUM_TENSORS * prod(SHAPE)) for name, peak in peaks}
    assert min(models.values()) > 0.9 and max(models.values()) < 2.5, models
