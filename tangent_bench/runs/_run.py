"""A run: what is in one results folder, or in several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench import registry
from tangent_bench.runs import _drawing, _folders, _table
from tangent_bench.store import layout, places

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure as Canvas
    from torch import Tensor

    from tangent_bench.runs._table import Table
    from tangent_bench.tangent.vectors import Stored


@dataclass(frozen=True, eq=False)
class OpenedRun:
    """Finished results.

    Attributes:
        folders: where they lie.
        rows: every number with its coordinates, as `store.rows` describes them.
        titles: of models that stand in several of the folders.
    """

    folders: tuple[Path, ...]
    rows: pd.DataFrame = field(repr=False)
    titles: dict[str, str] = field(default_factory=dict, repr=False)

    def figure(self, name: str, **options: Any) -> Canvas:
        """Returns a matplotlib figure.

        Args:
            name: of the figure; `tangent-bench list figures` has all.
            options: as for `draw`: width, font, modes, labels, ...

        Raises:
            ValueError: an unknown name, or rows that the figure cannot show.
        """
        return _drawing.draw(self.rows, name, titles=self.titles, **options)

    def table(self, name: str, **options: Any) -> Table:
        """Returns a table, which prints itself and has `text("latex")`.

        Args:
            name: of the table; `tangent-bench list figures` has all.
            options: as for `build`: columns, digits, bold_best, modes, labels, ...

        Raises:
            ValueError: an unknown name, or rows that the table cannot show.
        """
        return _table.build(self.rows, name, titles=self.titles, **options)

    def vector(
        self,
        task: str,
        *,
        training: str | None = None,
        seed: int | None = None,
        model: str | None = None,
        init: str | None = None,
    ) -> Stored:
        """Returns the task vector τ = θ* − θ0: name of a parameter → tensor, each read when asked.

        Args:
            task: its name, or "multitask" for joint training.
            training: how it was made, as "linear"; None here and below: the only one that there is.
            seed: of the fine-tuning.
            model: its name.
            init: the initialisation that was fine-tuned.

        Raises:
            ValueError: there is no such vector, there are several, or its file is damaged.
        """
        from tangent_bench.tangent.vectors import Stored

        wish = {"model": model, "init": init, "training": training, "task": task, "seed": seed}
        return Stored(_only(self.folders, wish))

    def accuracies(
        self,
        direction: Mapping[str, Tensor],
        alphas: Sequence[float],
        *,
        split: str = "val",
        tasks: Sequence[str] = (),
        model: str | None = None,
        init: str | None = None,
        custom_models: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Returns accuracies of f(x; θ0 + α d), fractions: a line for each α, a column for a task.

        Choose α on "val", report "test". Intervals, verdicts and the tangent side come with a
        method of your own (`docs/how-to/your-own-method.md`); this is for a first look.

        Args:
            direction: d, a tensor for each parameter of the image tower.
            alphas: the coefficients.
            split: whose images are looked at.
            tasks: whose images are looked at; empty: all that have a vector.
            model: its name; None: the only one that there is.
            init: the initialisation; None: the only one that there is.
            custom_models: the config's entries of models of your own.

        Raises:
            ValueError: the direction does not fit the model, or the folder has no images.
        """
        from tangent_bench.runs import _trial

        (root,) = _single(self.folders)
        place = _trial.place_of(root, model, init)
        tasks = tasks or _tasks(root, place)
        return _trial.accuracies(root, direction, alphas, split, tasks, place, custom_models)


def _single(folders: Sequence[Path]) -> Sequence[Path]:
    if len(folders) > 1:
        raise ValueError("A direction is tried on the images of one folder; open it alone.")
    return folders


def _tasks(root: Path, place: tuple[str, str]) -> list[str]:
    """The tasks that have a vector, but for joint training."""
    files = root.glob(layout.vector(*place, "*", "*", "*"))
    return sorted({file.parent.name for file in files} - {layout.JOINT})


def open(*folders: str | Path) -> OpenedRun:
    """Opens results, of one folder or of several side by side.

    Args:
        folders: results of finished runs, as "results/tiny", or what is published of them.

    Raises:
        ValueError: none is given, one has no rows, or a file is damaged.
    """
    if not folders:
        raise ValueError("Name a folder of results, as results/tiny.")
    paths = [Path(places.at_home(str(folder))) for folder in folders]
    names = _folders.names(paths)
    tables = {}
    for name, path in zip(names, paths, strict=True):
        tables[name] = _folders.read(path)
    rows, titles = _folders.together(tables)
    return OpenedRun(tuple(paths), rows, titles)


def _only(folders: Sequence[Path], wish: dict[str, Any]) -> Path:
    """The one file of a vector that fits."""
    pattern = layout.vector("*", "*", "*", "*", "*")
    files = [file for folder in folders for file in sorted(folder.glob(pattern))]
    if not files:
        listed = ", ".join(map(str, folders))
        raise ValueError(
            f"{listed} has no vectors; expected the results of a run on this machine, as "
            "results/tiny. Published results have rows alone."
        )
    tasks = list(dict.fromkeys(_about(file)["task"] for file in files))
    if wish["task"] not in tasks:
        hint = registry.did_you_mean(wish["task"], tasks)
        raise ValueError(
            f"There is no vector of {wish['task']!r}; there are those of {', '.join(tasks)}.{hint}"
        )
    fitting = [file for file in files if _fits(_about(file), wish)]
    if len(fitting) != 1:
        raise ValueError(_which(files, fitting, wish))
    return fitting[0]


def _which(files: Sequence[Path], fitting: Sequence[Path], wish: dict[str, Any]) -> str:
    """A sentence about no vector that fits, or several."""
    of_task = [file for file in files if _about(file)["task"] == wish["task"]]
    listed = "; ".join(_words(_about(file)) for file in fitting or of_task)
    if not fitting:
        return f"No vector of {wish['task']!r} is as asked; there are: {listed}."
    return (
        f"{len(fitting)} vectors of {wish['task']!r} fit: {listed}; say which by training, seed, "
        "model or init."
    )


def _about(file: Path) -> dict[str, str]:
    """What the place of a vector's file says."""
    model, init, training, task, name = file.parts[-5:]
    seed = Path(name).stem.removeprefix("seed-")
    return {"model": model, "init": init, "training": training, "task": task, "seed": seed}


def _fits(about: dict[str, str], wish: dict[str, Any]) -> bool:
    return all(value is None or about[key] == str(value) for key, value in wish.items())


def _words(about: dict[str, str]) -> str:
    return f"model {about['model']}, {about['init']}, {about['training']}, seed {about['seed']}"
