"""Modes, models and tasks as they are printed: one title, one colour and one marker each, wherever they appear."""

from __future__ import annotations

from typing import NamedTuple

from tangent_bench import registry


class Mode(NamedTuple):
    """A way of making a vector and what it was put into; colour and marker belong to the mode, never to a position."""

    training: str
    evaluation: str
    title: str
    colour: str
    marker: str


# Okabe and Ito's palette, its yellow darkened for paper: told apart by colour-blind readers, and in grey print by
# lightness together with the markers
ZERO_SHOT = Mode("none", "network", "Pre-trained", "#6e6e6e", "_")
MODES = (
    Mode("standard", "network", "Non-lin. FT", "#0072B2", "o"),
    Mode("standard", "tangent", "Post-hoc lin.", "#E69F00", "s"),
    Mode("linear", "tangent", "Linear FT", "#009E73", "^"),
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
    "mnist": "o", "street_numbers": "s", "symbols": "^", "scripts": "v",
    "materials": "D", "photographs": "P", "terrain": "X", "objects": "*",
}  # fmt: skip
_SPARE_MARKERS = "<>phHd1234"


def mode(training: str, evaluation: str) -> Mode:
    """The mode of a pair; a pair that is not the paper's has a spare look that depends on its name alone."""
    for known in (ZERO_SHOT, *MODES):
        if (training, evaluation) == known[:2]:
            return known
    if training == "linear":
        return Mode(training, evaluation, _mode_title(training, evaluation), "#009E73", ">")
    others = [
        name
        for name in registry.names("training")
        if name not in {known.training for known in MODES}
    ]
    place = others.index(training) if training in others else len(others)
    colour, markers = _SPARE[place % len(_SPARE)]
    marker = markers[evaluation == "tangent"]
    return Mode(training, evaluation, _mode_title(training, evaluation), colour, marker)


def _mode_title(training: str, evaluation: str) -> str:
    """The training's own title where it is evaluated as it was trained, else with what it was put into."""
    if training not in registry.names("training"):
        return f"{_plain(training)}, {evaluation}"
    about = registry.load("training", training).TRAINING
    return (
        about.title if about.affine == (evaluation == "tangent") else f"{about.title}, {evaluation}"
    )


def modes(table) -> list[Mode]:
    """The trained modes that occur in a table, the paper's first."""
    pairs = table[["training", "evaluation"]].drop_duplicates().itertuples(index=False, name=None)
    present = {pair for pair in pairs if pair[0] != "none" and pair[1] != "none"}
    known = [m for m in MODES if m[:2] in present]
    return known + [mode(*pair) for pair in sorted(present - {m[:2] for m in MODES})]


def training_title(training: str) -> str:
    """Title of a way of fine-tuning where nothing is evaluated."""
    known = {"standard": "Non-linear fine-tuning", "linear": "Linear fine-tuning"}
    if training in known or training not in registry.names("training"):
        return known.get(training, _plain(training))
    return registry.load("training", training).TRAINING.title


def task_title(name: str) -> str:
    """The task's own title, or its name in plain words where it is no plug-in (a folder of the user's)."""
    if name == "all":
        return "Average"
    return (
        registry.load("tasks", name).TASK.title if name in registry.names("tasks") else _plain(name)
    )


def model_title(name: str) -> str:
    """The model's own title, or its name."""
    return registry.load("models", name).MODEL.title if name in registry.names("models") else name


def task_marker(name: str, tasks: list[str]) -> str:
    """The task's marker; a task without one of its own takes a spare by its place among such tasks."""
    if name in _TASK_MARKERS:
        return _TASK_MARKERS[name]
    others = sorted(task for task in tasks if task not in _TASK_MARKERS)
    return _SPARE_MARKERS[others.index(name) % len(_SPARE_MARKERS)]


def _plain(name: str) -> str:
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]
