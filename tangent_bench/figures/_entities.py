"""Modes, models and tasks as they are printed: one title, colour and marker each, everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tangent_bench import registry

if TYPE_CHECKING:
    import pandas as pd


class ModeLook(NamedTuple):
    """How a mode is drawn: its colour and marker belong to it, never to a position."""

    training: str
    evaluation: str
    title: str
    colour: str
    marker: str


# Okabe and Ito's palette with a yellow darkened for paper. Colour-blind readers can tell the
# colours apart; in grey print, lightness and markers do.
ZERO_SHOT = ModeLook("none", "network", "Pre-trained", "#6e6e6e", "_")
MODES = (
    ModeLook("standard", "network", "Non-lin. FT", "#0072B2", "o"),
    ModeLook("standard", "tangent", "Post-hoc lin.", "#E69F00", "s"),
    ModeLook("linear", "tangent", "Linear FT", "#009E73", "^"),
)
# A colour for a way of fine-tuning, a marker for what it is put into: network, tangent.
_SPARE = (
    ("#CC79A7", "Dd"),
    ("#56B4E9", "v<"),
    ("#D55E00", "Pp"),
    ("#8C8C00", "X*"),
    ("#000000", "hH"),
)
_TASK_MARKERS = {
    "mnist": "o", "street_numbers": "s", "icons": "^", "pictograms": "D",
    "letters": "P", "scripts": "v", "terrain": "X", "objects": "*",
}  # fmt: skip
_SPARE_MARKERS = "<>phHd1234"
# Where methods that see test images stand apart from those that see none.
APART = "Not ranked with the others: adapted on the test images themselves, without their labels."
SEES_TEST_IMAGES = " (sees test images)"  # behind the title of such a method
SEES_LABELS = " (fitted to validation labels)"
FITTED = (
    "Not ranked with the others: many numbers are fitted to the labels of validation images, where "
    "others choose one."
)
# "modes", "tasks", "models" and "methods" → name → title
_own: dict[str, Mapping[str, str]] = {}


class Sighted(Protocol):
    """A method, or what stands for one in a table."""

    @property
    def sees_test_images(self) -> bool: ...

    @property
    def sees_labels(self) -> bool: ...


def terms(method: Sighted) -> tuple[bool, bool]:
    """Returns on which terms a method is compared; methods on other terms are no rivals."""
    return method.sees_test_images, method.sees_labels


def why_apart(method: Sighted) -> str:
    """Returns why a method stands apart from those that see neither, in a sentence."""
    if method.sees_test_images:
        return APART
    return FITTED * method.sees_labels


def seen_by(method: Sighted) -> str:
    """Returns what stands behind a method's title: what it sees that others do not."""
    return SEES_TEST_IMAGES * method.sees_test_images + SEES_LABELS * method.sees_labels


def use_titles(titles: Mapping[str, Mapping[str, str]]) -> None:
    """Let tasks and models of the user's own have the titles that the config gives them.

    Args:
        titles: "tasks", "models" and "methods" → name → title; it stands for the rest of the
            process. A method with hyper-parameters of its own is named by its label.
    """
    _own.update(titles)


@contextmanager
def titled(titles: Mapping[str, Mapping[str, str]]) -> Iterator[None]:
    """Gives modes, tasks, models and methods other titles, as a context.

    Args:
        titles: "modes", "tasks", "models" and "methods" → name → title.
    """
    before = dict(_own)
    for kind, names in titles.items():
        _own[kind] = {**before.get(kind, {}), **names}
    try:
        yield
    finally:
        _own.clear()
        _own.update(before)


def mode(training: str, evaluation: str) -> ModeLook:
    """Returns the look of a training and an evaluation.

    A pair that is not the paper's has a spare look that depends on its name alone.
    """
    found = _mode(training, evaluation)
    title = _own.get("modes", {}).get(f"{training}-{evaluation}")
    return found if title is None else found._replace(title=title)


def _mode(training: str, evaluation: str) -> ModeLook:
    for known in (ZERO_SHOT, *MODES):
        if (training, evaluation) == known[:2]:
            return known
    if training == "linear":
        return ModeLook(training, evaluation, _mode_title(training, evaluation), "#009E73", ">")
    of_paper = {known.training for known in MODES}
    others = [name for name in registry.names("training") if name not in of_paper]
    place = others.index(training) if training in others else len(others)
    colour, markers = _SPARE[place % len(_SPARE)]
    marker = markers[evaluation == "tangent"]
    return ModeLook(training, evaluation, _mode_title(training, evaluation), colour, marker)


def _mode_title(training: str, evaluation: str) -> str:
    """Returns the training's own title where it is evaluated as it was trained.

    Elsewhere the title names the evaluation too.
    """
    if training not in registry.names("training"):
        return f"{_plain(training)}, {evaluation}"
    plugin = registry.load("training", training).TRAINING
    as_trained = plugin.affine == (evaluation == "tangent")
    return plugin.title if as_trained else f"{plugin.title}, {evaluation}"


def modes(table: pd.DataFrame) -> list[ModeLook]:
    """Returns the trained modes that occur in a table, the paper's first."""
    pairs = set(zip(table["training"], table["evaluation"], strict=True))
    present = {pair for pair in pairs if "none" not in pair}
    known = [mode(*m[:2]) for m in MODES if m[:2] in present]
    others = present.difference(m[:2] for m in MODES)
    return known + [mode(*pair) for pair in sorted(others)]


def training_title(training: str) -> str:
    """Returns the title of a way of fine-tuning where nothing is evaluated."""
    known = {"standard": "Non-linear fine-tuning", "linear": "Linear fine-tuning"}
    if training in known or training not in registry.names("training"):
        return known.get(training, _plain(training))
    return registry.load("training", training).TRAINING.title


def task_title(name: str) -> str:
    """Returns the task's own title, or its plain name if it has none."""
    if name == "all":
        return "Average"
    if name in _own.get("tasks", {}):
        return _own["tasks"][name]
    folder = registry.task_folder(name)
    if name in registry.names(folder):
        return registry.load(folder, name).TASK.title
    return _plain(name)


def model_title(name: str) -> str:
    """Returns the model's own title, or its name."""
    if name in _own.get("models", {}):
        return _own["models"][name]
    if name in registry.names("models"):
        return registry.load("models", name).MODEL.title
    return name


def method_title(name: str, title: str) -> str:
    """Returns the title that was given to a method, or else its own `title`."""
    return _own.get("methods", {}).get(name, title)


def task_marker(name: str, tasks: list[str]) -> str:
    """Returns a task's marker.

    A task without one of its own takes a spare by its place among such tasks.

    Args:
        name: the task.
        tasks: all tasks of the figure.
    """
    if name in _TASK_MARKERS:
        return _TASK_MARKERS[name]
    others = sorted(task for task in tasks if task not in _TASK_MARKERS)
    return _SPARE_MARKERS[others.index(name) % len(_SPARE_MARKERS)]


def _plain(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
