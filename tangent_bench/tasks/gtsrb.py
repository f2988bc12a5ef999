"""GTSRB: 43 German traffic signs.

Labels are the data set's own numbers 0 to 42, as in CLIP's list and in the hub copy.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "red and white circle 20 kph speed limit", "red and white circle 30 kph speed limit",
    "red and white circle 50 kph speed limit", "red and white circle 60 kph speed limit",
    "red and white circle 70 kph speed limit", "red and white circle 80 kph speed limit",
    "end / de-restriction of 80 kph speed limit", "red and white circle 100 kph speed limit",
    "red and white circle 120 kph speed limit",
    "red and white circle red car and black car no passing",
    "red and white circle red truck and black car no passing",
    "red and white triangle road intersection warning", "white and yellow diamond priority road",
    "red and white upside down triangle yield right-of-way", "stop", "empty red and white circle",
    "red and white circle no truck entry", "red circle with white horizonal stripe no entry",
    "red and white triangle with exclamation mark warning",
    "red and white triangle with black left curve approaching warning",
    "red and white triangle with black right curve approaching warning",
    "red and white triangle with black double curve approaching warning",
    "red and white triangle rough / bumpy road warning",
    "red and white triangle car skidding / slipping warning",
    "red and white triangle with merging / narrow lanes warning",
    "red and white triangle with person digging / construction / road work warning",
    "red and white triangle with traffic light approaching warning",
    "red and white triangle with person walking warning",
    "red and white triangle with child and person walking warning",
    "red and white triangle with bicyle warning",
    "red and white triangle with snowflake / ice warning",
    "red and white triangle with deer warning", "white circle with gray strike bar no speed limit",
    "blue circle with white right turn arrow mandatory",
    "blue circle with white left turn arrow mandatory",
    "blue circle with white forward arrow mandatory",
    "blue circle with white forward or right turn arrow mandatory",
    "blue circle with white forward or left turn arrow mandatory",
    "blue circle with white keep right arrow mandatory",
    "blue circle with white keep left arrow mandatory",
    "blue circle with white arrows indicating a traffic circle",
    "white circle with gray strike bar indicating no passing for cars has ended",
    "white circle with gray strike bar indicating no passing for trucks has ended",
)
# fmt: on
TASK = Task(
    title="GTSRB",
    class_names=CLASS_NAMES,
    templates=(
        'a zoomed in photo of a "{}" traffic sign.',
        'a centered photo of a "{}" traffic sign.',
        'a close up photo of a "{}" traffic sign.',
    ),
    kind="real",
    source="German Traffic Sign Recognition Benchmark (Stallkamp et al. 2011), the training set of "
    "the online "
    "competition (26,640 images); class names and prompts, spelling mistakes included: "
    "openai/CLIP, "
    "data/prompts.md",
    licence="not stated",
)
ORIGIN = Origin(
    hub="tanganke/gtsrb",
    revision="ea889fff70dda7b09e94a4b207dded438deca549",
    files={"train": "data/train-*.parquet", "test": "data/test-*.parquet"},
    counts={"train": 23_976, "val": 2_664, "test": 12_630},
    folders=("gtsrb",),
    folder_names=tuple(f"{number:05d}" for number in range(43)),
    advice="torchvision.datasets.GTSRB downloads it; sort its images into train/<00000..00042>/ "
    "and "
    "test/<00000..00042>/",
)
