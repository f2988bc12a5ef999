"""OpenAI's CLIP ViT-B/16, as in the paper; its weights were trained with QuickGELU."""

from tangent_bench.models import Model

MODEL = Model(
    title="ViT-B/16",
    architecture="ViT-B-16-quickgelu",
    weights="openai",
    hub="timm/vit_base_patch16_clip_224.openai",
    source="Radford et al. 2021, OpenAI's weights (MIT), 400 million image-text pairs of the web",
)
