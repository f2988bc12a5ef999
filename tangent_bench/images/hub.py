"""Copies of data sets from the Hugging Face hub: parquet files of a snapshot, tables that `datasets` saved, the hub.

A parquet file of the hub holds encoded images, {bytes, path}, and integer labels; the names of the labels stand in its
schema. It is read by row groups with pyarrow, without a second copy on disk.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tangent_bench.images.stored import Rows, decode, plain
from tangent_bench.images.task import Task

if TYPE_CHECKING:
    from tangent_bench.images.origin import Origin


def package(name: str) -> ModuleType:
    """The module `name` ("pyarrow.parquet", "datasets").

    Raises:
        ValueError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        raise ValueError(
            f"Package {name.partition('.')[0]!r} is not installed, but copies from the hub are read with it: "
            f"pip install 'tangent-bench[paper]'."
        ) from None


def _encoded(cell: dict | bytes | None, what: str) -> bytes:
    """The bytes of one cell of an image column."""
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes):
        raise ValueError(
            f"{what} has no image bytes in it; expected a copy with embedded images: download it again."
        )
    return content


def _damaged(task: str, file: Path, error: Exception) -> ValueError:
    """What to say of a file that was cut short or changed."""
    return ValueError(
        f"Task {task!r}: {file} is no whole parquet file ({error}); download it again."
    )


def _require_columns(task: str, place: str, columns: list[str], origin: Origin) -> None:
    """Raise ValueError unless the columns of images and labels are there."""
    if not {origin.image, origin.label} <= set(columns):
        raise ValueError(
            f"Task {task!r}: {place} has the columns {', '.join(columns)}; expected {origin.image} and {origin.label}. "
            f"Name the right ones (image, label)."
        )


def integers(task: str, place: str, labels: np.ndarray) -> np.ndarray:
    """Labels as int64.

    Raises:
        ValueError: they are not whole numbers.
    """
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"Task {task!r}: labels of {place} are {labels.dtype}; expected a column of class numbers."
        )
    return labels.astype(np.int64)


class ParquetRows:
    """Parquet files of one stored split, in the order of their names, as rows (`_stored.Rows`)."""

    def __init__(self, task: str, files: list[Path], origin: Origin) -> None:
        """Raises ValueError if a file is damaged or lacks the columns that `origin` names."""
        self.task, self.files, self.origin = task, files, origin
        self.place = str(files[0].parent)
        self._parquet = package("pyarrow.parquet")
        columns = [self._column(file) for file in files]
        self.labels = np.concatenate(columns)
        self.names = self._names()

    @contextmanager
    def _open(self, file: Path) -> Iterator:
        try:
            yield self._parquet.ParquetFile(file)
        except OSError as error:
            raise _damaged(self.task, file, error) from None
        except ValueError as error:  # pyarrow's own kind is one too
            raise (
                _damaged(self.task, file, error) if type(error) is not ValueError else error
            ) from None

    def _column(self, file: Path) -> np.ndarray:
        with self._open(file) as found:
            _require_columns(self.task, str(file), found.schema_arrow.names, self.origin)
            return integers(
                self.task, str(file), found.read(columns=[self.origin.label]).column(0).to_numpy()
            )

    def _names(self) -> tuple[str, ...] | None:
        """The names of the labels as `datasets` writes them into the schema, if it did."""
        with self._open(self.files[0]) as found:
            about = (found.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
        label = json.loads(about).get("info", {}).get("features", {}).get(self.origin.label, {})
        return tuple(label["names"]) if isinstance(label, dict) and label.get("names") else None

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) by file and row group, each of which is read once.

        Raises:
            ValueError: an image cannot be decoded.
        """
        wanted, first = np.sort(rows), 0
        for file in self.files:
            with self._open(file) as found:
                for group in range(found.num_row_groups):
                    last = first + found.metadata.row_group(group).num_rows
                    inside = wanted[np.searchsorted(wanted, first) : np.searchsorted(wanted, last)]
                    if len(inside):
                        cells = found.read_row_group(group, columns=[self.origin.image]).column(0)
                        for row in inside.tolist():
                            yield row, self._decode(cells[row - first].as_py(), row)
                    first = last

    def _decode(self, cell: dict | bytes | None, row: int) -> Image.Image:
        what = f"Task {self.task!r}: image {row} of {self.place}"
        return decode(_encoded(cell, what), what, self.origin.turn)


class TableRows:
    """A table of the library `datasets`, as rows (`_stored.Rows`)."""

    def __init__(self, task: str, place: str, table, origin: Origin) -> None:
        """Raises ValueError if the table lacks the columns that `origin` names."""
        self.task, self.place, self.origin = task, place, origin
        _require_columns(task, place, table.column_names, origin)
        self._images = table.select_columns([origin.image]).cast_column(
            origin.image, package("datasets").Image(decode=False)
        )
        labels = table.select_columns([origin.label]).with_format("arrow")[:].column(0)
        self.labels = integers(task, place, labels.to_numpy())
        self.names = tuple(getattr(table.features[origin.label], "names", None) or ()) or None

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image), in the order asked for: the table is memory-mapped.

        Raises:
            ValueError: an image cannot be decoded.
        """
        for row in rows.tolist():
            what, cell = (
                f"Task {self.task!r}: image {row} of {self.place}",
                self._images[row][self.origin.image],
            )
            path = cell.get("path")
            content = (
                Path(path) if cell.get("bytes") is None and path and Path(path).is_file() else None
            )
            yield row, decode(content or _encoded(cell, what), what, self.origin.turn)


def parquet_files(folder: Path, origin: Origin, stored: str) -> list[Path]:
    """The parquet files of a stored split below a snapshot's folder, sorted; none if there are none."""
    config = origin.config or "default"
    patterns = (
        *([origin.files[stored]] if stored in origin.files else []),
        *(
            f"{place}{stored}{rest}"
            for place in (f"{config}/", "data/", "")
            for rest in ("-*.parquet", ".parquet")
        ),
        f"{config}/{stored}/*.parquet",
    )
    return next((found for pattern in patterns if (found := sorted(folder.glob(pattern)))), [])


def local_revision(folder: Path, file: Path) -> str | None:
    """The commit that `hf download --local-dir` noted for a file; None if there is no note."""
    note = folder / ".cache/huggingface/download" / f"{file.relative_to(folder)}.metadata"
    return note.read_text(encoding="utf-8").partition("\n")[0].strip() if note.is_file() else None


def cached_snapshot(origin: Origin) -> tuple[Path | None, list[str]]:
    """The snapshot of the wanted revision in the hub's cache, and the other revisions that lie there."""
    # its parts are imported one by one: the package makes them attributes of itself only when something asks for them
    hub, errors, constants = map(
        package, (f"huggingface_hub{part}" for part in ("", ".errors", ".constants"))
    )
    folder = (
        Path(constants.HF_HUB_CACHE) / f"datasets--{origin.hub.replace('/', '--')}" / "snapshots"
    )
    others = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    try:
        found = hub.snapshot_download(
            origin.hub, repo_type="dataset", revision=origin.revision, local_files_only=True
        )
    except (FileNotFoundError, errors.LocalEntryNotFoundError):
        return None, others
    return Path(found), [name for name in others if name != Path(found).name]


def _is(error: Exception, kind: type[Exception], words: str) -> bool:
    """Whether an error is of a kind of the hub's client, or says so: `datasets` drops the cause of what it raises."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause is not None or words in str(error)


def from_hub(task: str, origin: Origin, stored: str):
    """The table of a stored split from the hub at the pinned revision (or from the cache of `datasets`).

    Raises:
        ValueError: the data set is gated, or has no such revision.
        ConnectionError: it cannot be had for another reason, which the message says.
    """
    datasets, errors = package("datasets"), package("huggingface_hub.errors")
    files = {stored: origin.files[stored]} if stored in origin.files else None
    try:
        return datasets.load_dataset(
            origin.hub,
            None if files else origin.config,
            data_files=files,
            revision=origin.revision,
            split=stored,
        )
    except Exception as error:  # the libraries raise many kinds, often one in another
        if _is(error, errors.GatedRepoError, "gated dataset"):
            raise ValueError(
                f"Task {task!r}: {origin.hub} is gated: accept its terms at "
                f"https://huggingface.co/datasets/{origin.hub}, log in (hf auth login) or set HF_TOKEN, and run the "
                f"same command again."
            ) from None
        if _is(error, errors.RevisionNotFoundError, f"Revision '{origin.revision}' doesn't exist"):
            raise ValueError(
                f"Task {task!r}: {origin.hub} has no revision {origin.revision!r} on the hub; give the commit of one "
                f"that it has (https://huggingface.co/datasets/{origin.hub}/commits/main)."
            ) from None
        raise ConnectionError(
            re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:200]
        ) from None


def require_names(
    stored: tuple[str, ...], name: str, task: Task, origin: Origin, place: str
) -> None:
    """Raise ValueError unless a copy's labels mean what ours mean: label by label, under one of its names."""
    if len(stored) != len(task.class_names):
        raise ValueError(
            f"Task {name!r}: {place} has {len(stored)} classes, expected {len(task.class_names)}; is it other data?"
        )
    ours = zip(task.class_names, origin.folder_names or task.class_names)
    wrong = [
        f"label {label} is {theirs!r}, expected {names[0]!r}"
        for label, (theirs, names) in enumerate(zip(stored, ours))
        if not {plain(part) for part in (theirs, *theirs.split(","))} & {plain(n) for n in names}
    ]
    if len(wrong) > (1 - origin.agreement) * len(stored):
        raise ValueError(
            f"Task {name!r}: the classes of {place} are others than ours, or in another order: {wrong[0]}, and "
            f"{len(wrong) - 1} more; take the copy that the task names ({origin.hub})."
        )


class HubSource:
    """A copy from the hub: parquet files below `folder`, a saved `datasets` table there, or (None) the hub itself."""

    def __init__(
        self, name: str, origin: Origin, folder: Path | None, revision: str | None
    ) -> None:
        self.name, self.origin, self.folder, self.revision = name, origin, folder, revision
        self.place = str(folder or f"{origin.hub} on the hub")

    def has(self, split: str) -> bool:
        """Whether the split is stored."""
        stored = self.origin.splits.get(split)
        if stored is None or self.folder is None:
            return stored is not None
        return (
            bool(parquet_files(self.folder, self.origin, stored)) or (self.folder / stored).is_dir()
        )

    def rows(self, split: str) -> Rows:
        """The images of a stored split, in the order of the copy."""
        stored = self.origin.splits[split]
        if self.folder is None:
            return TableRows(
                self.name, self.place, from_hub(self.name, self.origin, stored), self.origin
            )
        files = parquet_files(self.folder, self.origin, stored)
        if files:
            return ParquetRows(self.name, files, self.origin)
        table = package("datasets").load_from_disk(str(self.folder / stored))
        return TableRows(self.name, str(self.folder / stored), table, self.origin)
