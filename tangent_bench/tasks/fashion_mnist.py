"""FashionMNIST: ten kinds of clothes, shoes and bags.

Labels are in the data set's own order.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
    "Ankle boot",
)
# fmt: on
TASK = Task(
    title="FashionMNIST",
    class_names=CLASS_NAMES,
    templates=(
        "a photo of a {}.",
        "a photo of the {}.",
    ),
    kind="real",
    source="Fashion-MNIST (Xiao, Rasul and Vollgraf 2017); class names: torchvision; CLIP lists "
    "no prompt for it: those of nik-dim/tall_masks. Never downloaded here: counts, columns and "
    "order of labels are as others state them, and the hub copy's revision is not pinned",
    licence="MIT",
)
ORIGIN = Origin(
    hub="zalando-datasets/fashion_mnist",
    config="fashion_mnist",
    native=28,
    counts={"train": 55_000, "val": 5_000, "test": 10_000},
    folders=("fashion_mnist",),
    advice="torchvision.datasets.FashionMNIST downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
