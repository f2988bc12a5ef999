"""Names of classes that a user gives: each means one class, and belongs to one folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tangent_bench.images.class_folders import are_numbers, as_people_sort
from tangent_bench.images.notes import say_once
from tangent_bench.images.stored import plain


def require_distinct(task: str, place: str, names: Sequence[str]) -> None:
    """Require that no name of a class at a `place` comes twice: their heads would be equal.

    Raises:
        ValueError: one does.
    """
    name, number = Counter(names).most_common(1)[0]
    if number > 1:
        raise ValueError(
            f"Task {task!r}: {number} classes of {place} are named {name!r}, and nothing could "
            f"tell them apart; rename one of them, or give class_names."
        )


def require_one_pairing(
    task: str, folder: Path, classes: Sequence[str], names: Sequence[str]
) -> None:
    """Require that `names` can belong to class folders in one way only.

    Args:
        task: name of the task, for the error.
        folder: where the class folders are.
        classes: names of the class folders, in the order of the labels.
        names: the names that the user gives them.

    Raises:
        ValueError: their numbers differ, a folder is called as another one's name, or the order of
            the folders depends on who sorts them.
    """
    if len(names) != len(classes):
        raise ValueError(
            f"Task {task!r}: {len(names)} class_names for {len(classes)} class "
            f"folders in {folder}; give one each."
        )
    folders = {plain(name): name for name in classes}
    for own, name in zip(classes, names):
        other = folders.get(plain(name), own)
        if plain(other) != plain(own):
            raise ValueError(
                f"Task {task!r}: class_names call the folder {own!r} {name!r}, but {folder} has a "
                f"class folder {other!r}; leave class_names out, or give them in the order of the "
                f"folders: {_few(classes)}."
            )
    _require_one_order(task, folder, classes, names)


def _require_one_order(
    task: str, folder: Path, classes: Sequence[str], names: Sequence[str]
) -> None:
    """Raise ValueError if people may see the folders in another order than the labels have."""
    if [plain(name) for name in names] == [plain(name) for name in classes]:
        return
    by_letters = sorted(classes)
    if are_numbers(classes):
        if list(classes) != by_letters:
            pairs = ", ".join(f"{own} is {name!r}" for own, name in zip(classes, names))
            say_once(f"Task {task!r}: class folders are taken as numbers: {pairs}.")
        return
    for place, (one, other) in enumerate(zip(by_letters, as_people_sort(classes))):
        if one != other:
            raise ValueError(
                f"Task {task!r}: the class folders of {folder} can be paired with class_names in "
                f"two ways: is {names[place]!r} the folder {one!r}, by letters, or {other!r}, as "
                f"people sort? Rename the folders (class_01 in place of class_1, one case), or "
                f"call them as the classes and leave class_names out."
            )


def _few(names: Sequence[str]) -> str:
    """The first names of a list.

    >>> _few(["a", "b"]), _few("abcde")
    ('a, b', 'a, b, c, …')
    """
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
