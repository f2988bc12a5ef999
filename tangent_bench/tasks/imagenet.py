"""ImageNet-1k, the control: 1,000 classes.

Validation is 5,000 training images, test the 50,000 validation images. Labels are in the
alphabetical order of the WordNet ids, as in the hub copy and in open_clip's names. Those and the
templates are read from open_clip's metadata, a file of lists, without importing open_clip. Two
names repeat, as in CLIP: "missile" and "sunglasses" stand for two classes each.
"""

from __future__ import annotations

import runpy

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task
from tangent_bench.tasks._files import package_file

_METADATA = runpy.run_path(str(package_file("open_clip", "zero_shot_metadata.py")))

TASK = Task(
    title="ImageNet",
    class_names=tuple(_METADATA["IMAGENET_CLASSNAMES"]),
    templates=tuple(template("{}") for template in _METADATA["OPENAI_IMAGENET_TEMPLATES"]),
    kind="real",
    source="ILSVRC 2012 (Russakovsky et al. 2015); 'val' is 5,000 images of its training set, "
    "'test' its 50,000 "
    "validation images; class names and prompts: open_clip",
    licence="not stated; terms to be accepted on the hub",
    splits=("val", "test"),
)
ORIGIN = Origin(
    hub="ILSVRC/imagenet-1k",
    revision="49e2ee26f3810fb5a7536bbf732a7b07389a47b5",
    files={"train": "data/train-*.parquet", "validation": "data/validation-*.parquet"},
    splits={"train": "train", "test": "validation"},
    counts={"val": 5_000, "test": 50_000},
    folders=("imagenet",),
    test_folders=("val_in_folder", "test", "val"),  # in the official layout val/ holds the 50,000
    # 830 of the hub's 1,000 names have CLIP's among their synonyms; in another order hardly any
    agreement=0.75,
    advice="the archives of image-net.org, sorted into train/<wnid>/ and val/<wnid>/",
    without_train="ImageNet's validation split is 5,000 of its 1,281,167 training images, so that "
    "the 50,000 "
    "validation images (our 'test') are not enough: add train/<wnid>/, or keep the 50,000 in test/ "
    "and "
    "put 5,000 training images into val/<wnid>/",
)
