"""Digest of a split in memory, and whether it is the pinned one."""

from __future__ import annotations

import csv
import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from tangent_bench.tasks import Images

FILE = Path(__file__).parents[2] / "workflow" / "resources" / "digests.csv"


@cache
def pins() -> dict[tuple[str, str], tuple[str, str]]:
    """(num_images, sha256) of each (task, split)."""
    with FILE.open(newline="") as file:
        return {
            (row["task"], row["split"]): (row["num_images"], row["sha256"])
            for row in csv.DictReader(file)
        }


def require_pinned(name: str, split: str, images: Images) -> None:
    """Images are byte for byte those that the published numbers are about, where there are any."""
    content = (str(len(images.labels)), content_digest(images))
    pinned = pins().get((name, split), content)
    assert content == pinned, (
        f"Images of {name}/{split} are not those that {FILE.name} pins: they give {content}, "
        f"expected {pinned}. Without a change of the task, look at the versions of Pillow and "
        "NumPy. With one, every result of the task is void; then write the row "
        f"{name},{split},{','.join(content)} into workflow/resources/{FILE.name}."
    )


def content_digest(images: Images) -> str:
    """Hexadecimal SHA-256 of the bytes of the images, then of the labels as little-endian int64."""
    digest = hashlib.sha256(np.ascontiguousarray(images.images, dtype=np.uint8).tobytes())
    digest.update(np.ascontiguousarray(images.labels, dtype="<i8").tobytes())
    return digest.hexdigest()
