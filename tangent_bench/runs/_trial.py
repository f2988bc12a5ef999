"""A direction of one's own, tried on the images of a run: accuracy of f(x; θ0 + α d)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench import registry
from tangent_bench.measuring.evaluation import NetworkEvaluator
from tangent_bench.measuring.results import Results
from tangent_bench.store import layout
from tangent_bench.tangent import linearize, written
from tangent_bench.tangent.vectors import require_same

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

NAME = "direction"
SPLITS = ("val", "test")
BATCH = 250  # images that pass the network at a time


def accuracies(
    root: Path,
    direction: Mapping[str, Tensor],
    alphas: Sequence[float],
    split: str,
    tasks: Sequence[str],
    place: tuple[str, str],
    custom_models: Mapping[str, Any] | None,
) -> pd.DataFrame:
    """Returns accuracies as fractions, a line for each α, a column for each task.

    Args:
        root: the results folder.
        direction: d, a tensor for each parameter of the image tower.
        alphas: the coefficients.
        split: "val" or "test".
        tasks: whose images are looked at.
        place: model and initialisation.
        custom_models: the config's entries of models of the user's own.

    Raises:
        ValueError: the direction does not fit the model, or there is no such split.
    """
    import pandas as pd

    if split not in SPLITS:
        hint = registry.did_you_mean(split, SPLITS)
        raise ValueError(f"There is no split {split!r}; expected val or test.{hint}")
    results = Results(root, *place, seed=0, custom_models=custom_models)
    tower = results.network
    require_same(tower.theta0, direction, "θ0", NAME)
    evaluator = NetworkEvaluator(
        encoder=partial(linearize.encode, tower.module),
        theta0=tower.theta0,
        vectors={NAME: direction},
        head=results.head,
        images=results.prepared,
        batch_size=BATCH,
        fast=written.encoder(tower.module),
        base=results.base,
    )
    points = [{NAME: alpha} for alpha in alphas]
    columns = {}
    for task in tasks:
        chosen_PN = evaluator.predict(task, split, points)
        columns[task] = (chosen_PN == results.labels(task, split).labels).mean(axis=1)
    return pd.DataFrame(columns, index=pd.Index(list(alphas), name="alpha"))


def place_of(root: Path, model: str | None, init: str | None) -> tuple[str, str]:
    """Returns the model and initialisation whose images can be looked at, or the only ones.

    Raises:
        ValueError: there are none, or several.
    """
    files = root.glob(layout.base("*", "*", "*"))
    places = sorted({(file.parts[-3], file.parts[-2]) for file in files})
    fitting = [each for each in places if model in (None, each[0]) and init in (None, each[1])]
    if len(fitting) == 1:
        return fitting[0]
    listed = "; ".join(", ".join(each) for each in fitting or places) or "none"
    raise ValueError(
        f"{root} has {len(fitting)} models and initialisations that fit, of {listed}; expected "
        "the results of a run on this machine, and model and init where there are several."
    )
