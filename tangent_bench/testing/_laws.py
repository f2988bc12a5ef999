"""The laws: each takes a `Merger` and says what is wrong, or "" if nothing is.

Vectors are those of a made-up image tower: matrices in two blocks, a convolution, embeddings, parameters of one
dimension and of none, and one of integers, which does not move. Methods that need data get that tower and made-up
images.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from tangent_bench.merging import Merger
from tangent_bench.methods import DATA, STORAGE, Data
from tangent_bench.seeds import generator
from tangent_bench.testing import _tower

SHAPES = {
    "conv1.weight": (4, 3, 2, 2),
    "positional_embedding": (5, 4),
    "transformer.resblocks.0.attn.in_proj_weight": (12, 4),
    "transformer.resblocks.0.ln_1.bias": (4,),
    "transformer.resblocks.1.mlp.c_fc.weight": (8, 4),
    "transformer.resblocks.1.mlp.c_fc.bias": (8,),
    "proj": (4, 6),
    "scale": (),
}
TASKS = "one", "two", "three"
EXCEPTABLE = "one task", "task order", "scaling"
WITH_DATA = (*EXCEPTABLE, "sign")  # a network is not odd in its weights
TIGHT = 1e-9  # of entries of size 1 in float64
Vectors = dict[str, dict[str, Tensor]]


def vectors(*tasks: str, factor: float = 1.0, dtype: torch.dtype = torch.float64) -> Vectors:
    """Vectors of these tasks, standard normal; the same for the same name."""
    return {task: _drawn(task, factor, dtype) for task in tasks}


def _drawn(name: str, factor: float, dtype: torch.dtype) -> dict[str, Tensor]:
    drawn = {
        key: generator("testing", name, key).standard_normal(shape) for key, shape in SHAPES.items()
    }
    moved = {key: torch.as_tensor(factor * value, dtype=dtype) for key, value in drawn.items()}
    return moved | {"counter": torch.zeros(2, dtype=torch.int64)}


def theta0(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """What the vectors were fine-tuned from."""
    return _drawn("theta0", 1.0, dtype) | {"counter": torch.tensor([3, 1])}


def quick(merger: Merger) -> Merger:
    """With the values that its hyper-parameters are to be checked at."""
    asked = {
        f"{n}.{key}": p.quick
        for n, module in merger.links
        for key, p in module.METHOD.parameters.items()
    }
    return replace(
        merger, values=dict(merger.values) | {key: v for key, v in asked.items() if v is not None}
    )


def merge(
    merger: Merger, given: Vectors, seed: int = 0, data: Data | None = None
) -> dict[str, Tensor]:
    """The direction; a method that needs data and is given none here gets made-up ones."""
    start, kind = theta0(next(iter(given.values()))["proj"].dtype), merger.method.data
    if kind != "none" and data is None:
        data = _tower.data(start, kind)
    return merger.prepare(given, start, seed, data)


def _distance(a: dict[str, Tensor], b: dict[str, Tensor]) -> float:
    """The largest difference of two entries; no number if one of them is none."""
    return float(torch.stack([(a[key].double() - b[key].double()).abs().max() for key in a]).max())


def _times(factor: float, direction: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: factor * value for key, value in direction.items()}


def _same(merger: Merger, law: str, found: dict, expected: dict, words: str) -> str:
    """What is wrong if `found` is not `expected`; with an exception declared, if it is."""
    reasons = [m.METHOD.exceptions[law] for _, m in merger.links if law in m.METHOD.exceptions]
    distance = _distance(found, expected)
    if reasons and distance < TIGHT:
        return f"it is declared as an exception ({reasons[0]}), but kept; remove it from METHOD.exceptions"
    if reasons or distance < TIGHT:
        return ""
    return f"{words}, but entries differ by up to {distance:.3g}"


def _fields(merger: Merger) -> str:
    for name, module in merger.links:
        method = module.METHOD
        possible = EXCEPTABLE if method.data == "none" else WITH_DATA
        odd = sorted(set(method.exceptions) - set(possible))
        if odd:
            return f"'{name}' declares an exception from {odd[0]!r}; exceptions are possible from {possible}"
        if not (
            method.title and method.reference and method.data in DATA and method.storage in STORAGE
        ):
            return f"'{name}' needs a title, a reference, data among {DATA} and storage among {STORAGE}"
        for key, parameter in method.parameters.items():
            parameter.check(f"{name}.{key}", parameter.default)
    first, last, count = merger.method.coefficients or (0.0, 1.0, 2)
    one, many = count == 1 and first == last, count > 1 and first < last
    return (
        ""
        if one or many
        else f"its grid of α is {merger.method.coefficients}; expected (first, last, count)"
    )


def _fit(merger: Merger) -> str:
    for dtype in (torch.float32, torch.float64):
        given = vectors(*TASKS, dtype=dtype)
        before = vectors(*TASKS, dtype=dtype)
        direction = merge(merger, given)
        for key, tensor in theta0(dtype).items():
            found = direction[key]
            if found.dtype != tensor.dtype:
                return f"{key} of the direction is {found.dtype}; expected {tensor.dtype}, as the vectors are"
            if not bool(torch.isfinite(found).all()):
                return f"{key} of the direction has entries that are no finite numbers"
        if any(
            not torch.equal(before[task][key], given[task][key])
            for task in given
            for key in given[task]
        ):
            return "a vector was changed; expected inputs to stay as they are"
        if direction["counter"].any():
            return f"integers move by {direction['counter'].tolist()}; expected zeros"
    return ""


def _one_task(merger: Merger) -> str:
    one = vectors("one")
    return _same(
        merger,
        "one task",
        merge(merger, one),
        one["one"],
        "the direction of one task should be its vector",
    )


def _order(merger: Merger) -> str:
    found = [merge(merger, vectors(*tasks)) for tasks in (TASKS, ("three", "one", "two"))]
    return _same(
        merger, "task order", *found, "another order of tasks should give the same direction"
    )


def _scaling(merger: Merger) -> str:
    plain, longer = merge(merger, vectors(*TASKS)), merge(merger, vectors(*TASKS, factor=2.5))
    return _same(
        merger,
        "scaling",
        longer,
        _times(2.5, plain),
        "vectors 2.5 times as long should give 2.5 times as much",
    )


def _sign(merger: Merger) -> str:
    plain, back = merge(merger, vectors(*TASKS)), merge(merger, vectors(*TASKS, factor=-1.0))
    return _same(
        merger, "sign", back, _times(-1.0, plain), "vectors turned round should turn the direction"
    )


def _side(merger: Merger) -> str:
    """⟨direction, Σ τ⟩ > 0: it goes where the vectors go."""
    given = vectors(*TASKS)
    direction = merge(merger, given)
    along = sum(
        float((direction[key] * given[task][key]).sum()) for task in given for key in SHAPES
    )
    return (
        ""
        if along > 0
        else f"the direction points away from the sum of the vectors (product {along:.3g})"
    )


def _seed(merger: Merger) -> str:
    first, again = (merge(merger, vectors(*TASKS), seed=4) for _ in range(2))
    return (
        ""
        if all(torch.equal(first[k], again[k]) for k in first)
        else "the same seed gave other bits"
    )


def _nothing(merger: Merger) -> str:
    direction = merge(merger, vectors("one", "two", factor=0.0))
    moved = [key for key, value in direction.items() if not bool((value == 0).all())]
    return f"vectors of zeros move {moved[0]}" if moved else ""


def _sum(merger: Merger) -> str:
    if not merger.is_sum:
        return ""
    for tasks in (("one",), TASKS, ("three", "one")):
        weights, given = merger.weights(tasks), vectors(*tasks)
        if list(weights) != list(tasks):
            return f"weights({list(tasks)}) are of {list(weights)}; expected one of each, in that order"
        expected = {key: sum(weights[t] * given[t][key] for t in tasks) for key in theta0()}
        if (distance := _distance(merge(merger, given), expected)) > TIGHT:
            return f"prepare and weights differ by up to {distance:.3g}"
    return ""


def _data(merger: Merger) -> str:
    """It uses the images that it asks for, and leaves the network as it was."""
    kind, given = merger.method.data, vectors(*TASKS)
    if kind == "none":
        return ""
    seen = [_tower.data(theta0(), kind, drawn) for drawn in ("images", "other images")]
    found = [merge(merger, given, data=data) for data in seen]
    if _distance(*found) < TIGHT:
        return "other images give the same direction; use them, or declare data 'none'"
    network, before = seen[0].network, theta0()
    if any(not torch.equal(value, before[name]) for name, value in network.state_dict().items()):
        return "a parameter of the network was changed; expected other weights to go through `linearize.encode`"
    if network.training or any(value.requires_grad for value in network.parameters()):
        return "the network was left in training, or with gradients; expected it as it was given"
    return ""


LAWS: dict[str, Callable[[Merger], str]] = {
    "contract": _fields,
    "names, shapes, types; inputs untouched": _fit,
    "one task": _one_task,
    "task order": _order,
    "scaling": _scaling,
    "sign": _sign,
    "side": _side,
    "same seed": _seed,
    "nothing moved": _nothing,
    "weights": _sum,
    "data": _data,
}
