"""The embedded CLIP: 32 px, patch 8, width 128, 4 + 2 layers.

It is pre-trained here on generated captioned images.
"""

from tangent_bench.models import ASSETS, Model

MODEL = Model(
    title="Tiny ViT/8",
    architecture="tangent-tiny",
    config=str(ASSETS / "tiny" / "tangent-tiny.json"),
    weights=str(ASSETS / "tiny" / "tangent-tiny.safetensors"),
    merges=str(ASSETS / "tiny" / "merges.txt.gz"),
    sealed=True,
    along=str(ASSETS / "tiny" / "along"),
    source="tangent_bench's own corpus (MIT); see the model card beside the weights",
)
