"""FER2013: seven expressions of faces.

Labels are in alphabetical order, as in the hub copy; CLIP's list has another order, and more than
one word for four of them, of which the first is taken here.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised",
)
# fmt: on
TASK = Task(
    title="FER2013",
    class_names=CLASS_NAMES,
    templates=(
        "a photo of a {} looking face.",
        "a photo of a face showing the emotion: {}.",
        "a photo of a face looking {}.",
        "a face that looks {}.",
        "they look {}.",
        "look at how {} they are.",
    ),
    kind="real",
    source="FER2013 (Goodfellow et al. 2013), both of its test sets as one; class names and "
    "prompts: openai/CLIP, data/prompts.md. Never downloaded here: counts, columns and order of "
    "labels are as others state them; revision: embeddings-benchmark/mteb. The hub copy is no "
    "parquet: the library datasets reads it from the hub",
    licence="not stated",
)
ORIGIN = Origin(
    hub="clip-benchmark/wds_fer2013",
    revision="9399b94167523fe5c40b3a857e24ef931ee4395b",
    image="jpg",
    label="cls",
    native=48,
    counts={"train": 25_839, "val": 2_870, "test": 7_178},
    folders=("fer2013",),
    advice="Kaggle's fer2013 can be sorted into train/<class>/*.png and test/<class>/*.png, with "
    "both of its test sets in test/",
)
