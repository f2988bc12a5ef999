"""What a merged model is made of: vectors, and the model that they were fine-tuned from.

They come from a results folder, where the rows also say which coefficient was selected, or from
files by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench import models, registry, suite
from tangent_bench.judging import outcomes
from tangent_bench.judging.outcomes import Place
from tangent_bench.store import artefacts, layout, yaml_files
from tangent_bench.store.layout import Mode

if TYPE_CHECKING:
    from tangent_bench.measuring.results import Results
    from tangent_bench.merging import Merger
    from tangent_bench.models import Clip, Model
    from tangent_bench.tangent.vectors import Stored, Vector

SELECTED = "selected"


@dataclass(frozen=True)
class Ingredients:
    """Vectors and their model.

    Attributes:
        name: of the model in the config.
        model: its architecture and weights.
        init: its initialisation.
        clip: the open_clip model with θ0.
        theta0: θ0 of its image tower.
        digest: of θ0.
        vectors: task → τ, which stays in its file.
        mode: how the vectors were made, and what they are put into.
        seed: of the fine-tuning, and of a method's random draws.
        results: the results folder, for methods that look at images; None if there is none.
    """

    name: str
    model: Model
    init: str
    clip: Clip
    theta0: Vector
    digest: str
    vectors: Mapping[str, Stored]
    mode: Mode
    seed: int = 0
    results: Results | None = None


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
    """

    place: Place
    seed: int
    files: Mapping[str, Path]
    alpha: float
    is_selected: bool = False
    grid: tuple[float, float] | None = None


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
    tasks = wish.tasks
    if is_selected := alpha == SELECTED:
        selection = _selection(root, place, merger, seed)
        tasks, alpha = _selected(selection.coefficients, tasks, f"{merger.label} in {place}")
        grid = selection.grid
    else:
        grid = _grid(root, place, merger, seed)
    tasks = tasks or [task for task in _tasks(root, place) if task != layout.JOINT]
    files = {task: _vector(root, place, task, seed) for task in tasks}
    return Choice(place, seed, files, float(alpha), is_selected, grid)


def by_name(files: Sequence[Path], alpha: float, place: Place, seed: int, merger: Merger) -> Choice:
    """Vectors by their files.

    Args:
        files: written by a run; each says which task's it is.
        alpha: the coefficient.
        place: the model that they were fine-tuned from, and the mode of the merged model.
        seed: of a method's random draws.
        merger: the method.

    Raises:
        ValueError: one is no vector, or two are of one task.
    """
    from tangent_bench.tangent.vectors import Stored

    named: dict[str, Path] = {}
    trainings = set()
    for file in files:
        about = Stored(file).about
        task = _task_of(file, about)
        if task in named:
            raise ValueError(
                f"{named[task]} and {file} are both vectors of {task!r}; give one of each task."
            )
        named[task] = file
        trainings.add(about.get("training", "unknown"))
    mode = Mode("+".join(sorted(trainings)), Mode.parse(place.mode).evaluation)
    return Choice(place._replace(mode=str(mode)), seed, named, alpha, grid=grid_of(merger))


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
    """The tasks that have vectors."""
    training = Mode.parse(place.mode).training
    folder = root / "vectors" / place.model / place.init / training
    return sorted(path.name for path in folder.glob("*/") if any(path.glob("seed-*.safetensors")))


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


def _selection(root: Path, place: Place, merger: Merger, seed: int) -> outcomes.Selection:
    try:
        return outcomes.selection(root, place, merger.label, seed)
    except ValueError as sentence:
        raise ValueError(
            f"{str(sentence).removesuffix('.')}; run the method there, or give --alpha a number."
        ) from None


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


def _grid(root: Path, place: Place, merger: Merger, seed: int) -> tuple[float, float]:
    """The ends of the grid that the outcomes of a method have, else of its own grid."""
    try:
        return outcomes.selection(root, place, merger.label, seed).grid or grid_of(merger)
    except ValueError:  # it was not evaluated there
        return grid_of(merger)


def grid_of(merger: Merger) -> tuple[float, float]:
    """The ends of a method's own grid, or of that of config/default.yaml."""
    own = merger.method.coefficients
    if own is not None:
        return own[0], own[1]
    default = yaml_files.read(suite.ROOT / "config/default.yaml")["coefficients"]
    return default["first"], default["last"]


def _task_of(file: Path, about: Mapping[str, Any]) -> str:
    """The task of a vector: as its file says, else the name of its folder, or its own."""
    is_of_run = file.stem.startswith("seed-")
    return str(about.get("task") or (file.parent.name if is_of_run else file.stem))


def opened(choice: Choice, custom_models: Mapping[str, Any], root: Path | None) -> Ingredients:
    """Vectors and their model, if they belong together.

    Args:
        choice: which vectors.
        custom_models: the config's entries.
        root: the results folder, for methods that look at images; None if there is none.

    Raises:
        ValueError: a vector is damaged, or belongs to another θ0 than the others or the model.
    """
    from tangent_bench.measuring.results import Results
    from tangent_bench.models._tower import whole
    from tangent_bench.tangent.linearize import parameters
    from tangent_bench.tangent.vectors import Stored

    place = choice.place
    vectors = {task: Stored(file) for task, file in choice.files.items()}
    _require_one_start(vectors, choice.files)
    model = models.find(place.model, dict(custom_models))
    clip = whole(model, place.init, 0)
    theta0 = parameters(clip.visual)
    digest = artefacts.digest({name: value.numpy() for name, value in theta0.items()})
    _require_start(vectors, choice.files, digest, place)
    results = root and Results(root, place.model, place.init, choice.seed, custom_models)
    mode = Mode.parse(place.mode)
    return Ingredients(
        place.model, model, place.init, clip, theta0, digest, vectors, mode, choice.seed, results
    )


def _require_start(
    vectors: Mapping[str, Stored], files: Mapping[str, Path], digest: str, place: Place
) -> None:
    """Raise if vectors were fine-tuned from another model than the one that is there."""
    for task, vector in vectors.items():
        if vector.about["theta0"] != digest:
            raise ValueError(
                f"{files[task]} was made from other weights than those of {place.model!r} "
                f"({place.init}) are now; name the model that it was fine-tuned from."
            )


def _require_one_start(vectors: Mapping[str, Stored], files: Mapping[str, Path]) -> None:
    """Raise if vectors were fine-tuned from different weights, before any model is loaded."""
    first = next(iter(vectors))
    for task, vector in vectors.items():
        if vector.about["theta0"] != vectors[first].about["theta0"]:
            raise ValueError(
                f"{files[first]} and {files[task]} were fine-tuned from different weights θ0, so "
                "that their sum belongs to neither; give vectors of one pre-trained model."
            )
