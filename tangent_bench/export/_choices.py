"""Which vectors are merged, with which coefficient: those of a results folder, or files by name.

The rows of a results folder say which coefficient was selected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import registry, suite
from tangent_bench.judging import outcomes
from tangent_bench.judging.outcomes import Place
from tangent_bench.store import layout, yaml_files
from tangent_bench.store.layout import Mode

if TYPE_CHECKING:
    from tangent_bench.merging import Merger

SELECTED = "selected"


@dataclass(frozen=True)
class Wish:
    """What was asked for of a results folder; what is None is the only one that there is.

    Attributes:
        tasks: whose vectors are merged; None: all that were added, or that have a vector.
        model: its name.
        init: initialisation.
        mode: training-evaluation.
        seed: of the fine-tuning.
    """

    tasks: Sequence[str] | None = None
    model: str | None = None
    init: str | None = None
    mode: str | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Choice:
    """Which vectors are merged, and how far one goes along their direction.

    Attributes:
        place: model, initialisation and mode.
        seed: of the fine-tuning.
        files: task → the file of its vector.
        alpha: the coefficient.
        is_selected: whether validation images chose it.
        grid: the least and the largest coefficient that were tried, as far as is known.
        layout: of checkpoints that others published; "" for vectors of a run.
    """

    place: Place
    seed: int
    files: Mapping[str, Path]
    alpha: float
    is_selected: bool = False
    grid: tuple[float, float] | None = None
    layout: str = ""


def choose(root: Path, merger: Merger, alpha: float | str, wish: Wish) -> Choice:
    """Vectors of a results folder.

    Args:
        root: the results folder.
        merger: the method.
        alpha: a number, or "selected" for the coefficient that the method's outcomes selected.
        wish: which of the vectors.

    Raises:
        ValueError: there are several such models, or none; or no coefficient was selected for them.
    """
    if not root.is_dir():
        raise ValueError(f"There is no folder {root}; expected results of a run, as results/tiny.")
    place = _place(root, wish)
    seed = _seed(root, place, wish.seed)
    is_selected = alpha == SELECTED
    selection = _selection(root, place, merger, seed, is_selected)
    tasks = wish.tasks
    if is_selected:
        where = f"{merger.label} in {place}"
        tasks, alpha = _selected(selection.coefficients, tasks, where)
    tasks = tasks or _added(selection) or _tasks(root, place)
    files = {task: _vector(root, place, task, seed) for task in tasks}
    grid = selection.grid or grid_of(merger)
    return Choice(place, seed, files, float(alpha), is_selected, grid)


def by_name(
    files: Sequence[Path], alpha: float, place: Place, seed: int, merger: Merger, layout: str = ""
) -> Choice:
    """Vectors by their files.

    Args:
        files: written by a run, so that each says which task's it is; or checkpoints.
        alpha: the coefficient.
        place: the model that they were fine-tuned from, and the mode of the merged model.
        seed: of a method's random draws.
        merger: the method.
        layout: of checkpoints that others published, whose names are those of the tasks; "" for
            vectors of a run.

    Raises:
        ValueError: one is no vector, two are of one task, or there is no such layout.
    """
    if layout:
        registry.module_name("checkpoints", layout)  # which says if there is none
        tasks = _names(files)
        trainings = {layout}
    else:
        tasks, trainings = _said(files)
    named: dict[str, Path] = {}
    for task, file in zip(tasks, files, strict=True):
        if task in named:
            raise ValueError(
                f"{named[task]} and {file} are both vectors of {task!r}; give one of each task."
            )
        named[task] = file
    mode = Mode("+".join(sorted(trainings)), Mode.parse(place.mode).evaluation)
    where = place._replace(mode=str(mode))
    return Choice(where, seed, named, alpha, grid=grid_of(merger), layout=layout)


def _said(files: Sequence[Path]) -> tuple[list[str], set[str]]:
    """The tasks of vectors of a run, and how they were trained, as the files say."""
    from tangent_bench.tangent.vectors import Stored

    tasks = []
    trainings = set()
    for file in files:
        about = Stored(file).about
        is_of_run = file.stem.startswith("seed-")
        tasks.append(about.get("task") or (file.parent.name if is_of_run else file.stem))
        trainings.add(about.get("training", "unknown"))
    return tasks, trainings


def _names(files: Sequence[Path]) -> list[str]:
    """The names of files and folders; where they are the same, those of the folders around them."""
    names = [file.stem if file.is_file() else file.name for file in files]
    if max(Counter(names).values()) > 1:
        names = [file.absolute().parent.name for file in files]
    return names


def _place(root: Path, wish: Wish) -> Place:
    """The one place that fits, of those where vectors were added, or else where there are any."""
    places = outcomes.places(root)
    if not places:
        for folder in sorted((root / "vectors").glob("*/*/*/")):
            model, init, training = folder.parts[-3:]
            for evaluation in ("network", "tangent"):
                places.append(Place(model, init, f"{training}-{evaluation}"))
    wanted = Place(wish.model or "", wish.init or "", wish.mode or "")
    fitting = [
        place
        for place in places
        if all(not a or a == b for a, b in zip(wanted, place, strict=True))
    ]
    if len(fitting) == 1:
        return fitting[0]
    if not places:
        raise ValueError(f"{root} has no vectors; expected results of a run, as results/tiny.")
    listed = "; ".join(map(str, fitting or places))
    if not fitting:
        raise ValueError(f"{root} has nothing of {_words(wanted)}; there are {listed}.")
    raise ValueError(
        f"{root} has {len(fitting)} kinds of models ({listed}); name one by --mode, and by --model "
        "and --init where they differ."
    )


def _words(wanted: Place) -> str:
    named = zip(("model", "init", "mode"), wanted, strict=True)
    return ", ".join(f"{name} {value!r}" for name, value in named if value)


def _tasks(root: Path, place: Place) -> list[str]:
    """The tasks that have vectors of their own."""
    training = Mode.parse(place.mode).training
    folder = root / "vectors" / place.model / place.init / training
    names = {path.parent.name for path in folder.glob("*/seed-*.safetensors")}
    return sorted(names - {layout.JOINT})


def _seed(root: Path, place: Place, seed: int | None) -> int:
    """The seed that was asked for, or the only one."""
    training = Mode.parse(place.mode).training
    folder = root / "vectors" / place.model / place.init / training
    files = folder.glob("*/seed-*.safetensors")
    seeds = sorted({int(file.stem.removeprefix("seed-")) for file in files})
    if not seeds:
        raise ValueError(f"{folder} has no vectors; run the preset of that folder again.")
    if seed is None and len(seeds) > 1:
        raise ValueError(f"{folder} has vectors of seeds {seeds}; name one by --seed.")
    if seed is not None and seed not in seeds:
        raise ValueError(f"{folder} has no vectors of seed {seed}; it has seeds {seeds}.")
    return seeds[0] if seed is None else seed


def _vector(root: Path, place: Place, task: str, seed: int) -> Path:
    """The file of a task's vector."""
    training = Mode.parse(place.mode).training
    path = root / layout.vector(place.model, place.init, training, task, seed)
    if not path.is_file():
        known = _tasks(root, place)
        hint = registry.did_you_mean(task, known)
        raise ValueError(f"There is no {path}; vectors are there of {', '.join(known)}.{hint}")
    return path


def _selection(
    root: Path, place: Place, merger: Merger, seed: int, is_needed: bool
) -> outcomes.Selection:
    """What the outcomes of a method selected; nothing if it has none, and they are not needed."""
    try:
        return outcomes.selection(root, place, merger.label, seed)
    except ValueError as sentence:
        if not is_needed:
            return outcomes.Selection({}, None)
        raise ValueError(
            f"{str(sentence).removesuffix('.')}; run the method there, or give --alpha a number."
        ) from None


def _added(selection: outcomes.Selection) -> list[str]:
    """All tasks, in the order in which they were added; [] if that is not known."""
    sources = next(iter(selection.coefficients), "")
    return sources.split("+") if sources else []


def _selected(
    coefficients: Mapping[str, float], tasks: Sequence[str] | None, where: str
) -> tuple[list[str], float]:
    """The tasks, in the order in which they were added, and their coefficient."""
    for sources, alpha in coefficients.items():
        if tasks is None or set(sources.split("+")) == set(tasks):
            return sources.split("+"), alpha
    added = next(iter(coefficients), "no tasks")
    raise ValueError(
        f"For {'+'.join(tasks or [])} no coefficient was selected ({where}): the outcomes are of "
        f"{added}; give --alpha a number."
    )


def grid_of(merger: Merger) -> tuple[float, float]:
    """The ends of a method's own grid, or of that of config/default.yaml."""
    own = merger.method.coefficients
    if own is not None:
        return own[0], own[1]
    default = yaml_files.read(suite.ROOT / "config/default.yaml")["coefficients"]
    return default["first"], default["last"]
