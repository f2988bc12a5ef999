"""CIFAR-100: a hundred kinds of things, animals and plants.

Labels are in alphabetical order. The hub copy spells one of its names "cra".
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "apple", "aquarium fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle",
    "bottle", "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle",
    "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch",
    "crab", "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox",
    "girl", "hamster", "house", "kangaroo", "keyboard", "lamp", "lawn mower", "leopard", "lion",
    "lizard", "lobster", "man", "maple tree", "motorcycle", "mountain", "mouse", "mushroom",
    "oak tree", "orange", "orchid", "otter", "palm tree", "pear", "pickup truck", "pine tree",
    "plain", "plate", "poppy", "porcupine", "possum", "rabbit", "raccoon", "ray", "road",
    "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake",
    "spider", "squirrel", "streetcar", "sunflower", "sweet pepper", "table", "tank", "telephone",
    "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe", "whale",
    "willow tree", "wolf", "woman", "worm",
)
# fmt: on
TASK = Task(
    title="CIFAR100",
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
    source="CIFAR-100 (Krizhevsky 2009), fine labels; class names and prompts: openai/CLIP, "
    "data/prompts.md. Never downloaded here: counts, columns and order of labels are as others "
    "state them; revision: embeddings-benchmark/mteb",
    licence="not stated",
)
ORIGIN = Origin(
    hub="uoft-cs/cifar100",
    revision="aadb3af77e9048adbea6b47c21a81e47dd092ae5",
    config="cifar100",
    image="img",
    label="fine_label",
    native=32,
    counts={"train": 45_000, "val": 5_000, "test": 10_000},
    folders=("cifar100",),
    folder_names=tuple("cra" if name == "crab" else name for name in CLASS_NAMES),
    advice="torchvision.datasets.CIFAR100 downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
