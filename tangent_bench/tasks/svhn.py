"""SVHN: street view house numbers, cropped digits.

Label k is the digit k.
"""

from __future__ import annotations

from tangent_bench.images.origin import Origin
from tangent_bench.tasks import Task

TASK = Task(
    title="SVHN",
    class_names=tuple(str(digit) for digit in range(10)),
    templates=('a photo of the number: "{}".',),
    kind="real",
    source="SVHN, cropped digits without 'extra' (Netzer et al. 2011); CLIP lists no prompt for "
    "it: that of MNIST, as "
    "in the paper's code",
    licence="custom, non-commercial (as the hub copy ufldl-stanford/svhn states)",
)
ORIGIN = Origin(
    hub="ufldl-stanford/svhn",
    revision="f9e1717d73324ebbc1ece84267ccd80d0aca0690",
    files={"train": "cropped_digits/train-*.parquet", "test": "cropped_digits/test-*.parquet"},
    config="cropped_digits",
    native=32,
    counts={"train": 68_257, "val": 5_000, "test": 26_032},
    folders=("svhn",),
    advice="torchvision.datasets.SVHN downloads it; its images can be saved as train/<digit>/*.png "
    "and "
    "test/<digit>/*.png",
)
