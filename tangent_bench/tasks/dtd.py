"""DTD: 47 describable textures.

Labels are in alphabetical order, as in the hub copy.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "banded", "blotchy", "braided", "bubbly", "bumpy", "chequered", "cobwebbed", "cracked",
    "crosshatched", "crystalline", "dotted", "fibrous", "flecked", "freckled", "frilly", "gauzy",
    "grid", "grooved", "honeycombed", "interlaced", "knitted", "lacelike", "lined", "marbled",
    "matted", "meshed", "paisley", "perforated", "pitted", "pleated", "polka-dotted", "porous",
    "potholed", "scaly", "smeared", "spiralled", "sprinkled", "stained", "stratified", "striped",
    "studded", "swirly", "veined", "waffled", "woven", "wrinkled", "zigzagged",
)
# fmt: on
TASK = Task(
    title="DTD",
    class_names=CLASS_NAMES,
    templates=(
        "a photo of a {} texture.",
        "a photo of a {} pattern.",
        "a photo of a {} thing.",
        "a photo of a {} object.",
        "a photo of the {} texture.",
        "a photo of the {} pattern.",
        "a photo of the {} thing.",
        "a photo of the {} object.",
    ),
    kind="real",
    source="Describable Textures (Cimpoi et al. 2014), its first of ten splits, train and val "
    "together as train; "
    "class names and prompts: openai/CLIP, data/prompts.md. A copy with test images in train has "
    "circulated: "
    "the leak check is needed",
    licence="not stated",
)
ORIGIN = Origin(
    hub="tanganke/dtd",
    revision="d2afa97d9f335b1a6b3b09c637aef667f98f966e",
    files={"train": "data/train-*.parquet", "test": "data/test-*.parquet"},
    counts={"train": 3_384, "val": 376, "test": 1_880},
    folders=("dtd",),
    test_folders=("test", "val"),  # the official code keeps the test images in val/
    advice="the official dtd-r1.0.1.tar.gz works: train1.txt and val1.txt are train/, test1.txt is "
    "test/",
)
