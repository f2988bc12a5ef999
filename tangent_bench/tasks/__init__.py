"""Tasks: one file for each dataset. A task module has `TASK` and `load(split)`.

Legend of shape suffixes: N images, H height, W width, C channels.
"""

from tangent_bench.images.task import SIDE, SPLITS, Images, Task

__all__ = ["SIDE", "SPLITS", "Images", "Task"]
