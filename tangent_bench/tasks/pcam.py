"""PCAM: patches of lymph nodes, with and without a tumour in their middle.

Label 1 is a tumour.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

TASK = Task(
    title="PCAM",
    class_names=("lymph node", "lymph node containing metastatic tumor tissue"),
    templates=("this is a photo of {}",),
    kind="real",
    source="PatchCamelyon (Veeling et al. 2018): of its 262,144 training images 5,000 are cut off "
    "for validation as in nik-dim/tall_masks, its own validation images are not used; class names "
    "and prompts: openai/CLIP, data/prompts.md. Never downloaded here: counts, columns and order "
    "of labels are as others state them, and the hub copy's revision is not pinned",
    licence="CC0",
)
ORIGIN = Origin(
    hub="1aurent/PatchCamelyon",
    native=96,
    counts={"train": 257_144, "val": 5_000, "test": 32_768},
    folders=("pcam",),
    advice="torchvision.datasets.PCAM downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
