"""OpenAI's CLIP ViT-L/14, as in the paper; its weights were trained with QuickGELU."""

from tangent_bench.models import Model

MODEL = Model(
    title="ViT-L/14",
    architecture="ViT-L-14-quickgelu",
    weights="openai",
    hub="timm/vit_large_patch14_clip_224.openai",
    source="Radford et al. 2021, OpenAI's weights (MIT), 400 million image-text pairs of the web",
)
