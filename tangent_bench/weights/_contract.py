"""What a file of weights holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Content:
    """What a file holds.

    Names are without what DataParallel, `torch.compile` and their like put into them. What lies in
    a dict or list within the file stands behind its key and "/": "state_dict/visual.proj".

    Attributes:
        path: the file.
        tensors: tensors by name.
        facts: other entries by name.
        module: the class of the module if one was pickled whole, else "".
        is_bare: whether all tensors lie at the top of one file, under the names that they have
            there.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, object] = field(default_factory=dict)
    module: str = ""
    is_bare: bool = False
