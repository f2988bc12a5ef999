"""KMNIST: ten handwritten hiragana in the cursive of old books.

Labels are in the data set's own order; the hub copy may call them by the character.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo",
)
# fmt: on
TASK = Task(
    title="KMNIST",
    class_names=CLASS_NAMES,
    templates=("a photo of the character {}.",),
    kind="real",
    source="Kuzushiji-MNIST (Clanuwat et al. 2018); class names: torchvision; CLIP lists no "
    "prompt for it: that of nik-dim/tall_masks. Never downloaded here: counts, columns and order "
    "of labels are as others state them, and the hub copy's revision is not pinned",
    licence="CC BY-SA 4.0",
)
ORIGIN = Origin(
    hub="tanganke/kmnist",
    native=28,
    counts={"train": 55_000, "val": 5_000, "test": 10_000},
    folders=("kmnist",),
    folder_names=tuple("おきすつなはまやれを"),
    advice="torchvision.datasets.KMNIST downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
