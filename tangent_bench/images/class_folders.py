"""Folders as people have them, <folder>/<split>/<class>/<image>: their names, files and state."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tangent_bench.images.decoding import suffixes
from tangent_bench.images.notes import say_once

# What the folder, or the stored split, of a split is called, in any case.
SPLIT_WORDS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
_LITTER = ("thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "@eadir")


def is_litter(name: str) -> bool:
    """Whether a file or folder is a system's own, or hidden: .DS_Store, ._0.png, Thumbs.db."""
    return name.startswith(".") or name.lower() in _LITTER


def composed(name: str) -> str:
    """A name with its accents as one letter each (NFC); macOS writes some as two."""
    return unicodedata.normalize("NFC", name)


def class_folders(folder: Path) -> list[str]:
    """Sorted names of the folders in `folder`; [] if it does not exist."""
    if not folder.is_dir():
        return []
    return sorted(p.name for p in folder.iterdir() if p.is_dir() and not is_litter(p.name))


def split_folder(folder: Path, split: str) -> Path | None:
    """The folder of a `split` in `folder`, whichever usual word it is called by; None without one.

    Raises:
        ValueError: two folders may be meant.
    """
    words = SPLIT_WORDS.get(split, (split.lower(),))
    found = [name for name in class_folders(folder) if name.lower() in words]
    if len(found) > 1:
        raise ValueError(
            f"{folder} has {' and '.join(found)}, which both may be the split {split!r}; keep or "
            f"rename one of them."
        )
    return folder / found[0] if found else None


def say_unused(task: str, folder: Path, used: Collection[Path]) -> None:
    """Name the folders beside the splits of a `task` that are not used."""
    others = [name for name in class_folders(folder) if folder / name not in used]
    if others:
        words = ", ".join(f"{split}: {'/'.join(names)}" for split, names in SPLIT_WORDS.items())
        say_once(
            f"Task {task!r}: {folder} has folders that are not used: {', '.join(others)}; a split "
            f"is known by its name ({words})."
        )


def are_numbers(names: Collection[str]) -> bool:
    """Whether all names are whole numbers."""
    return all(re.fullmatch(r"-?\d+", name) for name in names)


def as_numbers(names: Collection[str]) -> list[str]:
    """Names in the order of their numbers if all are whole numbers, else of their letters.

    >>> as_numbers(["10", "9", "011"]), as_numbers(["b10", "b9"])
    (['9', '10', '011'], ['b10', 'b9'])
    """
    if are_numbers(names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def as_people_sort(names: Collection[str]) -> list[str]:
    """Names as a window of files shows them: numbers by value, without case and accents.

    >>> as_people_sort(["b10", "b9", "C", "é", "f"])
    ['b9', 'b10', 'C', 'é', 'f']
    """

    def parts(name: str) -> list[tuple[bool, int, str]]:
        letters = unicodedata.normalize("NFKD", name.casefold())
        found = re.findall(r"\d+|\D+", re.sub(r"[\u0300-\u036f]", "", letters))
        return [(not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in found]

    return sorted(names, key=lambda name: (parts(name), name))


class Listing(NamedTuple):
    """The files of class folders.

    Attributes:
        files: images with their labels, in the order of torchvision's ImageFolder.
        others: number of files that are no images, by the ending of their names.
    """

    files: list[tuple[Path, int]]
    others: Counter[str]


def listing(folder: Path, labels: Mapping[str, int]) -> Listing:
    """The files below the class folders of `folder`, whose `labels` are given by name."""
    found = Listing([], Counter())
    for class_folder in sorted(labels):
        for file in _files_below(folder / class_folder):
            if file.suffix.lower() in suffixes():
                found.files.append((file, labels[class_folder]))
            else:
                found.others[file.suffix.lower() or "without an ending"] += 1
    return found


def image_files(folder: Path, labels: Mapping[str, int]) -> list[tuple[Path, int]]:
    """Images and `labels` below class folders of `folder`, in torchvision's ImageFolder order."""
    return listing(folder, labels).files


def say_others(task: str, folder: Path, found: Listing) -> None:
    """Count the files of a split's `folder` that are passed over."""
    others = found.others + _beside(folder)
    if others:
        kinds = ", ".join(f"{number:,} {suffix}" for suffix, number in others.most_common(9))
        say_once(
            f"Task {task!r}: {others.total():,} files in {folder} are passed over ({kinds}): they "
            f"are no images that are read here, or lie in no class folder."
        )


def _beside(folder: Path) -> Counter[str]:
    """Files in a split's folder itself, whose class nobody knows."""
    found = Counter()
    for entry in folder.iterdir():
        if not entry.is_dir() and not is_litter(entry.name):
            found[f"{entry.suffix.lower()} beside the class folders".strip()] += 1
    return found


def require_no_empty_class(
    task: str, folder: Path, labels: Mapping[str, int], found: Listing
) -> None:
    """Require an image of every class in a split's `folder`.

    Raises:
        ValueError: a class folder has none.
    """
    present = {label for _, label in found.files}
    empty = [name for name, label in labels.items() if label not in present]
    if not empty:
        return
    held = listing(folder, {empty[0]: 0}).others
    kinds = ", ".join(f"{number:,} {suffix}" for suffix, number in held.most_common(3))
    more = f", and {len(empty) - 1} more class folders have none" if len(empty) > 1 else ""
    raise ValueError(
        f"Task {task!r}: {folder / empty[0]} has no image that is read here "
        f"({kinds or 'it is empty'}){more}; save its images as .png or .jpg, or remove the class "
        f"from every split."
    )


def _files_below(folder: Path) -> Iterator[Path]:
    """Files that are no litter, sorted by their folders."""
    for parent, _, names in sorted(folders_below(folder)):
        for name in sorted(names):
            if not is_litter(name):
                yield Path(parent) / name


def folders_below(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk` with links, but each folder once, no hidden ones, and none above `folder`.

    A link to a folder above itself would otherwise give every image forty times, and images of
    other classes.
    """
    seen = set(Path(os.path.realpath(folder)).parents)
    for parent, inner, names in os.walk(folder, followlinks=True):
        real = Path(os.path.realpath(parent))
        if real in seen:
            inner.clear()
            continue
        seen.add(real)
        inner[:] = [name for name in inner if not is_litter(name)]
        yield parent, inner, names


def state(folder: Path) -> str:
    """Digest of the names, sizes and dates in `folder`, those of the targets of links.

    Another image, or none, gives another digest. No file is opened.
    """
    digest = hashlib.sha256()
    top = os.path.realpath(folder)
    for parent, inner, names in sorted(folders_below(folder)):
        lines = [os.path.relpath(parent, folder)]
        for name in sorted(inner):
            # A link to a folder that was visited by another name is not entered.
            target = os.path.realpath(Path(parent, name))
            lines.append(f"{name}/ {os.path.relpath(target, top)}")
        for name in sorted(names):
            if not is_litter(name):
                lines.append(f"{name} {_size_and_date(f'{parent}/{name}')}")
        digest.update(f"{lines}".encode())
    return digest.hexdigest()[:16]


def _size_and_date(file: str) -> str:
    """Size and date of a file, or of the file that a link leads to."""
    try:
        status = os.stat(file)  # noqa: PTH116 (a Path for each of a million files takes long)
    except OSError:
        return "leads nowhere"
    return f"{status.st_size} {status.st_mtime_ns}"
