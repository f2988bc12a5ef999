"""A CLIP whose image tower is a ConvNeXt: with LayerNorm, and without attention."""

from tangent_bench.models import Model

MODEL = Model(
    title="ConvNeXt-B",
    architecture="convnext_base",
    weights="laion400m_s13b_b51k",
    hub="laion/CLIP-convnext_base-laion400M-s13B-b51K",
    source="OpenCLIP's weights (MIT), trained on LAION-400M",
)
