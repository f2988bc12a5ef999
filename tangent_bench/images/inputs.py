"""What a tower takes: pixels, or tokens; and what is stored of a split, as it takes it.

Training and evaluation ask for no more than `Inputs`, so that a tower may bring preprocessing of
its own. A batch is one tensor whatever the tower reads: it can be cut, joined and moved. Of texts
it is `Texts`, with padding behind the last token of each, which is the mask as well:
`tokens_BL != PADDING`. Tasks of texts are stored as the tokens that `Texts.tokens` makes of them.

Shapes: N inputs, B batch, C channels, H, W, L tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from tangent_bench.images.image_store import ImageStore
from tangent_bench.images.pictures import normalise, resized

if TYPE_CHECKING:
    from torch import Tensor

Stored = np.ndarray | ImageStore  # uint8 images [N, H, W, 3], or int64 tokens [N, L]
PADDING = -1


class Inputs(Protocol):
    """How a tower takes what is stored."""

    @property
    def size(self) -> int:
        """Side of an image in pixels, or number of tokens."""
        ...

    def tensor(self, stored: Stored, device: str = "cpu") -> Tensor:
        """Stored inputs as the tower takes them at evaluation, [B, ...]."""
        ...

    def normalise(self, inputs: Tensor) -> Tensor:
        """A training batch as the tower takes it: crops [B, C, size, size] in [0, 1], or tokens."""
        ...

    def example(self, number: int) -> np.ndarray:
        """Made-up inputs as they are stored, each another one."""
        ...


@dataclass(frozen=True)
class Pixels:
    """Images. Preprocessing of one's own is a subclass with another `normalise`.

    Attributes:
        size: side in pixels; images of another size are resized (bicubic) and cropped.
        mean: of each channel, in [0, 1].
        std: of each channel, in [0, 1].
    """

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def tensor(self, stored: Stored, device: str = "cpu") -> Tensor:
        """uint8 images as the tower takes them, float32 [B, C, size, size]."""
        return self.normalise(resized(stored, self.size, device))

    def normalise(self, inputs: Tensor) -> Tensor:
        """Images in [0, 1] → what the tower takes: (x − mean) / std by channel."""
        return normalise(inputs, self.mean, self.std)

    def example(self, number: int) -> np.ndarray:
        """Noise, uint8 [N, size, size, 3]."""
        shape = (number, self.size, self.size, 3)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@dataclass(frozen=True)
class Texts:
    """Texts as numbers of tokens, padded. A tokenizer is a subclass with another `tokens`.

    Attributes:
        size: tokens of a text, padding included.
        vocabulary: number of different tokens.
        padding: the number behind the last token of a text.
    """

    size: int
    vocabulary: int
    padding: int = PADDING

    def tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Texts as they are stored, int64 [N, size]; what is beyond `size` tokens is cut off.

        Raises:
            ValueError: there is no tokenizer, or a text has nothing to read.
        """
        raise ValueError(
            "The model has no tokenizer, and tasks of texts need one: give its INPUTS a method "
            "tokens(texts) that returns int64 [N, size]."
        )

    def tensor(self, stored: Stored, device: str = "cpu") -> Tensor:
        """int64 [B, L], as they are stored."""
        import torch

        return torch.from_numpy(np.array(stored)).to(device)

    def normalise(self, inputs: Tensor) -> Tensor:
        """Tokens as they are."""
        return inputs

    def example(self, number: int) -> np.ndarray:
        """Texts of random tokens and lengths, int64 [N, L]."""
        rng = np.random.default_rng(0)
        tokens_NL = rng.integers(0, self.vocabulary, (number, self.size))
        lengths_N = rng.integers(1, self.size + 1, number)
        tokens_NL[tokens_NL == self.padding] += 1  # within a text there is none
        return np.where(np.arange(self.size) < lengths_N[:, None], tokens_NL, self.padding)


@dataclass(frozen=True)
class Batches:
    """Stored inputs of a split for one tower; `split` does what it does for a tensor.

    Attributes:
        stored: uint8 images or int64 tokens.
        inputs: how the tower takes them.
        device: device of the tower.
    """

    stored: Stored
    inputs: Inputs
    device: str = "cpu"

    def __len__(self) -> int:
        return len(self.stored)

    def __getitem__(self, part: slice) -> Batches:
        return replace(self, stored=self.stored[part])

    def split(self, batch_size: int) -> Iterator[Tensor]:
        """Batches in order, each a tensor of at most `batch_size` inputs."""
        for first in range(0, len(self), batch_size):
            yield self[first : first + batch_size].tensor()

    def tensor(self) -> Tensor:
        """All inputs at once."""
        return self.inputs.tensor(self.stored, self.device)
