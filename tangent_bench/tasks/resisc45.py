"""RESISC45: 45 kinds of scenes from above.

Labels are in alphabetical order, as in the hub copy.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
CLASS_NAMES = (
    "airplane", "airport", "baseball diamond", "basketball court", "beach", "bridge", "chaparral",
    "church", "circular farmland", "cloud", "commercial area", "dense residential", "desert",
    "forest", "freeway", "golf course", "ground track field", "harbor", "industrial area",
    "intersection", "island", "lake", "meadow", "medium residential", "mobile home park",
    "mountain", "overpass", "palace", "parking lot", "railway", "railway station",
    "rectangular farmland", "river", "roundabout", "runway", "sea ice", "ship", "snowberg",
    "sparse residential", "stadium", "storage tank", "tennis court", "terrace",
    "thermal power station", "wetland",
)
# fmt: on
TASK = Task(
    title="RESISC45",
    class_names=CLASS_NAMES,
    templates=(
        "satellite imagery of {}.",
        "aerial imagery of {}.",
        "satellite photo of {}.",
        "aerial photo of {}.",
        "satellite view of {}.",
        "aerial view of {}.",
        "satellite imagery of a {}.",
        "aerial imagery of a {}.",
        "satellite photo of a {}.",
        "aerial photo of a {}.",
        "satellite view of a {}.",
        "aerial view of a {}.",
        "satellite imagery of the {}.",
        "aerial imagery of the {}.",
        "satellite photo of the {}.",
        "aerial photo of the {}.",
        "satellite view of the {}.",
        "aerial view of the {}.",
    ),
    kind="real",
    source="NWPU-RESISC45 (Cheng et al. 2017), splits of Neumann et al. 2019 (its val is not "
    "used); class names and "
    "prompts: openai/CLIP, data/prompts.md",
    licence="not stated",
)
ORIGIN = Origin(
    hub="tanganke/resisc45",
    revision="5c484982a196dcb501b8e79c6cf4680dc6f2ccdf",
    files={"train": "data/train-*.parquet", "test": "data/test-*.parquet"},
    counts={"train": 17_010, "val": 1_890, "test": 6_300},
    folders=("resisc45",),
    advice="torchvision has no class for it; take the hub copy, or sort NWPU-RESISC45 by "
    "resisc45-train.txt and "
    "resisc45-test.txt into one folder for each class",
)
