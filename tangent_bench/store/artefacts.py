"""Files that last: safetensors with a digest of their content, written atomically, verified at
every read.

Snakemake knows that a file exists, not what is in it; here a flipped bit or a missing tail is an
error with a way out.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

_META = "tangent_bench"
# Types of safetensors → those of NumPy.
_TYPES = {"U8": "u1", "I64": "<i8", "U16": "<u2", "F32": "<f4", "F64": "<f8"}
_NOTHING = np.empty(0, dtype=np.uint8)


class DamagedFile(ValueError):
    """A file whose content is not what was written; the message names it, and how to rebuild it."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(
            f"{path} is damaged: {reason}. Delete it and run the same command again; it will be "
            "rebuilt."
        )


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its name only if the block succeeds.

    Raises:
        ValueError: the disk is full or the folder cannot be written; nothing is left behind.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise ValueError(_cannot_write(path, error)) from None
    try:
        yield Path(name)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        with open(name, "rb") as written:
            os.fsync(written.fileno())
        os.replace(name, path)
    except OSError as error:
        raise ValueError(_cannot_write(path, error)) from None
    finally:
        Path(name).unlink(missing_ok=True)


def _cannot_write(path: Path, error: OSError) -> str:
    return (
        f"Cannot write {path}: {error.strerror or error}. Free space or choose another `results` "
        "folder in the config, then run the same command again; finished files are kept."
    )


def write_text(path: str | Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def digest(tensors: dict[str, np.ndarray]) -> str:
    """sha256 of names, types, shapes and bytes, in order of name.

    >>> zeros = digest({"x": np.zeros(2, np.float32)})
    >>> zeros == digest({"x": np.zeros(2, np.float32)})
    True
    >>> zeros == digest({"x": np.ones(2, np.float32)})
    False
    """
    state = hashlib.sha256()
    for name in sorted(tensors):
        array = np.asarray(tensors[name], order="C")
        state.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        state.update(array.data)
    return state.hexdigest()


def save(
    path: str | Path,
    kind: str,
    tensors: dict[str, np.ndarray],
    beside: Mapping[str, str] | None = None,
    /,
    **about: object,
) -> str:
    """Write arrays as safetensors with their digest, which is returned.

    Args:
        path: of the file.
        kind: what the file is ("vector", "features", ...); `load` insists on it.
        tensors: the arrays by name.
        beside: entries of the header that other programs look for.
        about: facts about them that JSON can hold.
    """
    from safetensors.numpy import save_file

    tensors = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    sha256 = digest(tensors)
    text = json.dumps({"kind": kind, "sha256": sha256, "about": about}, sort_keys=True)
    with atomic(path) as temporary:
        try:
            # The facts have a digest of their own: they are no tensors, and a flipped bit there
            # would be believed.
            header = {**(beside or {}), _META: f"{_sha256(text)} {text}"}
            save_file(tensors, temporary, metadata=header)
        except OSError:
            raise
        except Exception as error:  # safetensors reports a full disk as its own error type
            raise OSError(0, str(error)) from None
    return sha256


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(path: str | Path, entry: str | None) -> dict | None:
    """What `save` wrote into the header, after its digest was checked; None of a foreign file."""
    if entry is None:
        return None
    sha256, _, text = entry.partition(" ")
    if _sha256(text) != sha256:
        raise DamagedFile(path, "its description does not match its sha256")
    return json.loads(text)


class Growing:
    """A file under way whose first tensor, uint8, grows piece by piece; see `writing`."""

    def __init__(self, file: BinaryIO, kind: str, name: str, about: Mapping[str, object]) -> None:
        self._file = file
        self._kind = kind
        self._name = name
        self._about = dict(about)
        self._room = 4096 + len(json.dumps(self._about))  # of the header, which is written last
        self._room += -self._room % 8
        file.seek(8 + self._room)
        self._size = 0

    def append(self, array: np.ndarray) -> int:
        """Add the bytes of an array; returns how many."""
        data = np.ascontiguousarray(array, dtype=np.uint8).tobytes()
        self._file.write(data)
        self._size += len(data)
        return len(data)

    def finish(self, tensors: Mapping[str, np.ndarray]) -> str:
        """Add the other tensors, whole, and the header; returns the digest."""
        self.append(np.zeros(-self._size % 8, dtype=np.uint8))  # or the next tensor would lie askew
        integers = {
            name: np.ascontiguousarray(array, dtype="<i8") for name, array in tensors.items()
        }
        entries = self._entries(integers)
        for array in integers.values():
            self._file.write(array.tobytes())
        self._file.flush()
        sha256 = digest({self._name: self._grown(), **integers})
        facts = {"kind": self._kind, "sha256": sha256, "about": self._about}
        text = json.dumps(facts, sort_keys=True)
        header = json.dumps(entries | {"__metadata__": {_META: f"{_sha256(text)} {text}"}}).encode()
        assert len(header) <= self._room, "the header is larger than its room"
        self._file.seek(0)
        self._file.write(self._room.to_bytes(8, "little") + header.ljust(self._room))
        return sha256

    def _entries(self, integers: Mapping[str, np.ndarray]) -> dict[str, object]:
        """Type, shape and place of each tensor, as the header has them."""
        end = self._size
        entries: dict[str, object] = {
            self._name: {"dtype": "U8", "shape": [end], "data_offsets": [0, end]}
        }
        for name, array in integers.items():
            start = end
            end += array.nbytes
            entries[name] = {
                "dtype": "I64",
                "shape": list(array.shape),
                "data_offsets": [start, end],
            }
        return entries

    def _grown(self) -> np.ndarray:
        """The tensor that grew, in the file."""
        if not self._size:
            return _NOTHING
        return np.memmap(self._file.name, np.uint8, "r", 8 + self._room, (self._size,))


@contextmanager
def writing(
    path: str | Path, kind: str, name: str, about: Mapping[str, object]
) -> Iterator[Growing]:
    """A file as of `save` for what does not fit into memory.

    Args:
        path: of the file.
        kind: what the file is.
        name: of the tensor that grows; the others come at the end.
        about: facts about them that JSON can hold.
    """
    with atomic(path) as temporary, open(temporary, "wb") as file:
        yield Growing(file, kind, name, about)


def mapped(path: str | Path, kind: str) -> tuple[dict[str, np.ndarray], dict]:
    """As `load`, but the arrays stay in the file, and cannot be written.

    They are read once for the digest, then as they are used.
    """
    from safetensors import safe_open

    if not Path(path).is_file():
        return load(path, kind)  # which says so
    try:
        with safe_open(path, framework="numpy"):  # a damaged header is refused here
            pass
        with open(path, "rb") as file:
            room = int.from_bytes(file.read(8), "little")
            entries = json.loads(file.read(room))
    except Exception as error:
        raise DamagedFile(path, f"it is no readable safetensors file ({error})") from None
    meta = _facts(path, entries.pop("__metadata__", {}).get(_META))
    if meta is None:
        raise _foreign(path, kind)  # before its types are looked at, which need not be ours
    try:
        tensors = {name: _mapped(path, 8 + room, entry) for name, entry in entries.items()}
    except KeyError as dtype:
        raise DamagedFile(
            path, f"it holds numbers of type {dtype}, which no {kind} file does"
        ) from None
    return tensors, _checked(path, kind, meta, tensors)


def _mapped(path: str | Path, start: int, entry: Mapping) -> np.ndarray:
    dtype = np.dtype(_TYPES[entry["dtype"]])
    shape = tuple(entry["shape"])
    if 0 in shape:
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", start + entry["data_offsets"][0], shape)


def _foreign(path: str | Path, kind: str) -> ValueError:
    return ValueError(
        f"{path} was not written by tangent_bench: expected a {kind} file with a digest. If a run "
        "built it, it is damaged: delete it and run the same command again."
    )


def _checked(
    path: str | Path, kind: str, meta: dict | None, tensors: dict[str, np.ndarray]
) -> dict:
    """The facts about a file, if it is of this kind and its content is what was written."""
    if meta is None:
        raise _foreign(path, kind)
    if meta["kind"] != kind:
        raise ValueError(
            f"{path} holds {meta['kind']!r}, expected {kind!r}; check the path in the config."
        )
    if digest(tensors) != meta["sha256"]:
        raise DamagedFile(path, "its content does not match its sha256")
    return {**meta["about"], "sha256": meta["sha256"]}


def load(path: str | Path, kind: str) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and facts of a file written by `save`, after its digest was checked.

    Raises:
        ValueError: no such file, or a file of another kind.
        DamagedFile: it cannot be read, or its content does not match its digest.
    """
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise ValueError(
            f"Missing file {path}: a {kind} file was expected there; run the same command again to "
            "build it."
        )
    try:
        with safe_open(path, framework="numpy") as file:
            meta = _facts(path, (file.metadata() or {}).get(_META))
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except DamagedFile:
        raise
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFile(path, f"it is no readable safetensors file ({error})") from None
    return tensors, _checked(path, kind, meta, tensors)
