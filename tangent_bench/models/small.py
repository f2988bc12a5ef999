"""Six times the parameters of `tiny`: 32 px, patch 8, width 256, 6 layers, 4.9 M image parameters.

It is pre-trained by the same recipe on the same corpus.
"""

from tangent_bench.models import ASSETS, Model

MODEL = Model(
    title="Small ViT/8",
    architecture="tangent-small",
    config=str(ASSETS / "small" / "tangent-small.json"),
    weights=str(ASSETS / "small" / "tangent-small.safetensors"),
    merges=str(ASSETS / "tiny" / "merges.txt.gz"),
    sealed=True,
    source="tangent_bench's own corpus (MIT); see the model card beside the weights",
)
