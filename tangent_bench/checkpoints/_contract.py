"""What a layout of checkpoints is, and what its file reads; `checkpoints` re-exports all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """A way of keeping fine-tuned weights.

    Attributes:
        title: name for people.
        holds: what such a file holds, to follow "a file in this layout holds".
        reference: who publishes such files.
    """

    title: str
    holds: str
    reference: str


@dataclass(frozen=True)
class Checkpoint:
    """Weights by the names of our image tower.

    Attributes:
        theta: θ*.
        theta0: θ0 that the file itself carries; None if it carries none.
    """

    theta: Mapping[str, Tensor]
    theta0: Mapping[str, Tensor] | None = None
