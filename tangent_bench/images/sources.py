"""Where the images of a real data set come from: a local folder, a snapshot of the hub on disk, or the hub.

A task that is not generated or embedded declares an `ORIGIN` beside its `TASK`; `open_split` finds the images, checks
their classes and counts, and cuts the validation split off. Nothing is decoded here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from tangent_bench.images.folders import FolderSource, FolderTask
from tangent_bench.images.hub import (
    HubSource,
    cached_snapshot,
    local_revision,
    parquet_files,
    require_names,
)
from tangent_bench.images.origin import Origin
from tangent_bench.images.splits import check_split
from tangent_bench.images.stored import Rows, Split, cut, gather, joined, shuffled
from tangent_bench.images.task import SIDE, Images, Task

ROOT = "TANGENT_BENCH_DATA"


def _snapshot(name: str, origin: Origin, root: Path | None) -> tuple[HubSource | None, str]:
    """A snapshot of the hub on disk (below the root, then in the hub's cache), and where it was looked for.

    Raises:
        ValueError: the folder below the root is of another revision.
    """
    stored = tuple(origin.splits.values())
    for folder in [root / each for each in (*origin.folders, origin.hub)] if root else []:
        files = [file for each in stored for file in parquet_files(folder, origin, each)[:1]]
        if files or (folder / "dataset_dict.json").is_file():
            revision = local_revision(folder, files[0]) if files else None
            if revision and origin.revision and revision != origin.revision:
                raise ValueError(
                    f"Task {name!r}: {folder} holds revision {revision} of {origin.hub}, expected {origin.revision}; "
                    f"download that one: {_command(origin, root)}."
                )
            return HubSource(name, origin, folder, revision), ""
    folder, others = cached_snapshot(origin)
    if folder:
        return HubSource(name, origin, folder, folder.name), ""
    also = f", which has other revisions: {', '.join(others)}" if others else ""
    return (
        None,
        f"a snapshot of {origin.hub} at {origin.revision or 'main'} below that root and in the hub's cache{also}",
    )


def _command(origin: Origin, root: Path | None) -> str:
    """The command that downloads what is needed of the hub copy."""
    parts = [f"hf download {origin.hub} --repo-type dataset"]
    parts += [f"--revision {origin.revision}"] if origin.revision else []
    parts += [f"--include '{pattern}'" for pattern in origin.files.values()]
    where = root if root is not None else f"${ROOT}"
    return " ".join((*parts, f"--local-dir {where}/{(*origin.folders, origin.hub)[0]}"))


def _local(
    name: str, task: Task | None, origin: Origin, root: Path | None
) -> FolderSource | HubSource | None:
    """The first source on this machine: a local folder, a snapshot on disk. `task` may be None if nothing is read.

    Raises:
        ValueError: a snapshot is of another revision.
    """
    for folder in [root / each for each in origin.folders] if root else []:
        source = FolderSource(name, task, origin, folder)
        if source.folders:
            return source
    return _snapshot(name, origin, root)[0]


def absent(name: str, origin: Origin) -> str:
    """How to get the images of a data set that is not on this machine, "" if it is; nobody is asked for them."""
    root = _root()
    try:
        if _local(name, None, origin, root):
            return ""
    except ValueError as sentence:
        return str(sentence)
    return f"{_command(origin, root)}{f'; or without the hub: {origin.advice}' if origin.advice else ''}"


def _root() -> Path | None:
    """The folder of data sets that the environment names."""
    return Path(os.environ[ROOT]) if os.environ.get(ROOT) else None


def _missing(name: str, origin: Origin, root: Path | None, reason: Exception) -> ValueError:
    """What to say when no source has the images."""
    at = (
        f"the folder {root / (*origin.folders, origin.hub)[0]}"
        if root
        else f"a local folder ({ROOT} is not set)"
    )
    advice = f" Or without the hub: {origin.advice}." if origin.advice else ""
    return ValueError(
        f"Task {name!r} has no images: looked at {at} for <split>/<class>/<image>, at "
        f"{_snapshot(name, origin, root)[1]}, and at the hub ({reason}). Set {ROOT} to a folder of your own and get "
        f"them: {_command(origin, root)}.{advice}"
    )


def _order(
    name: str, origin: Origin, source: FolderSource | HubSource, split: str
) -> tuple[Rows, np.ndarray]:
    """Where the images of a split are stored, and which of them, in which order."""
    if source.has(split) and (split != "train" or source.has("val")):
        rows = source.rows(split)
        return rows, shuffled(len(rows.labels))
    if split == "test" or not source.has("train"):
        need = (
            f"it has no images of {split!r}"
            if split != "val"
            else "'val' is cut off 'train', which it has not"
        )
        raise ValueError(f"Task {name!r}: {source.place}: {need}; {origin.without_train}.")
    rows = source.rows("train")
    return rows, cut(len(rows.labels))[split == "val"]


def _require_counts(
    name: str, origin: Origin, split: str, num: int, was_cut: bool, place: str
) -> None:
    """Raise ValueError unless a split has as many images as the data set is known to have."""
    counts = origin.counts_cut if was_cut and origin.counts_cut else origin.counts
    if counts and num != counts[split]:
        raise ValueError(
            f"Task {name!r}: {place} gives {num:,} images for {split!r}, expected {counts[split]:,}; complete it, or "
            f"set allow_counts for a subset, whose results are not the paper's."
        )


def open_split(
    module: ModuleType, split: str, root: Path | None = None, allow_counts: bool = False
) -> Split:
    """A split of the task `module` (with TASK and ORIGIN), found, checked and ready to be decoded one image at a time.

    Arguments:
        root: folder of data sets; default: the environment's TANGENT_BENCH_DATA.
        allow_counts: accept another number of images than the data set has, for a subset.

    Raises:
        ValueError: no source has it, it is gated, of another revision, empty, or of other classes or counts.
    """
    name, task, origin = module.__name__.rpartition(".")[2], module.TASK, module.ORIGIN
    check_split(module.__name__, split, task.splits)
    root = root or _root()
    source = _local(name, task, origin, root) or HubSource(name, origin, None, origin.revision)
    try:
        rows, order = _order(name, origin, source, split)
        if origin.leaked and split == "train":
            rows, order = joined((rows, order), _order(name, origin, source, "test"))
    except ConnectionError as error:
        raise _missing(name, origin, root, error) from None
    _require_classes(name, task, origin, rows)
    if len(order) == 0:
        raise ValueError(
            f"Task {name!r}: split {split!r} of {source.place} is empty; put images into it."
        )
    if not allow_counts:
        _require_counts(name, origin, split, len(order), not source.has("val"), source.place)
    return Split(name, split, rows, order, source.revision)


def _require_classes(name: str, task: Task, origin: Origin, rows: Rows) -> None:
    """Raise ValueError unless stored names and labels are those of the task."""
    if rows.names is not None:
        require_names(rows.names, name, task, origin, rows.place)
    if len(rows.labels) and not 0 <= rows.labels.min() <= rows.labels.max() < len(task.class_names):
        raise ValueError(
            f"Task {name!r}: {rows.place} has labels from {rows.labels.min()} to {rows.labels.max()}, expected 0 to "
            f"{len(task.class_names) - 1}; is it another data set, or a split without labels?"
        )


def hub_origin(name: str, entry: Mapping) -> Origin:
    """Where the images of a user's data set of the hub are, from its config entry."""
    given = {
        key: entry[key]
        for key in ("revision", "config", "image", "label", "splits")
        if key in entry
    }
    return Origin(entry["hub"], folders=(name,), turn=True, **given)


class HubTask:
    """A task from a config entry: `hub` and `templates`; `class_names` default to the names that the copy states.

    Other keys: `revision`, `config`, `image` and `label` (columns), `splits` ({train, test[, val]: stored name}), and
    those of a `FolderTask`, except its folder.
    """

    def __init__(self, name: str, entry: Mapping) -> None:
        """Raises ValueError if the copy cannot be had, or states no class names and none are given."""
        self.__name__, self.side = name, entry.get("side", SIDE)
        self.ORIGIN = hub_origin(name, entry)
        self.TASK = Task(
            title=entry.get("title", name),
            class_names=tuple(entry.get("class_names") or ()) or self._names(),
            templates=tuple(entry["templates"]),
            kind="real",
            source=entry.get("source", f"{entry['hub']} on the Hugging Face hub"),
            licence=entry.get("licence", "not stated"),
        )

    def _names(self) -> tuple[str, ...]:
        """Class names as the training split states them."""
        root = _root()
        source = _snapshot(self.__name__, self.ORIGIN, root)[0] or HubSource(
            self.__name__, self.ORIGIN, None, None
        )
        try:
            names = source.rows("train").names
        except ConnectionError as error:
            raise _missing(self.__name__, self.ORIGIN, root, error) from None
        if not names:
            raise ValueError(
                f"Task {self.__name__!r}: {source.place} states no class names; give class_names."
            )
        return tuple(each.replace("_", " ") for each in names)

    def open(self, split: str) -> Split:
        """The images of a split, to be decoded one at a time; raises as `open_split`."""
        return open_split(self, split)

    def load(self, split: str) -> Images:
        """Decoded images of a split, as squares of `side` pixels; raises as `open_split`."""
        return gather(self.open(split), self.side)


def custom_task(name: str, entry: Mapping) -> FolderTask | HubTask:
    """A user's own images as a task: a folder, or a data set of the hub.

    Raises:
        ValueError: neither is there.
    """
    return HubTask(name, entry) if "hub" in entry else FolderTask(name, entry)
