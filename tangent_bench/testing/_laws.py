"""The laws: each takes a `Merger` and says what is wrong, or "" if nothing is.

The vectors are those of a synthetic image tower: matrices in two blocks, a convolution, embeddings,
parameters of one dimension and of none, and one of integers, which does not move. Methods that need
data get that tower and synthetic images.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from tangent_bench.merging import Merger
from tangent_bench.methods import DATA, STORAGE, Data, Method
from tangent_bench.seeds import generator
from tangent_bench.testing import _synthetic

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
TASKS = _synthetic.TASKS
EXCEPTABLE = ("one task", "task order", "scaling")
WITH_DATA = (*EXCEPTABLE, "sign")  # a network is not odd in its weights
TIGHT = 1e-9  # of entries of size 1 in float64
Vectors = dict[str, dict[str, Tensor]]


def vectors(*tasks: str, factor: float = 1.0, dtype: torch.dtype = torch.float64) -> Vectors:
    """Vectors of these tasks, standard normal times `factor`; a task's name always draws the same.

    They have this `dtype`.
    """
    return {task: _draw(task, factor, dtype) for task in tasks}


def _draw(name: str, factor: float, dtype: torch.dtype) -> dict[str, Tensor]:
    vector = {}
    for key, shape in SHAPES.items():
        value = generator("testing", name, key).standard_normal(shape)
        vector[key] = torch.as_tensor(factor * value, dtype=dtype)
    vector["counter"] = torch.zeros(2, dtype=torch.int64)
    return vector


def theta0(dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
    """The weights that the vectors were fine-tuned from."""
    return _draw("theta0", 1.0, dtype) | {"counter": torch.tensor([3, 1])}


def quick(merger: Merger) -> Merger:
    """The method with the values at which its hyper-parameters are to be checked."""
    values = dict(merger.values)
    for link in merger.links:
        for name, parameter in link.parameters.items():
            if parameter.quick is not None:
                values[name] = parameter.quick
    return replace(merger, values=values)


def merge(
    merger: Merger, given: Vectors, seed: int = 0, data: Data | None = None
) -> dict[str, Tensor]:
    """The direction of the vectors `given` by `merger`, with `seed`.

    A method that needs `data` and is given none here gets synthetic ones.
    """
    start = theta0(next(iter(given.values()))["proj"].dtype)
    kind = merger.method.data
    if kind != "none" and data is None:
        data = _synthetic.data(start, kind)
    return merger.prepare(given, start, seed, data)


def _distance(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> float:
    """The largest difference of two entries; NaN if one of them is NaN."""
    return float(torch.stack([(a[key].double() - b[key].double()).abs().max() for key in a]).max())


def _times(factor: float, direction: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key: factor * value for key, value in direction.items()}


def _compare(
    merger: Merger,
    law: str,
    direction: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    rule: str,
) -> str:
    """How a direction breaks a law, or an exception from it.

    Args:
        merger: the method.
        law: its name, as in `METHOD.exceptions`.
        direction: of the method.
        expected: what the law says.
        rule: the law in words.
    """
    reason = _exception(merger, law)
    is_kept = _distance(direction, expected) < TIGHT
    if reason and is_kept:
        return (
            f"it is declared as an exception ({reason}), but kept; remove it from METHOD.exceptions"
        )
    if reason or is_kept:
        return ""
    return (
        f"{rule}, but entries differ by up to {_distance(direction, expected):.3g}"
        f"{_way_on(merger, law)}"
    )


def _way_on(merger: Merger, law: str) -> str:
    """What to do about a law that a method breaks by design; "" where no exception is possible."""
    if law not in _possible(merger.method):
        return ""
    return f"; if it is meant to, say why in METHOD: exceptions={{{law!r}: 'the reason'}}"


def _possible(method: Method) -> Sequence[str]:
    """The laws from which a method may declare exceptions."""
    return EXCEPTABLE if method.data == "none" else WITH_DATA


def _exception(merger: Merger, law: str) -> str:
    """The reason of the first link that declares an exception from a law; "" if none does."""
    for link in merger.links:
        if law in link.contract.exceptions:
            return link.contract.exceptions[law]
    return ""


def _fields(merger: Merger) -> str:
    for name, module in merger.links:
        method = module.METHOD
        possible = _possible(method)
        impossible = sorted(set(method.exceptions) - set(possible))
        if impossible:
            return (
                f"'{name}' declares an exception from {impossible[0]!r}; exceptions are possible "
                f"from {possible}"
            )
        is_known = method.data in DATA and method.storage in STORAGE
        if not (method.title and method.reference and is_known):
            return (
                f"'{name}' needs a title, a reference, data among {DATA} and storage among "
                f"{STORAGE}"
            )
        for key, parameter in method.parameters.items():
            parameter.check(f"{name}.{key}", parameter.default)
    first, last, count = merger.method.coefficients or (0.0, 1.0, 2)
    is_one = count == 1 and first == last
    is_grid = count > 1 and first < last
    if is_one or is_grid:
        return ""
    return f"its grid of α is {merger.method.coefficients}; expected (first, last, count)"


def _fit(merger: Merger) -> str:
    return _fit_of(merger, torch.float32) or _fit_of(merger, torch.float64)


def _fit_of(merger: Merger, dtype: torch.dtype) -> str:
    given = vectors(*TASKS, dtype=dtype)
    direction = merge(merger, given)
    for key, tensor in theta0(dtype).items():
        value = direction[key]
        if value.dtype != tensor.dtype:
            return (
                f"{key} of the direction is {value.dtype}; expected {tensor.dtype}, as the vectors "
                "are"
            )
        if not bool(torch.isfinite(value).all()):
            return f"{key} of the direction has entries that are no finite numbers"
    for task, before in vectors(*TASKS, dtype=dtype).items():
        if any(not torch.equal(before[key], given[task][key]) for key in given[task]):
            return "a vector was changed; expected inputs to stay as they are"
    if direction["counter"].any():
        return f"integers move by {direction['counter'].tolist()}; expected zeros"
    return ""


def _one_task(merger: Merger) -> str:
    one = vectors("one")
    rule = "the direction of one task should be its vector"
    return _compare(merger, "one task", merge(merger, one), one["one"], rule)


def _order(merger: Merger) -> str:
    direction = merge(merger, vectors(*TASKS))
    reordered = merge(merger, vectors("three", "one", "two"))
    rule = "another order of tasks should give the same direction"
    return _compare(merger, "task order", direction, reordered, rule)


def _scaling(merger: Merger) -> str:
    plain = merge(merger, vectors(*TASKS))
    longer = merge(merger, vectors(*TASKS, factor=2.5))
    rule = "vectors 2.5 times as long should give 2.5 times as much"
    return _compare(merger, "scaling", longer, _times(2.5, plain), rule)


def _sign(merger: Merger) -> str:
    plain = merge(merger, vectors(*TASKS))
    turned = merge(merger, vectors(*TASKS, factor=-1.0))
    rule = "vectors turned round should turn the direction"
    return _compare(merger, "sign", turned, _times(-1.0, plain), rule)


def _side(merger: Merger) -> str:
    """⟨direction, Σ τ⟩ > 0: it goes where the vectors go."""
    given = vectors(*TASKS)
    direction = merge(merger, given)
    product = 0.0
    for vector in given.values():
        product += sum(float((direction[key] * vector[key]).sum()) for key in SHAPES)
    if product > 0:
        return ""
    return f"the direction points away from the sum of the vectors (product {product:.3g})"


def _seed(merger: Merger) -> str:
    first = merge(merger, vectors(*TASKS), seed=4)
    second = merge(merger, vectors(*TASKS), seed=4)
    is_same = all(torch.equal(first[key], second[key]) for key in first)
    return "" if is_same else "the same seed gave other bits"


def _nothing(merger: Merger) -> str:
    direction = merge(merger, vectors("one", "two", factor=0.0))
    for key, value in direction.items():
        if not bool((value == 0).all()):
            return f"vectors of zeros move {key}"
    return ""


def _sum(merger: Merger) -> str:
    if not merger.is_sum:
        return ""
    return _sum_of(merger, TASKS[:1]) or _sum_of(merger, TASKS) or _sum_of(merger, ("three", "one"))


def _sum_of(merger: Merger, tasks: Sequence[str]) -> str:
    weights = merger.weights(tasks)
    if list(weights) != list(tasks):
        return f"weights({list(tasks)}) are of {list(weights)}; expected one of each, in that order"
    given = vectors(*tasks)
    expected = {}
    for key in theta0():
        terms = [weights[task] * given[task][key] for task in tasks]
        expected[key] = torch.stack(terms).sum(0)
    distance = _distance(merge(merger, given), expected)
    if distance > TIGHT:
        return f"prepare and weights differ by up to {distance:.3g}"
    return ""


def _data(merger: Merger) -> str:
    """It uses the images that it asks for, and leaves the network as it was."""
    kind = merger.method.data
    if kind == "none":
        return ""
    given = vectors(*TASKS)
    data = _synthetic.data(theta0(), kind, "images")
    direction = merge(merger, given, data=data)
    other = merge(merger, given, data=_synthetic.data(theta0(), kind, "other images"))
    if _distance(direction, other) < TIGHT:
        return "other images give the same direction; use them, or declare data 'none'"
    before = theta0()
    for name, value in data.network.state_dict().items():
        if not torch.equal(value, before[name]):
            return (
                "a parameter of the network was changed; expected other weights to go through "
                "`linearize.encode`"
            )
    if data.network.training or any(value.requires_grad for value in data.network.parameters()):
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
