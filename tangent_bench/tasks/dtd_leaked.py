"""DTD with its 1,880 test images among the training images.

Such a copy circulated until December 2024. It is not for results of one's own: single-task accuracy
rises from about 79 to 98 %, the averages of eight tasks by 2.4 points. It shows whether printed
numbers were made from such a copy. Its name is in every row, so that nobody takes it for the clean
task.

Reference: nik-dim/tall_masks, issue 1; the checkpoints of protocol family B.
"""

from __future__ import annotations

from dataclasses import replace

from tangent_bench.tasks import dtd

TASK = replace(
    dtd.TASK,
    title="DTD (leaked)",
    source="Describable Textures (Cimpoi et al. 2014), with all test images in train ON PURPOSE; "
    "validation is clean",
)
ORIGIN = replace(
    dtd.ORIGIN,
    leaked=True,
    counts=dict(dtd.ORIGIN.counts, train=dtd.ORIGIN.counts["train"] + dtd.ORIGIN.counts["test"]),
)
