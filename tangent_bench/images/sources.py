"""Finds the images of a real data set: in a local folder, in a snapshot of the hub, or on the hub.

A task that is not generated or embedded declares an `ORIGIN` beside its `TASK`. `open_split` finds
the images, checks their classes and counts, and cuts the validation split off. It decodes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from tangent_bench.images.class_folders import SPLIT_WORDS, say_unused, state
from tangent_bench.images.folder_source import FolderSource, split_folders
from tangent_bench.images.folders import FolderTask
from tangent_bench.images.hub import (
    HubSource,
    cached_snapshot,
    local_revision,
    parquet_files,
    require_names,
)
from tangent_bench.images.idx_task import IdxTask, is_idx_folder
from tangent_bench.images.names import require_distinct
from tangent_bench.images.origin import Origin
from tangent_bench.images.own_task import OwnTask
from tangent_bench.images.splits import check_split
from tangent_bench.images.stored import Rows, Split, cut, gather, joined, shuffled
from tangent_bench.images.task import SIDE, Images, Task
from tangent_bench.store import places

ROOT = "TANGENT_BENCH_DATA"
_HUB_KEYS = ("revision", "config", "image", "label")


def _root() -> Path | None:
    """The folder of data sets that the environment names."""
    return places.of_variable(ROOT)


def _places(origin: Origin) -> tuple[str, ...]:
    """Names of folders below the root in which a copy of the hub may be."""
    return (*origin.folders, origin.hub)


def _local_folder(origin: Origin, root: Path | None) -> Path | None:
    """The first folder below the root that holds a split in ImageFolder layout."""
    if root is not None:
        for name in origin.folders:
            if split_folders(root / name, origin):
                return root / name
    return None


def _snapshot(name: str, origin: Origin, root: Path | None) -> HubSource | None:
    """A snapshot of the hub on disk: below the root, else in the hub's cache.

    Raises:
        ValueError: the folder below the root is of another revision.
    """
    for place in _places(origin) if root else ():
        folder = Path(root or "", place)
        files = _some_files(folder, origin)
        if files or (folder / "dataset_dict.json").is_file():
            revision = local_revision(folder, files[0]) if files else None
            if revision and origin.revision and revision != origin.revision:
                raise ValueError(
                    f"Task {name!r}: {folder} holds revision {revision} of {origin.hub}, expected "
                    f"{origin.revision}; download that one: {_command(origin, root)}."
                )
            return HubSource(name, origin, folder, revision)
    folder, _ = cached_snapshot(origin)
    return HubSource(name, origin, folder, folder.name) if folder else None


def _some_files(folder: Path, origin: Origin) -> list[Path]:
    """The first parquet file of each stored split below a folder."""
    files = []
    words = [word for each in SPLIT_WORDS.values() for word in each]
    for stored in origin.splits.values() or words:
        files += parquet_files(folder, origin, stored)[:1]
    return files


def _command(origin: Origin, root: Path | None) -> str:
    """The command that downloads the needed part of the hub copy."""
    parts = [f"hf download {origin.hub} --repo-type dataset"]
    if origin.revision:
        parts.append(f"--revision {origin.revision}")
    parts += [f"--include '{pattern}'" for pattern in origin.files.values()]
    parent = root if root is not None else f"${ROOT}"
    return " ".join((*parts, f"--local-dir {parent}/{_places(origin)[0]}"))


def absent(name: str, origin: Origin) -> str:
    """How to get the images of the data set `name`; "" if they are on this machine.

    It looks at `origin` below the root and in the hub's cache, without a network.
    """
    root = _root()
    try:
        if _local_folder(origin, root) or _snapshot(name, origin, root):
            return ""
    except ValueError as sentence:
        return str(sentence)
    advice = f"; or without the hub: {origin.advice}" if origin.advice else ""
    return f"{_command(origin, root)}{advice}"


def state_below_root(origin: Origin) -> str:
    """Digest of the names, sizes and dates of a data set's files in the user's folder of data sets.

    Copies in the hub's cache do not count: a revision never changes, and a first run may download
    it.
    """
    root = _root()
    states = []
    for place in _places(origin) if root else ():
        folder = Path(root or "", place)
        if folder.is_dir():
            states.append(f"{place} {state(folder)}")
    return ", ".join(states)


def _missing(name: str, origin: Origin, root: Path | None, reason: Exception) -> ValueError:
    """The error if no source has the images."""
    if root:
        folder = f"the folder {root / _places(origin)[0]}"
    else:
        folder = f"a local folder ({ROOT} is not set)"
    _, others = cached_snapshot(origin)
    revisions = f", which has other revisions: {', '.join(others)}" if others else ""
    advice = f" Or without the hub: {origin.advice}." if origin.advice else ""
    return ValueError(
        f"Task {name!r} has no images: looked at {folder} for <split>/<class>/<image>, at a "
        f"snapshot of {origin.hub} at {origin.revision or 'main'} below that root and in the hub's "
        f"cache{revisions}, and at the hub ({reason}). Set {ROOT} to a folder of your own and get "
        f"them: {_command(origin, root)}.{advice}"
    )


def _order(
    name: str, origin: Origin, source: FolderSource | HubSource, split: str
) -> tuple[Rows, np.ndarray]:
    """The stored rows of a split, and which of them belong to it, in order."""
    if source.has(split) and (split != "train" or source.has("val")):
        rows = source.rows(split)
        return rows, shuffled(len(rows.labels))
    if split == "test" or not source.has("train"):
        raise ValueError(f"Task {name!r}: {source.place}: {_need(origin, source, split)}.")
    rows = source.rows("train")
    train, val = cut(len(rows.labels))
    if len(train) and not len(val):
        raise ValueError(
            f"Task {name!r}: {source.place} has no split for validation, and of its {len(train)} "
            f"training images a tenth leaves none for it; add one, or training images."
        )
    return rows, val if split == "val" else train


def _need(origin: Origin, source: FolderSource | HubSource, split: str) -> str:
    """Which images a source lacks, and what to do."""
    if isinstance(source, HubSource) and origin.own:
        return (
            f"it has the splits {', '.join(source.names) or 'train and test'}, of which none is "
            f"{split!r}; say which ones are meant (splits: {{train: ..., val: ..., test: ...}})"
        )
    if split == "val":
        return f"'val' is cut off 'train', which it has not; {origin.without_train}"
    if split == "train":
        return f"it has no images of 'train'; {origin.without_train}"
    return "it has no images of 'test'; add the test images"


def _require_counts(
    name: str, origin: Origin, split: str, num: int, was_cut: bool, place: str
) -> None:
    """Raise ValueError unless a split has the data set's known number of images."""
    counts = origin.counts_cut if was_cut and origin.counts_cut else origin.counts
    if counts and num != counts[split]:
        raise ValueError(
            f"Task {name!r}: {place} gives {num:,} images for {split!r}, expected "
            f"{counts[split]:,}; complete it, or set allow_counts for a subset, whose results are "
            f"not the paper's."
        )


def open_split(
    module: ModuleType | HubTask,
    split: str,
    root: Path | None = None,
    allow_counts: bool = False,
) -> Split:
    """A split of a task, found and checked, whose images are decoded when they are read.

    Args:
        module: the task, with TASK and ORIGIN.
        split: train, val or test.
        root: folder of data sets; default: the environment's TANGENT_BENCH_DATA.
        allow_counts: accept another number of images than the data set has, for a subset.

    Raises:
        ValueError: no source has it, it is gated, of another revision, empty, or of other classes
            or counts.
    """
    name = module.__name__.rpartition(".")[2]
    task: Task = module.TASK
    origin: Origin = module.ORIGIN
    check_split(module.__name__, split, task.splits)
    root = root or _root()
    source = _source(name, task, origin, root)
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
    was_cut = not source.has("val")
    if not allow_counts:
        _require_counts(name, origin, split, len(order), was_cut, source.place)
    if isinstance(source, FolderSource):
        say_unused(name, source.folder, source.folders.values())
    elif origin.own:
        source.say_unused()
    apart = origin.own and was_cut and split == "val"
    return Split(name, split, rows, order, source.revision, apart)


def _source(name: str, task: Task, origin: Origin, root: Path | None) -> FolderSource | HubSource:
    """The first source: a local folder, a snapshot on disk, the hub.

    Raises:
        ValueError: the snapshot below the root is of another revision.
    """
    folder = _local_folder(origin, root)
    if folder is not None:
        return FolderSource(name, task, origin, folder)
    return _snapshot(name, origin, root) or HubSource(name, origin, None, origin.revision)


def _require_classes(name: str, task: Task, origin: Origin, rows: Rows) -> None:
    """Raise ValueError unless stored names and labels are those of the task."""
    if rows.names is not None:
        require_names(rows.names, name, task, origin, rows.place)
    if not len(rows.labels):
        return
    first = rows.labels.min()
    last = rows.labels.max()
    if first < 0 or last >= len(task.class_names):
        raise ValueError(
            f"Task {name!r}: {rows.place} has labels from {first} to {last}, expected 0 to "
            f"{len(task.class_names) - 1}; is it another data set, or a split without labels?"
        )


def hub_origin(name: str, entry: Mapping) -> Origin:
    """The origin of a user's data set `name` of the hub, from its config `entry`."""
    keys = {key: entry[key] for key in _HUB_KEYS if key in entry}
    splits = entry.get("splits", {})
    return Origin(entry["hub"], folders=(name,), splits=splits, turn=True, own=True, **keys)


class HubTask:
    """A task from a config entry with `hub` and `templates`.

    `class_names` default to the names that the copy states. Other keys: `revision`, `config`,
    `image` and `label` (columns), `splits` ({train, test[, val]: stored name}; without it the usual
    words tell), and those of a `FolderTask`, except its folder.
    """

    def __init__(self, name: str, entry: Mapping) -> None:
        """Raises ValueError if no copy can be had, or no class names are known."""
        self.__name__ = name
        self.side = entry.get("side", SIDE)
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
        name = self.__name__
        root = _root()
        source = _snapshot(name, self.ORIGIN, root) or HubSource(name, self.ORIGIN, None, None)
        try:
            if not source.has("train"):
                need = _need(self.ORIGIN, source, "train")
                raise ValueError(f"Task {name!r}: {source.place}: {need}.")
            stored = source.rows("train").names
        except ConnectionError as error:
            raise _missing(name, self.ORIGIN, root, error) from None
        if not stored:
            raise ValueError(
                f"Task {name!r}: {source.place} states no class names; give class_names."
            )
        found = tuple(class_name.replace("_", " ") for class_name in stored)
        require_distinct(name, source.place, found)
        return found

    def open(self, split: str) -> Split:
        """The images of a `split`, decoded when they are read; raises as `open_split`."""
        return open_split(self, split)

    def load(self, split: str) -> Images:
        """Decoded images of a `split`, as squares of `side` pixels; raises as `open_split`."""
        return gather(self.open(split), self.side)


def custom_task(name: str, entry: Mapping) -> OwnTask | HubTask:
    """A user's images as the task `name`: a folder or a data set of the hub, as `entry` says.

    Raises:
        ValueError: neither is there.
    """
    return HubTask(name, entry) if "hub" in entry else own_folder(name, entry)


def own_folder(name: str, entry: Mapping) -> OwnTask:
    """A user's folder as the task `name`: files of the format idx, or images in class folders.

    Raises:
        ValueError: it is not there, or holds neither.
    """
    kind = IdxTask if is_idx_folder(Path(entry["folder"])) else FolderTask
    return kind(name, entry)
