"""Twice the width of `tiny`, 3.3 M image parameters.

No weights are shipped: use it as wide-pre0, wide-pre1, ...
"""

from tangent_bench.models import ASSETS, Model

MODEL = Model(
    title="Wide ViT/8",
    architecture="tangent-wide",
    config=str(ASSETS / "wide" / "tangent-wide.json"),
    weights=None,
    merges=str(ASSETS / "tiny" / "merges.txt.gz"),
    source="tangent_bench's own corpus (MIT), by the recipe `rebuilding` of the config",
)
