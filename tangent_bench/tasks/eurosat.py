"""EuroSAT: ten kinds of land in Sentinel-2 images.

Labels are in the alphabetical order of the data set's folder names; CLIP's list has another order.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

# fmt: off
PROMPTS = {  # folder of the data set: its name in CLIP's prompts
    "AnnualCrop": "annual crop land",
    "Forest": "forest",
    "HerbaceousVegetation": "brushland or shrubland",
    "Highway": "highway or road",
    "Industrial": "industrial buildings or commercial buildings",
    "Pasture": "pasture land",
    "PermanentCrop": "permanent crop land",
    "Residential": "residential buildings or homes or apartments",
    "River": "river",
    "SeaLake": "lake or sea",
}
# fmt: on
TASK = Task(
    title="EuroSAT",
    class_names=tuple(PROMPTS.values()),
    templates=(
        "a centered satellite photo of {}.",
        "a centered satellite photo of a {}.",
        "a centered satellite photo of the {}.",
    ),
    kind="real",
    source="EuroSAT, RGB (Helber et al. 2019); class names and prompts: openai/CLIP, "
    "data/prompts.md. The hub copy "
    "has no validation split: there 10 % of its 21,600 training images are cut off for it",
    licence="not stated",
)
ORIGIN = Origin(
    hub="tanganke/eurosat",
    revision="43750fc422c7fbd4289e2df3f7473617a5937acc",
    files={"train": "data/train-*.parquet", "test": "data/test-*.parquet"},
    native=64,
    counts={"train": 21_600, "val": 2_700, "test": 2_700},
    # of a copy without a validation split of its own
    counts_cut={"train": 19_440, "val": 2_160, "test": 2_700},
    folders=("eurosat", "EuroSAT_splits"),
    folder_names=tuple(PROMPTS),
    advice="EuroSAT.zip (github.com/phelber/EuroSAT) works; sort its 27,000 images into train/ "
    "(21,600), val/ and "
    "test/ (2,700 each)",
)
