"""Pickled checkpoints read as data: tensors, containers of them, and inert stand-ins for classes; nothing is executed.

Covers what `torch.save` writes: archives (since torch 1.6), and the sequence of pickles and storages before.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from tangent_bench.checkpoints._machine import Machine, Refused, StandIn, View

_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of the older format
_ARCHIVE, _PICKLE = b"PK\x03\x04", b"\x80"


def damaged(path: Path, reason: str) -> str:
    """The sentence about a file that cannot be read; the reason may be of a library, in lines."""
    return f"{path} is truncated or damaged ({' '.join(reason.split())[:200]}); download it again."


def read(path: Path) -> object:
    """What `torch.save` wrote: containers, tensors and stand-ins.

    Raises:
        ValueError: no such file, a damaged one, or a pickle that names anything but tensors and modules.
    """
    with _sentences(path), path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == _ARCHIVE:
            return _archive(path)
        if start[:1] == _PICKLE:
            return _sequence(path, file)
    raise ValueError(
        f"{path} is neither an archive nor a pickle of torch.save; check the download."
    )


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Whatever goes wrong in a foreign file, as one sentence."""
    try:
        yield
    except Refused as reason:
        raise ValueError(f"{path} is not read: {reason}. Nothing in it was executed.") from None
    except RecursionError:
        raise ValueError(damaged(path, "it is nested too deeply")) from None
    # What pickletools, zipfile and this stack machine meet in bytes that are no checkpoint.
    except (ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, NotImplementedError, OSError,
            RuntimeError, TypeError, ValueError, zipfile.BadZipFile) as error:  # fmt: skip
        raise ValueError(damaged(path, f"{type(error).__name__}: {error}")) from None


def _archive(path: Path) -> object:
    """The format since torch 1.6: an uncompressed archive of one pickle and a record for each storage."""
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Refused(f"the archive holds {len(pickles)} pickles, expected one")
        _require_stored(archive, path.stat().st_size)
        root = pickles[0].removesuffix("data.pkl")
        if (
            f"{root}byteorder" in archive.namelist()
            and archive.read(f"{root}byteorder") != b"little"
        ):
            raise Refused("its numbers are not little-endian")
        machine = Machine()
        found = machine.run(BytesIO(archive.read(pickles[0])))
        for key, storage in machine.storages.items():
            record = archive.getinfo(f"{root}data/{key}")
            if record.file_size != storage.num_bytes:
                raise Refused(f"record {key!r} has another size than its tensors")
            with archive.open(record) as stream:
                storage.fill(_exactly(stream, storage.num_bytes))
    return _loaded(found, {})


def _require_stored(archive: zipfile.ZipFile, num_bytes: int) -> None:
    """Nothing is unpacked that is not in the file as it is: a few bytes would become gigabytes."""
    for record in archive.infolist():
        if record.compress_type != zipfile.ZIP_STORED:
            raise Refused(f"record {record.filename!r} is compressed, which torch.save does not")
    if sum(record.file_size for record in archive.infolist()) > num_bytes:
        raise Refused("its records are larger than the file, or lie in one another")


def _sequence(path: Path, file: BinaryIO) -> object:
    """The format before: pickles of a magic number, a version, facts, the object and the keys; then raw storages."""
    machine = Machine()
    if machine.run(file) != _MAGIC:
        raise Refused("it does not begin as torch.save does")
    machine.run(file), machine.run(file)
    found, keys = machine.run(file), machine.run(file)
    for key in keys:
        storage = machine.storages[key if isinstance(key, str) else str(int(key))]
        if int.from_bytes(_exactly(file, 8), "little") != storage.count:
            raise Refused(f"storage {key!r} has another size than its tensors")
        if storage.num_bytes > path.stat().st_size:  # before memory is taken for it
            raise EOFError("it ends too early")
        storage.fill(_exactly(file, storage.num_bytes))
    return _loaded(found, {})


def _exactly(stream: BinaryIO, count: int) -> bytearray:
    content = bytearray(count)
    if stream.readinto(content) != count:
        raise EOFError("it ends too early")
    return content


def _loaded(value: object, seen: dict[int, object]) -> object:
    """The same with tensors for their descriptions; containers in place, so that nothing is visited twice."""
    if isinstance(value, View):
        return value.tensor()
    if id(value) in seen or not isinstance(value, (dict, list, tuple, StandIn)):
        return value
    seen[id(value)] = value
    if isinstance(value, dict):
        value.update({key: _loaded(inner, seen) for key, inner in value.items()})
    elif isinstance(value, list):
        value[:] = [_loaded(inner, seen) for inner in value]
    elif isinstance(value, StandIn):
        value.state = _loaded(value.state, seen)
    return value
