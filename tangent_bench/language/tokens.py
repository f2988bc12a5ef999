"""Texts as the encoder takes them: word pieces by the tokenizer that comes with its weights.

    [CLS] pieces of the text [SEP] [PAD] …

Wu et al., "Google's Neural Machine Translation System", 2016, §4.1 (word pieces). Shapes: B texts,
L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tangent_bench.language.tables import PADDING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

LONGEST = 256  # tokens that all-MiniLM-L6-v2 was trained on, [CLS] and [SEP] included
FRAME = 2  # [CLS] and [SEP]
SHOWN = 40  # letters of a text in an error


class WordPieces:
    """A tokenizer; what a text says of special tokens ("[PAD]") is text to it.

    Args:
        file: `tokenizer.json` as the library `tokenizers` writes it.
        longest: tokens that a text may have, [CLS] and [SEP] included.

    Raises:
        ValueError: the library is not installed, the file is missing or is no tokenizer, or its
            padding is another token than the encoder passes over.
    """

    def __init__(self, file: Path, longest: int = LONGEST) -> None:
        self.longest = longest
        self._tokenizer = _opened(file)
        # The file asks for 128 tokens exactly, and for longer texts to be cut in silence.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        if self._tokenizer.token_to_id("[PAD]") != PADDING:
            raise ValueError(
                f"{file} pads with token {self._tokenizer.token_to_id('[PAD]')}, but the encoder "
                f"passes over token {PADDING}: take the tokenizer that came with the weights."
            )

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Tokens [B, L], int64, of one text or more, as wide as the longest of them.

        Raises:
            ValueError: there is no text, a text has nothing to read, or is longer than `longest`.
        """
        rows = []
        for number, text in enumerate(texts):
            rows.append(self._row(number, text))
        return _filled(rows, max(map(len, rows), default=0))

    def cut(self, texts: Sequence[str], size: int) -> Tensor:
        """Tokens [B, size], int64; of a longer text the first, before the [SEP] that ends it.

        Raises:
            ValueError: there is no text, or a text has nothing to read.
        """
        rows = []
        for number, text in enumerate(texts):
            ids = self._ids(number, text)
            rows.append(ids if len(ids) <= size else [*ids[: size - 1], ids[-1]])
        return _filled(rows, size)

    def vocabulary(self) -> list[str]:
        """All pieces, whole words among them, in order of the alphabet."""
        return sorted(self._tokenizer.get_vocab())

    def length(self, text: str) -> int:
        """Number of tokens of a text, [CLS] and [SEP] included, whether or not it may have them."""
        return len(self._tokenizer.encode(text).ids)

    def _ids(self, number: int, text: str) -> list[int]:
        ids = self._tokenizer.encode(text).ids
        if len(ids) == FRAME:
            raise ValueError(
                f"Text {number} is {text!r}, in which there is nothing to read: leave it out, or "
                "give it a word."
            )
        return ids

    def _row(self, number: int, text: str) -> list[int]:
        ids = self._ids(number, text)
        if len(ids) > self.longest:
            raise ValueError(
                f"Text {number}, {_beginning(text)!r}, has {len(ids)} tokens, but the encoder "
                f"reads {self.longest}: shorten it or split it in two."
            )
        return ids


def _filled(rows: Sequence[Sequence[int]], width: int) -> Tensor:
    """Rows of tokens, each with padding behind it up to `width`."""
    if not rows:
        raise ValueError("No text was given: expected one at least.")
    tokens_BL = torch.full((len(rows), width), PADDING)
    for number, row in enumerate(rows):
        tokens_BL[number, : len(row)] = torch.tensor(row)
    return tokens_BL


def _opened(file: Path) -> Tokenizer:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise ValueError(
            "The library 'tokenizers' is not installed, and texts cannot be read without it: "
            "pip install 'tangent-bench[language]'."
        ) from None
    if not file.is_file():
        raise ValueError(
            f"There is no {file}: expected the tokenizer.json that came with the weights."
        )
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library's own type has no narrower base
        raise ValueError(
            f"{file} is no tokenizer of the library 'tokenizers' ({error}): copy it again from "
            "where the weights are."
        ) from None


def _beginning(text: str) -> str:
    """The first letters of a text.

    >>> _beginning("short"), _beginning("a" * 60) == "a" * 40 + "…"
    ('short', True)
    """
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
