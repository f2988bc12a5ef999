"""What makes frozen heads of prompts: a text tower, or the tower itself where it reads texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from tangent_bench import models
from tangent_bench.models import _tower

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.tangent.heads import TextEncoder


class TextSide(NamedTuple):
    """As `heads.build` takes it.

    Attributes:
        encoder: of tokens, on its device.
        tokenize: texts → tokens, int64 [N, L].
        cuts: whether `tokenize` cuts long prompts as open_clip's do (`heads.say_cut`).
    """

    encoder: TextEncoder
    tokenize: Callable[[list[str]], Tensor]
    cuts: bool


def text_side(model: models.Model, init: str, device: str) -> TextSide:
    """The text side of a model.

    Args:
        model: of open_clip, or one that reads texts.
        init: "pretrained", or an initialisation that brings a text tower of its own.
        device: "cpu" or "cuda".

    Raises:
        ValueError: the model cannot be made.
    """
    if not models.reads_texts(model):
        return TextSide(models.create(model, init).to(device), models.tokenizer(model), cuts=True)
    from tangent_bench.language.prompts import PromptEncoder

    tower = _tower.image_tower(model, init, 0, device)
    takes = models.inputs(model)

    def tokenize(texts: list[str]) -> Tensor:
        return takes.tensor(takes.tokens(texts))

    return TextSide(PromptEncoder(tower.module), tokenize, cuts=False)
