"""The check with which every `load(split)` begins."""

from __future__ import annotations

from tangent_bench.images.task import SPLITS


def check_split(module: str, split: str, splits: tuple[str, ...] = SPLITS) -> None:
    """Require that `split` is one of `splits`; `module` is the `__name__` of the task's module.

    Raises:
        ValueError: it is not.
    """
    if split not in splits:
        task = module.rpartition(".")[2]
        raise ValueError(
            f"Task {task!r} has no split {split!r}: expected one of {', '.join(splits)}."
        )
