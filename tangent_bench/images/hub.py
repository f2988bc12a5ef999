"""Copies of data sets from the Hugging Face hub.

A copy is the parquet files of a snapshot, a table that `datasets` saved, or the hub itself. A
parquet file of the hub holds encoded images, {bytes, path}, and integer labels; its schema holds
the names of the labels. pyarrow reads it by row groups, without a second copy on disk.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tangent_bench.images.class_folders import SPLIT_WORDS
from tangent_bench.images.decoding import decode
from tangent_bench.images.notes import say_once
from tangent_bench.images.stored import Rows, plain
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
            f"Package {name.partition('.')[0]!r} is not installed, but copies from the hub are "
            f"read with it: pip install 'tangent-bench[paper]'."
        ) from None


def _encoded(cell: dict | bytes | None, what: str) -> bytes:
    """The bytes of one cell of an image column."""
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    if not isinstance(content, bytes):
        raise ValueError(
            f"{what} has no image bytes in it; expected a copy with embedded images: "
            f"download it again."
        )
    return content


def _damaged(task: str, file: Path, error: Exception) -> ValueError:
    """The error for a file that was cut short or changed."""
    return ValueError(
        f"Task {task!r}: {file} is no whole parquet file ({error}); download it again."
    )


def _require_columns(task: str, place: str, columns: list[str], origin: Origin) -> None:
    """Raise ValueError unless the columns of images and labels are there."""
    if not {origin.image, origin.label} <= set(columns):
        raise ValueError(
            f"Task {task!r}: {place} has the columns {', '.join(columns)}; expected "
            f"{origin.image} and {origin.label}. Name the right ones (image, label)."
        )


def integers(task: str, place: str, labels: np.ndarray) -> np.ndarray:
    """The `labels` that a `task` has at a `place`, as int64.

    Raises:
        ValueError: they are neither whole numbers nor truth values.
    """
    if labels.dtype.kind not in "iub":  # PCAM's copy says true and false
        raise ValueError(
            f"Task {task!r}: labels of {place} are {labels.dtype}; expected a column of class "
            f"numbers."
        )
    return labels.astype(np.int64)


class ParquetRows:
    """Parquet files of one stored split, in the order of their names, as `stored.Rows`."""

    def __init__(self, task: str, files: list[Path], origin: Origin) -> None:
        """Raises ValueError if a file is damaged or lacks the columns that `origin` names."""
        self.task = task
        self.files = files
        self.origin = origin
        self.place = str(files[0].parent)
        self._parquet = package("pyarrow.parquet")
        self.labels = np.concatenate([self._labels(file) for file in files])
        self.names = self._names()

    @contextmanager
    def _open(self, file: Path) -> Iterator:
        try:
            yield self._parquet.ParquetFile(file)
        except OSError as error:
            raise _damaged(self.task, file, error) from None
        except ValueError as error:  # pyarrow's own error is a subclass of it
            if type(error) is ValueError:
                raise error from None
            raise _damaged(self.task, file, error) from None

    def _labels(self, file: Path) -> np.ndarray:
        with self._open(file) as parquet:
            _require_columns(self.task, str(file), parquet.schema_arrow.names, self.origin)
            column = parquet.read(columns=[self.origin.label]).column(0)
            return integers(self.task, str(file), column.to_numpy())

    def _names(self) -> tuple[str, ...] | None:
        """The names of the labels, if the schema has them as `datasets` writes them."""
        with self._open(self.files[0]) as parquet:
            facts = (parquet.schema_arrow.metadata or {}).get(b"huggingface", b"{}")
        label = json.loads(facts).get("info", {}).get("features", {}).get(self.origin.label, {})
        return tuple(label["names"]) if isinstance(label, dict) and label.get("names") else None

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) of `rows` by file and row group; each group is read once.

        Raises:
            ValueError: an image cannot be decoded.
        """
        ordered = np.sort(rows)
        first = 0
        for file in self.files:
            with self._open(file) as parquet:
                for group in range(parquet.num_row_groups):
                    last = first + parquet.metadata.row_group(group).num_rows
                    start, stop = np.searchsorted(ordered, (first, last))
                    if stop > start:
                        yield from self._read_group(parquet, group, first, ordered[start:stop])
                    first = last

    def _read_group(
        self, parquet, group: int, first: int, rows: np.ndarray
    ) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) of `rows` of a row group whose first row is `first`."""
        cells = parquet.read_row_group(group, columns=[self.origin.image]).column(0)
        for row in rows.tolist():
            yield row, self._decode(cells[row - first].as_py(), row)

    def name(self, row: int) -> str:
        """Number and place of a row."""
        return f"image {row} of {self.place}"

    def _decode(self, cell: dict | bytes | None, row: int) -> Image.Image:
        what = f"Task {self.task!r}: {self.name(row)}"
        return decode(_encoded(cell, what), what, self.origin.turn)


class TableRows:
    """A table of the library `datasets`, as `stored.Rows`."""

    def __init__(self, task: str, place: str, table, origin: Origin) -> None:
        """Raises ValueError if the table lacks the columns that `origin` names."""
        self.task = task
        self.place = place
        self.origin = origin
        _require_columns(task, place, table.column_names, origin)
        encoded = package("datasets").Image(decode=False)
        self._images = table.select_columns([origin.image]).cast_column(origin.image, encoded)
        labels = table.select_columns([origin.label]).with_format("arrow")[:].column(0)
        self.labels = integers(task, place, labels.to_numpy())
        names = getattr(table.features[origin.label], "names", None)
        self.names: tuple[str, ...] | None = tuple(names) if names else None

    def read(self, rows: np.ndarray) -> Iterator[tuple[int, Image.Image]]:
        """(row, RGB image) in the order of `rows`: the table is memory-mapped.

        Raises:
            ValueError: an image cannot be decoded.
        """
        for row in rows.tolist():
            what = f"Task {self.task!r}: {self.name(row)}"
            cell = self._images[row][self.origin.image]
            content = _file_of(cell) or _encoded(cell, what)
            yield row, decode(content, what, self.origin.turn)

    def name(self, row: int) -> str:
        """Number and place of a row."""
        return f"image {row} of {self.place}"


def _file_of(cell: dict) -> Path | None:
    """The file that a cell without bytes names, if it exists."""
    path = cell.get("path")
    if cell.get("bytes") is None and path and Path(path).is_file():
        return Path(path)
    return None


def parquet_files(folder: Path, origin: Origin, stored: str) -> list[Path]:
    """The parquet files of a split `stored` below a snapshot's `folder`, sorted; [] without any.

    The pattern that `origin` names comes first, then those that the hub uses.
    """
    config = origin.config or "default"
    patterns = [origin.files[stored]] if stored in origin.files else []
    for place in (f"{config}/", "data/", ""):
        patterns += [f"{place}{stored}-*.parquet", f"{place}{stored}.parquet"]
    patterns.append(f"{config}/{stored}/*.parquet")
    for pattern in patterns:
        files = sorted(folder.glob(pattern))
        if files:
            return files
    return []


def split_names(folder: Path, origin: Origin) -> list[str]:
    """Names of the splits that a copy in `folder` holds, as a saved table or parquet files."""
    saved = folder / "dataset_dict.json"
    if saved.is_file():
        return list(json.loads(saved.read_text(encoding="utf-8"))["splits"])
    config = origin.config or "default"
    for place in (config, "data", ""):
        found = {
            re.sub(r"(-\d+.*)?$", "", file.stem) for file in (folder / place).glob("*.parquet")
        }
        if found:
            return sorted(found)
    return sorted({file.parent.name for file in folder.glob(f"{config}/*/*.parquet")})


def split_names_on_hub(task: str, origin: Origin) -> list[str]:
    """Names of the splits of a data set of the hub; [] if they cannot be had."""
    try:
        return package("datasets").get_dataset_split_names(
            origin.hub, origin.config, revision=origin.revision
        )
    except Exception as error:  # the libraries raise many kinds; the images are asked for next
        reason = re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:200]
        say_once(
            f"Task {task!r}: the names of the splits of {origin.hub} cannot be had ({reason}); "
            f"train and test are taken as its splits, and none for validation."
        )
        return []


def by_words(names: Sequence[str], place: str) -> dict[str, str]:
    """The stored name of each split among `names`, as the usual words tell.

    Args:
        names: names of the stored splits.
        place: where they are, for the error.

    Raises:
        ValueError: two of them may be the same split.
    """
    splits = {}
    for split, words in SPLIT_WORDS.items():
        found = [name for name in names if name.lower() in words]
        if len(found) > 1:
            raise ValueError(
                f"{place} has the splits {' and '.join(found)}, which both may be {split!r}; name "
                f"those that are meant (splits: {{train: ..., val: ..., test: ...}})."
            )
        if found:
            splits[split] = found[0]
    return splits


def local_revision(folder: Path, file: Path) -> str | None:
    """The commit that `hf download --local-dir` noted in `folder` for a `file`, if it did."""
    note = folder / ".cache/huggingface/download" / f"{file.relative_to(folder)}.metadata"
    return note.read_text(encoding="utf-8").partition("\n")[0].strip() if note.is_file() else None


def cached_snapshot(origin: Origin) -> tuple[Path | None, list[str]]:
    """The snapshot of the revision of `origin` in the hub's cache, and other revisions there."""
    # The package sets its parts as attributes only after each was imported.
    hub = package("huggingface_hub")
    errors = package("huggingface_hub.errors")
    constants = package("huggingface_hub.constants")
    repository = f"datasets--{origin.hub.replace('/', '--')}"
    folder = Path(constants.HF_HUB_CACHE) / repository / "snapshots"
    revisions = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    try:
        snapshot = hub.snapshot_download(
            origin.hub, repo_type="dataset", revision=origin.revision, local_files_only=True
        )
    # Without a home folder the hub's client has no cache, and says so by a RuntimeError.
    except (FileNotFoundError, errors.LocalEntryNotFoundError, RuntimeError):
        return None, revisions
    return Path(snapshot), [name for name in revisions if name != Path(snapshot).name]


def _is(error: Exception, kind: type[Exception], words: str) -> bool:
    """Whether an error, or a cause of it, is of a kind of the hub's client.

    Its message counts too, since `datasets` drops the cause of its errors.
    """
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, kind):
        cause = cause.__cause__ or cause.__context__
    return cause is not None or words in str(error)


def from_hub(task: str, origin: Origin, stored: str):
    """The table of a split `stored` of a `task`, at the revision of `origin`.

    It comes from the hub or from the cache of `datasets`.

    Raises:
        ValueError: the data set is gated, or has no such revision.
        ConnectionError: it cannot be had for another reason, which the message says.
    """
    datasets = package("datasets")
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
        raise _hub_error(task, origin, error) from None


def _hub_error(task: str, origin: Origin, error: Exception) -> ValueError | ConnectionError:
    """An error of the hub in our words."""
    errors = package("huggingface_hub.errors")
    page = f"https://huggingface.co/datasets/{origin.hub}"
    if _is(error, errors.GatedRepoError, "gated dataset"):
        return ValueError(
            f"Task {task!r}: {origin.hub} is gated: accept its terms at {page}, log in "
            f"(hf auth login) or set HF_TOKEN, and run the same command again."
        )
    if _is(error, errors.RevisionNotFoundError, f"Revision '{origin.revision}' doesn't exist"):
        return ValueError(
            f"Task {task!r}: {origin.hub} has no revision {origin.revision!r} on the hub; give the "
            f"commit of one that it has ({page}/commits/main)."
        )
    return ConnectionError(re.sub(r"\s+", " ", f"{type(error).__name__}: {error}")[:200])


def require_names(
    stored: tuple[str, ...], name: str, task: Task, origin: Origin, place: str
) -> None:
    """Require that a copy's labels mean what the task's labels mean.

    Args:
        stored: class names in the copy, in the order of its labels; commas separate synonyms.
        name: name of the task.
        task: its class names.
        origin: its other names of classes, and the share of names that must agree.
        place: where the copy is.

    Raises:
        ValueError: another number of classes, or too many labels with another name.
    """
    if len(stored) != len(task.class_names):
        raise ValueError(
            f"Task {name!r}: {place} has {len(stored)} classes, expected {len(task.class_names)}; "
            f"is it other data?"
        )
    wrong = _wrong_names(stored, task, origin)
    if len(wrong) > (1 - origin.agreement) * len(stored):
        raise ValueError(
            f"Task {name!r}: the classes of {place} are others than ours, or in another order: "
            f"{wrong[0]}, and {len(wrong) - 1} more; take the copy that the task names "
            f"({origin.hub})."
        )


def _wrong_names(stored: tuple[str, ...], task: Task, origin: Origin) -> list[str]:
    """The labels whose stored name is none of the task's, in words."""
    wrong = []
    ours = zip(task.class_names, origin.folder_names or task.class_names)
    for label, (theirs, names) in enumerate(zip(stored, ours)):
        synonyms = {plain(part) for part in (theirs, *theirs.split(","))}
        if synonyms.isdisjoint(map(plain, names)):
            wrong.append(f"label {label} is {theirs!r}, expected {names[0]!r}")
    return wrong


class HubSource:
    """A copy from the hub.

    `folder` holds parquet files or a saved `datasets` table; None is the hub itself.
    """

    def __init__(
        self, name: str, origin: Origin, folder: Path | None, revision: str | None
    ) -> None:
        self.name = name
        self.origin = origin
        self.folder = folder
        self.revision = revision
        self.place = str(folder or f"{origin.hub} on the hub")

    @cached_property
    def names(self) -> list[str]:
        """Names of the stored splits."""
        if self.folder is None:
            return split_names_on_hub(self.name, self.origin)
        return split_names(self.folder, self.origin)

    @cached_property
    def splits(self) -> Mapping[str, str]:
        """The stored name of each split: as the origin says, else by the usual words.

        Raises:
            ValueError: two of them may be the same split.
        """
        if self.origin.splits:
            return self.origin.splits
        try:
            found = by_words(self.names, self.place)
        except ValueError as sentence:
            raise ValueError(f"Task {self.name!r}: {sentence}") from None
        return found if self.names else {"train": "train", "test": "test"}

    def say_unused(self) -> None:
        """Name the stored splits of a user's data set that are not used."""
        others = sorted(set(self.names) - set(self.splits.values()))
        if others:
            say_once(
                f"Task {self.name!r}: {self.place} has splits that are not used: "
                f"{', '.join(others)}; if one is meant, name all (splits: {{train: ..., val: ..., "
                f"test: ...}})."
            )

    def has(self, split: str) -> bool:
        """Whether the `split` is stored."""
        stored = self.splits.get(split)
        if stored is None:
            return False
        if self.folder is None:
            return True
        files = parquet_files(self.folder, self.origin, stored)
        return bool(files) or (self.folder / stored).is_dir()

    def rows(self, split: str) -> Rows:
        """The images of a stored `split`, in the order of the copy."""
        stored = self.splits[split]
        if self.folder is None:
            table = from_hub(self.name, self.origin, stored)
            return TableRows(self.name, self.place, table, self.origin)
        files = parquet_files(self.folder, self.origin, stored)
        if files:
            return ParquetRows(self.name, files, self.origin)
        folder = str(self.folder / stored)
        datasets = package("datasets")
        try:
            table = datasets.load_from_disk(folder)
        except Exception as error:  # the library raises many kinds
            raise ValueError(
                f"Task {self.name!r}: the library datasets cannot load {folder} ({error}); save it "
                f"again with release {datasets.__version__}, or as parquet files."
            ) from None
        return TableRows(self.name, folder, table, self.origin)
