"""Pickled checkpoints read as data: tensors, containers of them, and inert stand-ins for classes.

Nothing is executed. Covers what `torch.save` writes: archives (since torch 1.6), and the sequence
of pickles and storages before.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_CUR, BufferedIOBase, BytesIO
from pathlib import Path
from typing import IO, BinaryIO

from tangent_bench.weights._machine import Machine, Refused, StandIn, Storage, View

_MAGIC = 0x1950A86A20F9469CFC6C  # first pickle of the older format
_ARCHIVE = b"PK\x03\x04"
_PICKLE = b"\x80"
# Errors of pickletools, zipfile and the stack machine on bytes that are no checkpoint.
_DAMAGES = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
)


def damaged(path: Path, reason: str) -> str:
    """The sentence about a file that cannot be read.

    Args:
        path: of the file.
        reason: perhaps of a library, in several lines.
    """
    return f"{path} is truncated or damaged ({' '.join(reason.split())[:200]}); download it again."


def is_pickle(start: bytes) -> bool:
    """Whether a file that begins so is one of torch.save, of either format."""
    return start.startswith((_ARCHIVE, _PICKLE))


def read(path: Path, outline: bool = False) -> object:
    """What `torch.save` wrote: containers, tensors and stand-ins.

    Args:
        path: of the file.
        outline: whether to leave out all numbers; tensors are then on PyTorch's device "meta".

    Raises:
        ValueError: no such file, a damaged one, or a pickle that names anything but tensors and
            modules.
    """
    with _sentences(path), path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start == _ARCHIVE:
            return _archive(path, outline)
        if start[:1] == _PICKLE:
            return _sequence(path, file, outline)
    raise ValueError(
        f"{path} is neither an archive nor a pickle of torch.save; check the download."
    )


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """Turns whatever goes wrong in a foreign file into one sentence."""
    try:
        yield
    except Refused as reason:
        raise ValueError(f"{path} is not read: {reason}. Nothing in it was executed.") from None
    except RecursionError:
        raise ValueError(damaged(path, "it is nested too deeply")) from None
    except _DAMAGES as error:
        raise ValueError(damaged(path, f"{type(error).__name__}: {error}")) from None


def _archive(path: Path, outline: bool) -> object:
    """The format since torch 1.6: an uncompressed archive.

    It holds one pickle and a record for each storage.
    """
    with zipfile.ZipFile(path) as archive:
        _require_no_program(archive)
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Refused(f"the archive holds {len(pickles)} pickles, expected one")
        _require_stored(archive, path.stat().st_size)
        root = pickles[0].removesuffix("data.pkl")
        _require_little_endian(archive, f"{root}byteorder")
        machine = Machine()
        value = machine.run(BytesIO(archive.read(pickles[0])))
        for key, storage in machine.storages.items():
            if outline:
                storage.leave_out()
                continue
            _fill(storage, archive, archive.getinfo(f"{root}data/{key}"))
    return _loaded(value, {})


def _require_no_program(archive: zipfile.ZipFile) -> None:
    """Raise if it is one of TorchScript, as OpenAI's own .pt files are."""
    if any(name.endswith("/constants.pkl") for name in archive.namelist()):
        raise Refused(
            "it is a TorchScript archive, a program that would have to be run; give the same "
            "weights as safetensors (open_clip has copies of OpenAI's on the hub: "
            "open_clip_model.safetensors)"
        )


def _require_little_endian(archive: zipfile.ZipFile, name: str) -> None:
    if name in archive.namelist() and archive.read(name) != b"little":
        raise Refused("its numbers are not little-endian")


def _fill(storage: Storage, archive: zipfile.ZipFile, record: zipfile.ZipInfo) -> None:
    if record.file_size != storage.num_bytes:
        raise Refused(f"record {storage.key!r} has another size than its tensors")
    with archive.open(record) as stream:
        storage.fill(_exactly(stream, storage.num_bytes))


def _require_stored(archive: zipfile.ZipFile, num_bytes: int) -> None:
    """Raise unless every record is in the file as it is; a few bytes could become gigabytes.

    Args:
        archive: the file.
        num_bytes: its size.
    """
    for record in archive.infolist():
        if record.compress_type != zipfile.ZIP_STORED:
            raise Refused(f"record {record.filename!r} is compressed, which torch.save does not")
    if sum(record.file_size for record in archive.infolist()) > num_bytes:
        raise Refused("its records are larger than the file, or lie in one another")


def _sequence(path: Path, file: BinaryIO, outline: bool) -> object:
    """The format before torch 1.6.

    Pickles of a magic number, a version, facts, the object and the keys; then raw storages.
    """
    machine = Machine()
    if machine.run(file) != _MAGIC:
        raise Refused("it does not begin as torch.save does")
    machine.run(file)  # version
    machine.run(file)  # facts
    value = machine.run(file)
    keys = machine.run(file)
    if not isinstance(keys, list | tuple):
        raise Refused(f"its storages' keys are a {type(keys).__name__}, expected a list")
    for key in keys:
        storage = machine.storages[key if isinstance(key, str) else str(int(key))]
        if int.from_bytes(_exactly(file, 8), "little") != storage.count:
            raise Refused(f"storage {key!r} has another size than its tensors")
        if storage.num_bytes > path.stat().st_size:  # before memory is taken for it
            raise EOFError("it ends too early")
        if outline:
            storage.leave_out()
            file.seek(storage.num_bytes, SEEK_CUR)
            continue
        storage.fill(_exactly(file, storage.num_bytes))
    return _loaded(value, {})


def _exactly(stream: IO[bytes], count: int) -> bytearray:
    assert isinstance(stream, BufferedIOBase), stream
    content = bytearray(count)
    if stream.readinto(content) != count:
        raise EOFError("it ends too early")
    return content


def _loaded(value: object, seen: dict[int, object]) -> object:
    """The value with tensors in place of their descriptions.

    Args:
        value: changed in place if it is a container.
        seen: containers that were visited, by id; none is visited twice.
    """
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
