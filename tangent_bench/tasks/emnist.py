"""EMNIST: handwritten letters, capitals and small ones as one class.

Label k is the letter k of the alphabet, from 0. The images lie on their side, as they are
published.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

TASK = Task(
    title="EMNIST",
    class_names=tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    templates=('a photo of the digit character: "{}".',),
    kind="real",
    source="EMNIST, letters (Cohen et al. 2017), the copy and the class names of FusionBench's "
    "twenty tasks; nik-dim/tall_masks has EMNIST's 280,000 digits in their place. CLIP lists no "
    "prompt for it: that of both. Never downloaded here: counts, columns and order of labels are "
    "as others state them, and the hub copy's revision is not pinned",
    licence="not stated",
)
ORIGIN = Origin(
    hub="tanganke/emnist_letters",
    native=28,
    counts={"train": 119_800, "val": 5_000, "test": 20_800},
    folders=("emnist",),
    advice="torchvision.datasets.EMNIST downloads it (split letters), with labels from 1; its "
    "images can be saved as train/<letter>/*.png and test/<letter>/*.png",
)
