"""Seventeen times the parameters of `tiny`: 32 px, patch 8, width 384, 8 layers.

It has 14.4 M image parameters, and is pre-trained by the same recipe on the same corpus.
"""

from tangent_bench.models import ASSETS, Model

MODEL = Model(
    title="Base ViT/8",
    architecture="tangent-base",
    config=str(ASSETS / "base" / "tangent-base.json"),
    weights=None,
    merges=str(ASSETS / "tiny" / "merges.txt.gz"),
    source="tangent_bench's own corpus (MIT), by the recipe `pretraining` of the config",
)
