"""What a run needs that is not on this machine, data sets and weights, and how to get it.

Looks at files alone, so that a dry run says it where there is no network.
Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tangent_bench import models, registry
from tangent_bench.images.origin import Origin
from tangent_bench.images.sources import ROOT, absent, hub_origin
from tangent_bench.images.task import SPLITS
from tangent_bench.models import _weights
from tangent_bench.store import layout


def require_place(config: Mapping) -> None:
    """Raises ValueError if nothing can be written into the results folder."""
    folder = Path(config["results"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"Cannot write {folder}: {error.strerror}. Make it writable or choose another "
            "`results` folder in the config, then run the same command again; finished files are "
            "kept."
        ) from None


def report(config: Mapping) -> str:
    """What to do, then a line for each data set and each model whose weights are missing.

    It is "" if all is here.
    """
    lines = [*data_sets(config), *weights(config)]
    if not lines:
        return ""
    root = "" if os.environ.get(ROOT) else f" (data sets: set {ROOT} to a folder of your own first)"
    heading = f"Not on this machine; jobs will ask the hub for it, or get it before{root}:"
    return "\n".join(["", heading, *(f"  {line}" for line in lines), ""])


def say(config: Mapping) -> None:
    """Print the report on stderr."""
    print(report(config), end="", file=sys.stderr)


def data_sets(config: Mapping) -> Iterator[str]:
    """A line for each data set that is neither prepared nor here, with how to get it."""
    if not config["experiments"]:
        return
    for name in [*config["tasks"], config["control"]]:
        if not is_to_be_prepared(name, config):
            continue
        data_set = _data_set(name, config)
        if data_set and (how := absent(name, data_set.origin)):
            yield f"{name} (licence: {data_set.licence}): {how}"


def is_to_be_prepared(name: str, config: Mapping) -> bool:
    """Whether a task is a data set with an origin that the run has still to prepare."""
    data_set = _data_set(name, config)
    return data_set is not None and not _is_prepared(name, data_set.splits, config)


class _DataSet(NamedTuple):
    origin: Origin
    splits: Sequence[str]
    licence: str


def _data_set(name: str, config: Mapping) -> _DataSet | None:
    """Where images come from; None: a folder of the user's own, or the suite draws them."""
    entry = config["custom_tasks"].get(name)
    if entry is None:
        module = registry.task(name)
        origin = getattr(module, "ORIGIN", None)
        return origin and _DataSet(origin, module.TASK.splits, module.TASK.licence)
    if "hub" not in entry:
        return None
    return _DataSet(hub_origin(name, entry), SPLITS, entry.get("licence", "not stated"))


def _is_prepared(name: str, splits: Sequence[str], config: Mapping) -> bool:
    results = Path(config["results"])
    return all((results / layout.data(name, split)).is_file() for split in splits)


def weights(config: Mapping) -> Iterator[str]:
    """A line for each of the suite's models whose weights are not here, with how to get them."""
    for name in config["models"]:
        model = models.find(name, config["custom_models"])
        file = models.weights_file(model) if model.package else None
        if model.package and file and not file.is_file():
            how = _weights.how_to_install(model.architecture, str(model.weights), model.package)
            yield f"{name}: its weights {model.weights!r}: {how}"
        if model.hub and not is_here(model):
            entry = f"{{architecture: {model.architecture}, weights: <file>}}"
            yield (
                f"{name}: its weights {model.weights!r}: hf download {model.hub} {_weights.SAFE}; "
                f"or a file of your own: custom_models: {{{name}: {entry}}}"
            )


def is_here(model: models.Model) -> bool:
    """Whether the weights of a tag are in the user's folder or in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    assert model.hub, model
    if model.weights and _weights.in_folder(model.architecture, model.weights):
        return True
    return any(
        isinstance(try_to_load_from_cache(model.hub, name), str)
        for name in (_weights.SAFE, _weights.PICKLED)
    )
