"""What stands between a method and its caller: a whole direction, in a precision to compute in.

Half precision is for keeping: SVDs and partitions do not know it, and a sum of it loses what tasks
differ by. So a method is given float32 in its place, and the direction is rounded once at the end.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tangent_bench.methods import NO_DATA
from tangent_bench.tangent.vectors import Stored, require_finite

if TYPE_CHECKING:
    from tangent_bench.methods import Data

Vectors = Mapping[str, Mapping[str, Tensor]]
_SHOWN = 3  # tasks in a sentence


def is_narrow(dtype: torch.dtype) -> bool:
    """Whether numbers of this type are kept in less than float32.

    >>> is_narrow(torch.bfloat16), is_narrow(torch.float32), is_narrow(torch.int8)
    (True, False, False)
    """
    return dtype.is_floating_point and dtype.itemsize < torch.float32.itemsize


def types(vectors: Vectors) -> dict[str, list[torch.dtype]]:
    """Parameter → its types in all vectors."""
    found: dict[str, list[torch.dtype]] = {}
    for vector in vectors.values():
        for name in vector:
            dtype = vector.dtype(name) if isinstance(vector, Stored) else vector[name].dtype
            found.setdefault(name, []).append(dtype)
    return found


def widest(dtypes: Sequence[torch.dtype]) -> torch.dtype:
    """The type that holds numbers of all these.

    >>> widest([torch.float16, torch.float16]), widest([torch.float16, torch.bfloat16])
    (torch.float16, torch.float32)
    """
    return reduce(_wider, dtypes)


def _wider(a: torch.dtype, b: torch.dtype) -> torch.dtype:
    if a == b:
        return a
    # Of two types of eight bits PyTorch knows no common one.
    wide = [torch.float32 if is_narrow(dtype) else dtype for dtype in (a, b)]
    return torch.promote_types(*wide)


def require_direction(
    direction: object, theta0: Mapping[str, Tensor], name: str, function: str
) -> Mapping[str, Tensor]:
    """What a method returned, if it is a tensor for every parameter of θ0, of the same shape.

    Args:
        direction: what it returned.
        theta0: θ0.
        name: of the method.
        function: that returned it.

    Raises:
        ValueError: says what was returned and what was expected.
    """
    if not isinstance(direction, Mapping):
        hint = " (is a `return` missing?)" if direction is None else ""
        raise ValueError(
            f"Method {name!r}: {function} returned {_kind(direction)}; expected a dict from each "
            f"parameter's name to a tensor{hint}."
        )
    _require_names(direction, theta0, name)
    for key, value in direction.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"Method {name!r}: {key!r} of its direction is {_kind(value)}; expected a torch "
                "tensor."
            )
        if value.shape != theta0[key].shape:
            raise ValueError(
                f"Method {name!r}: {key!r} of its direction has shape {tuple(value.shape)}; "
                f"expected {tuple(theta0[key].shape)}, as the parameter has."
            )
    return direction


def _require_names(direction: Mapping, theta0: Mapping, name: str) -> None:
    if missing := sorted(set(theta0) - set(direction)):
        raise ValueError(
            f"Method {name!r}: its direction lacks {missing[0]!r} ({len(missing)} of {len(theta0)} "
            "names are missing); expected one tensor for each parameter."
        )
    if extra := sorted(map(str, set(direction) - set(theta0))):
        raise ValueError(
            f"Method {name!r}: its direction has {extra[0]!r} ({len(extra)} such names), which is "
            "no parameter of the model; leave it out."
        )


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__name__}".removeprefix("builtins.")


def listed(names: Collection[str]) -> str:
    """Names of tasks in a sentence.

    >>> listed(["a"]), listed(["a", "b"]), listed("abcde")
    ("'a'", "'a' and 'b'", "'a', 'b', 'c' and 2 more")
    """
    shown = [repr(name) for name in list(names)[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    if len(shown) == 1:
        return shown[0]
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


class Widened(Mapping[str, Tensor]):
    """A vector whose narrow tensors are float32, each converted when it is asked for."""

    def __init__(self, vector: Mapping[str, Tensor]) -> None:
        self._vector = vector

    def __getitem__(self, key: str) -> Tensor:
        return widened(self._vector[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._vector)

    def __len__(self) -> int:
        return len(self._vector)


def widened(value: Tensor) -> Tensor:
    """The tensor, in float32 if it is narrow."""
    return value.float() if is_narrow(value.dtype) else value


def widened_data(data: Data) -> Data:
    """Images, heads and a network to compute with weights that are widened."""
    if data is NO_DATA:
        return data
    network = data.network
    if any(is_narrow(value.dtype) for value in network.state_dict().values()):
        network = copy.deepcopy(network).float()
    return replace(
        data,
        network=network,
        heads={task: widened(head) for task, head in data.heads.items()},
        images=lambda task, number: widened(data.images(task, number)),
    )


def narrowed(
    direction: Mapping[str, Tensor], given: Mapping[str, Sequence[torch.dtype]], name: str
) -> dict[str, Tensor]:
    """The direction, each tensor in the type of the vectors' if all of them share a narrow one.

    Args:
        direction: in float32 or wider.
        given: types of the vectors.
        name: of the method.

    Raises:
        NotFinite: an entry is too large for its type.
    """
    rounded = {}
    for key, value in direction.items():
        dtype = widest(given[key])
        rounded[key] = value.to(dtype) if is_narrow(dtype) else value
    require_finite(
        rounded,
        f"Method {name!r}: its direction, rounded to the half precision of its vectors,",
        "give the vectors in float32",
    )
    return rounded
