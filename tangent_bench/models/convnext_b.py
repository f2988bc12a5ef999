"""A CLIP whose image tower is a ConvNeXt, which has LayerNorm and no attention: another architecture for the same claims."""

from tangent_bench.models import Model

MODEL = Model(
    title="ConvNeXt-B",
    architecture="convnext_base",
    weights="laion400m_s13b_b51k",
    source="OpenCLIP's weights (MIT), trained on LAION-400M",
)
