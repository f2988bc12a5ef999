"""STL-10: ten kinds of animals and vehicles, the labelled images.

Labels are in alphabetical order.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck",
)
# fmt: on
TASK = Task(
    title="STL10",
    class_names=CLASS_NAMES,
    templates=(
        "a photo of a {}.",
        "a photo of the {}.",
    ),
    kind="real",
    source="STL-10 (Coates, Ng and Lee 2011), the 5,000 + 8,000 labelled images; class names and "
    "prompts: openai/CLIP, data/prompts.md. Never downloaded here: counts, columns and order of "
    "labels are as others state them; revision: embeddings-benchmark/mteb",
    licence="not stated",
)
ORIGIN = Origin(
    hub="tanganke/stl10",
    revision="49ae7f94508f7feae62baf836db284306eab0b0f",
    native=96,
    counts={"train": 4_500, "val": 500, "test": 8_000},
    folders=("stl10",),
    advice="torchvision.datasets.STL10 downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
