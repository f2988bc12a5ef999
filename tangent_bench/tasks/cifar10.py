"""CIFAR-10: ten kinds of animals and vehicles.

Labels are in alphabetical order.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)
# fmt: on
TASK = Task(
    title="CIFAR10",
    class_names=CLASS_NAMES,
    templates=(
        "a photo of a {}.",
        "a blurry photo of a {}.",
        "a black and white photo of a {}.",
        "a low contrast photo of a {}.",
        "a high contrast photo of a {}.",
        "a bad photo of a {}.",
        "a good photo of a {}.",
        "a photo of a small {}.",
        "a photo of a big {}.",
        "a photo of the {}.",
        "a blurry photo of the {}.",
        "a black and white photo of the {}.",
        "a low contrast photo of the {}.",
        "a high contrast photo of the {}.",
        "a bad photo of the {}.",
        "a good photo of the {}.",
        "a photo of the small {}.",
        "a photo of the big {}.",
    ),
    kind="real",
    source="CIFAR-10 (Krizhevsky 2009); class names and prompts: openai/CLIP, data/prompts.md. "
    "Never downloaded here: counts, columns and order of labels are as others state them; "
    "revision: embeddings-benchmark/mteb",
    licence="not stated",
)
ORIGIN = Origin(
    hub="uoft-cs/cifar10",
    revision="0b2714987fa478483af9968de7c934580d0bb9a2",
    config="plain_text",
    image="img",
    native=32,
    counts={"train": 45_000, "val": 5_000, "test": 10_000},
    folders=("cifar10",),
    advice="torchvision.datasets.CIFAR10 downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
