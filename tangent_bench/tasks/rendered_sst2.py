"""RenderedSST2: sentences of film reviews, drawn as images, praising or not.

Label 1 is praise.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

TASK = Task(
    title="RenderedSST2",
    class_names=("negative", "positive"),
    templates=("a {} review of a movie.",),
    kind="rendered",
    source="Rendered SST2 (Radford et al. 2021, after Socher et al. 2013): of its 6,920 training "
    "images a tenth is cut off for validation as in nik-dim/tall_masks, its own validation images "
    "are not used; class names and prompts: openai/CLIP, data/prompts.md. Never downloaded here: "
    "counts, columns and order of labels are as others state them, and the hub copy's revision is "
    "not pinned",
    licence="not stated",
)
ORIGIN = Origin(
    hub="nateraw/rendered-sst2",
    counts={"train": 6_228, "val": 692, "test": 1_821},
    folders=("rendered_sst2",),
    advice="torchvision.datasets.RenderedSST2 downloads it; its images can be saved as "
    "train/<class>/*.png and test/<class>/*.png",
)
