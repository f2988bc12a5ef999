"""The device of a job's networks.

Sees to it that the device is there, that float32 is float32 on it, and that no two jobs share a GPU
while one is free.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

# An image of 224 pixels takes 2 ms, and a step has 128: one thread would hold up an H200
# (measured).
CROPPING_THREADS = 3
# The lock of this job's GPU: an open file, which the system closes when the process ends.
_held: list[TextIO] = []


def require(device: str) -> None:
    """Raise unless the device is there; of several GPUs, make a free one PyTorch's own.

    On a GPU PyTorch would convolve in TensorFloat-32, which moved embeddings by 1e-4 of their
    length on an H200; that is switched off.

    Raises:
        ValueError: a GPU was asked for and PyTorch finds none.
    """
    import torch

    if device == "cpu":
        return
    if not torch.cuda.is_available():
        raise ValueError(
            "The config has `device: cuda`, but PyTorch finds no GPU here; set `device: cpu`, or "
            'see to the driver (`python -c "import torch; print(torch.cuda.is_available(), '
            'torch.version.cuda)"`).'
        )
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    if not _held:
        places = range(torch.cuda.device_count())
        names = [str(torch.cuda.get_device_properties(place).uuid) for place in places]
        torch.cuda.set_device(choose(names, Path(tempfile.gettempdir())))


def choose(names: Sequence[str], folder: Path) -> int:
    """Place of a GPU that no job of this user holds, which this process holds until it ends.

    With more jobs than GPUs it is one that others hold too, by the number of the process.

    Args:
        names: of the GPUs, the same in every process whatever part of the machine it sees.
        folder: where locks lie, the same for all jobs of the machine.
    """
    for place, name in enumerate(names):
        path = folder / f"tangent_bench-{os.getuid()}-{name}.lock"
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115 (it stays open)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
        else:
            _held.append(file)
            return place
    return os.getpid() % len(names)
