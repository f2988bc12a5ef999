"""MNIST, all of it: 70,000 handwritten digits.

Label k is the digit k.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

TASK = Task(
    title="MNIST",
    class_names=tuple(str(digit) for digit in range(10)),
    templates=('a photo of the number: "{}".',),
    kind="real",
    source="MNIST (LeCun, Cortes and Burges), all 60,000 + 10,000 images; prompt: openai/CLIP, "
    "data/prompts.md",
    licence="MIT (as the hub copy ylecun/mnist states)",
)
ORIGIN = Origin(
    hub="ylecun/mnist",
    revision="77f3279092a1c1579b2250db8eafed0ad422088c",
    files={"train": "mnist/train-*.parquet", "test": "mnist/test-*.parquet"},
    config="mnist",
    native=28,
    counts={"train": 55_000, "val": 5_000, "test": 10_000},
    folders=("mnist_full", "mnist"),
    advice="torchvision.datasets.MNIST downloads it; its images can be saved as "
    "train/<digit>/*.png and "
    "test/<digit>/*.png",
)
