"""Our methods give what FusionBench, mergekit and the authors' code gave, or differ as explained.

See `oracle/README.md`. An explanation is tested from both sides: with it our method agrees, and
without it exactly the parameters that it speaks of disagree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from tangent_bench import merging, seeds
from tests.methods.oracle import inputs, towers
from tests.methods.oracle.inputs import SHAPES, Vector

FOLDER = Path(__file__).parent / "oracle"
SOURCES = {path.stem: safe_open(path, "pt") for path in sorted(FOLDER.glob("*.safetensors"))}
CASES = [
    (name, case) for name, file in SOURCES.items() for case in json.loads(file.metadata()["cases"])
]
CLOSE = 1e-5  # of the largest entry of a tensor
Explained = Callable[[str, dict, int], Vector]


def num_tasks(case: str) -> int:
    found = re.search(r"\bof (\d+)", case)
    return int(found[1]) if found else 3


def given_vectors(case: str) -> dict[str, Vector]:
    """Those that the case speaks of: of so many tasks, and perhaps at a fraction of their size."""
    found = re.search(r" at 1/(\d+)$", case)
    return inputs.vectors(num_tasks(case), 1 / int(found[1]) if found else 1.0)


def merge(method: str, given: dict, vectors: dict[str, Vector]) -> Vector:
    merger = merging.find(method, given)
    if merger.method.data != "none":
        return merger.prepare(vectors, towers.theta0(), data=towers.data(vectors))
    theta0 = {name: torch.zeros_like(tau) for name, tau in vectors["task0"].items()}
    return merger.prepare(vectors, theta0)


def apart(ours: Vector, theirs: Vector) -> set[str]:
    """Parameters that differ by more than `CLOSE`."""
    return {n for n in SHAPES if (ours[n] - theirs[n]).abs().max() > CLOSE * theirs[n].abs().max()}


def under(names: dict[str, str]) -> Explained:
    """Our method on vectors whose parameters bear other names, which say what they are."""

    def merged(method: str, given: dict, number: int) -> Vector:
        vectors = {
            t: {names.get(n, n): x for n, x in tau.items()}
            for t, tau in inputs.vectors(number).items()
        }
        direction = merge(method, given, vectors)
        return {name: direction[names.get(name, name)] for name in SHAPES}

    return merged


def by_rows(method: str, given: dict, number: int) -> Vector:
    """Our method on vectors whose rows are parameters of their own."""
    rows = {name: torch.Size(shape[:-1]).numel() for name, shape in SHAPES.items()}
    vectors = {
        t: {f"{n}.{k}": row for n, x in tau.items() for k, row in enumerate(x.reshape(rows[n], -1))}
        for t, tau in inputs.vectors(number).items()
    }
    direction = merge(method, given, vectors)
    return {
        n: torch.stack([direction[f"{n}.{k}"] for k in range(rows[n])]).reshape(SHAPES[n])
        for n in SHAPES
    }


def one_entry_fewer(method: str, given: dict, number: int) -> Vector:
    """mergekit rounds the number of kept entries down."""
    total = len(inputs.flat(inputs.vectors(1)["task0"]))
    return merge(method, {"keep": int(given["keep"] * total) / total}, inputs.vectors(number))


def towards_zero(method: str, given: dict, number: int) -> Vector:
    """WUDI's solution if its ridge ε pulls towards 0, not τ̄: X − ε τ̄ (Σ_t G_t + ε I)⁻¹."""
    vectors = inputs.vectors(number)
    direction = AS_STORED(method, given, number)
    for name in MATRICES:
        taus = torch.stack([tau[name] for tau in vectors.values()])
        grams = sum(tau.T @ tau / tau.square().sum() for tau in taus)
        ridge = given["ridge"] * torch.eye(taus.shape[2], dtype=torch.float64)
        direction[name] = direction[name] - given["ridge"] * taus.mean(0) @ torch.linalg.inv(
            grams + ridge
        )
    return direction


MATRICES = [name for name, shape in SHAPES.items() if len(shape) == 2]
EMBEDDING = {"positional_embedding": "position.weight"}
PROJECTION = {"proj": "last.weight"}
AS_STORED = under(EMBEDDING | PROJECTION)  # every 2-D tensor is a matrix, [outputs, inputs]
BOTH = {"positional_embedding", "proj"}
SMALLEST = {
    "conv1.weight",
    *(f"transformer.resblocks.{n}" for n in ("0.attn.in_proj_weight", "1.mlp.c_fc.weight")),
}
# (source, case) → the parameters that differ, and our method as they understand it
EXPLAINED: dict[tuple[str, str], tuple[set[str], Explained]] = {
    ("fusion_bench", "tsv_m of 3"): ({"positional_embedding"}, under(EMBEDDING)),
    ("fusion_bench", "iso_c"): ({"positional_embedding"}, under(EMBEDDING)),
    ("fusion_bench", "iso_cts 0.5"): (BOTH, AS_STORED),
    ("fusion_bench", "iso_cts 0.8"): (
        {"positional_embedding"},
        AS_STORED,
    ),  # all of the rank of `proj` is common
    ("fusion_bench", "svc 0.1"): (BOTH, AS_STORED),
    ("fusion_bench", "svc 1"): (BOTH, AS_STORED),
    ("merge_and_rebase", "wudi 1e-08"): (BOTH, AS_STORED),
    ("merge_and_rebase", "wudi 0.3"): (set(MATRICES), towards_zero),
    ("CART", "cart"): ({"proj"}, under({"proj": "averaged"})),
    ("breadcrumbs", "breadcrumbs"): (
        {name for name, shape in SHAPES.items() if len(shape) > 1},
        by_rows,
    ),
    ("mergekit", "ties"): (SMALLEST, one_entry_fewer),
}
DARE = [("fusion_bench", "dare"), ("MergeLM", "dare of 5")]
RANK = ("fusion_bench", "tsv_m of 5")


def stored(source: str, case: str) -> tuple[str, dict, Vector]:
    """The method, hyper-parameters and direction of a case."""
    method, given = json.loads(SOURCES[source].metadata()["cases"])[case]
    return method, given, inputs.unflat(SOURCES[source].get_tensor(case).double())


def test_inputs_are_those_that_were_merged():
    for source, file in SOURCES.items():
        assert file.metadata()["inputs"] == inputs.digest(), (
            f"{source}: run tests/methods/oracle/make.py again"
        )
        assert file.metadata()["source"] and len(file.metadata()["script"]) == 64


@pytest.mark.parametrize("key", [key for key in CASES if key not in (*DARE, RANK)], ids=" ".join)
def test_agreement(key):
    method, given, theirs = stored(*key)
    plain = apart(merge(method, given, given_vectors(key[1])), theirs)
    if key not in EXPLAINED:
        assert not plain
        return
    differing, explained = EXPLAINED[key]
    assert plain == differing
    assert not apart(explained(method, given, num_tasks(key[1])), theirs)


@pytest.mark.parametrize("key", DARE, ids=" ".join)
def test_dare_given_the_masks(key, monkeypatch):
    """Our draws replaced by 1 where they kept an entry and 0 where they dropped it."""
    method, given, theirs = stored(*key)
    total = len(inputs.flat(theirs))
    bits = np.unpackbits(
        SOURCES[key[0]].get_tensor(f"{key[1]}: masks").numpy(), axis=1, count=total
    )
    masks = {
        f"task{t}": inputs.unflat(torch.from_numpy(row.astype("f4"))) for t, row in enumerate(bits)
    }
    share = bits.mean()
    assert abs(share - (1 - given["drop"])) < 0.03, "standard error below 0.01"

    class Drawn:
        def __init__(self, *names):
            self.mask: Tensor = masks[names[2]][names[3]]

        def random(self, shape, dtype):
            assert self.mask.shape == tuple(shape)
            return self.mask.numpy()

    monkeypatch.setattr(seeds, "generator", Drawn)
    assert not apart(merge(method, given, inputs.vectors(num_tasks(key[1]))), theirs)


def test_more_tasks_than_rank():
    """⌊rank / T⌋ is 0 for five tasks and `proj` of rank 4.

    Their code then drops the layer; ours keeps one triplet.
    """
    method, given, theirs = stored(*RANK)
    explained = under(EMBEDDING)(method, given, 5)
    assert apart(explained, theirs) == {"proj"}
    assert not theirs["proj"].any() and torch.linalg.matrix_rank(explained["proj"]) == 4


@pytest.mark.parametrize(
    "method", ["tsv_m", "iso_c", "iso_cts", "cart", "wudi", "svc+task_arithmetic"]
)
def test_float32_vectors_give_the_same(method):
    """Spectral methods take another way for float32: still within the agreement asked of all."""
    plain = merge(method, {}, inputs.vectors(3))
    single = merge(
        method,
        {},
        {t: {n: x.float() for n, x in tau.items()} for t, tau in inputs.vectors(3).items()},
    )
    assert not apart({name: value.double() for name, value in single.items()}, plain)


def test_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.safetensors")) < 200_000
