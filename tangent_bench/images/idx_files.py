"""Files of the format idx, in which MNIST and its relatives are published, plain or by gzip.

    0 0 8 d    8: unsigned bytes, d: number of dimensions
    n_1 … n_d  sizes, four bytes each, the most significant first
    …          as many bytes as their product, the last dimension fastest

Reference: LeCun, Cortes and Burges, The MNIST database of handwritten digits.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import numpy as np

_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTES = 8
_MOST_PACKED = 1040  # bytes that one byte of gzip may stand for


def shape(file: Path, num_dimensions: int, what: str) -> tuple[int, ...]:
    """The sizes that the header of a file states.

    Args:
        file: plain or packed by gzip, whatever it is called.
        num_dimensions: 3 for images, 1 for labels.
        what: begins the error's sentence.

    Raises:
        ValueError: it is no such file, or is too small for what it states.
    """
    with _opened(file, what) as stream:
        return _shape(stream, file, num_dimensions, what)


def read(file: Path, num_dimensions: int, what: str) -> np.ndarray:
    """The bytes of a file as an array, uint8, with the sizes that its header states.

    Args:
        file: plain or packed by gzip, whatever it is called.
        num_dimensions: 3 for images, 1 for labels.
        what: begins the error's sentence.

    Raises:
        ValueError: it is no such file, is damaged, or is longer or shorter than it states.
    """
    with _opened(file, what) as stream:
        sizes = _shape(stream, file, num_dimensions, what)
        number = math.prod(sizes)
        content = stream.read(number)
        if len(content) < number:
            raise _cut_short(file, sizes, what)
        if stream.read(1):
            raise ValueError(
                f"{what}: {file} goes on after the {_words(sizes)} bytes that it states; download "
                f"it again."
            )
    return np.frombuffer(content, dtype=np.uint8).reshape(sizes)


@contextmanager
def _opened(file: Path, what: str) -> Iterator[BufferedIOBase]:
    """The unpacked bytes of a file; what fails within is one sentence."""
    try:
        with file.open("rb") as stream:
            is_packed = stream.read(2) == _GZIP
        with gzip.open(file) if is_packed else file.open("rb") as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{what}: {file} cannot be read to its end ({error}); download it again."
        ) from None


def _shape(stream: BufferedIOBase, file: Path, num_dimensions: int, what: str) -> tuple[int, ...]:
    expected = bytes((0, 0, _UNSIGNED_BYTES, num_dimensions))
    start = stream.read(4)
    if start != expected:
        raise ValueError(
            f"{what}: {file} begins with the bytes {start.hex(' ') or '(none)'}, expected "
            f"{expected.hex(' ')}, as idx files of {'images' if num_dimensions == 3 else 'labels'} "
            f"do; is it another file?"
        )
    header = stream.read(4 * num_dimensions)
    sizes = tuple(np.frombuffer(header[: len(header) // 4 * 4], dtype=">u4").tolist())
    if len(sizes) < num_dimensions:
        raise ValueError(f"{what}: {file} ends within its header; download it again.")
    # Before so many bytes are asked for: a damaged header may state more than there is memory.
    if math.prod(sizes) > _most(file):
        raise _cut_short(file, sizes, what)
    return sizes


def _most(file: Path) -> int:
    """The bytes that a file can hold at most."""
    return _MOST_PACKED * file.stat().st_size


def _cut_short(file: Path, sizes: tuple[int, ...], what: str) -> ValueError:
    return ValueError(
        f"{what}: {file} ends before the {_words(sizes)} bytes that it states; download it again."
    )


def _words(sizes: tuple[int, ...]) -> str:
    """Sizes in a sentence.

    >>> _words((60000, 28, 28))
    '60,000 × 28 × 28'
    """
    return " × ".join(f"{size:,}" for size in sizes)
