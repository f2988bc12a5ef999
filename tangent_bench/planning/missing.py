"""What a run needs that is not on this machine, data sets and weights, and how to get it.

Looks at files alone, so that a dry run says it where there is no network. Imports nothing heavy: the Snakefile is
parsed with it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tangent_bench import models, registry
from tangent_bench.images.sources import ROOT, absent, hub_origin
from tangent_bench.models import _weights
from tangent_bench.store import layout
from tangent_bench.images.task import SPLITS


def require_place(config: Mapping) -> None:
    """Raises ValueError if nothing can be written into the results folder."""
    folder = Path(config["results"])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ValueError(
            f"Cannot write {folder}: {error.strerror}. Make it writable or choose another `results` folder in the "
            "config, then run the same command again; finished files are kept."
        ) from None


def report(config: Mapping) -> str:
    """A line for each data set that is still to be prepared and each model whose weights are still to be had, under a
    line that says what to do; "" if all is here.
    """
    lines = [*data_sets(config), *weights(config)]
    if not lines:
        return ""
    root = "" if os.environ.get(ROOT) else f" (data sets: set {ROOT} to a folder of your own first)"
    about = f"Not on this machine; jobs will ask the hub for it, or get it before{root}:"
    return "\n".join(["", about, *(f"  {line}" for line in lines), ""])


def say(config: Mapping) -> None:
    """Print the report on stderr."""
    print(report(config), end="", file=sys.stderr)


def data_sets(config: Mapping) -> Iterator[str]:
    """A line for each data set that is neither prepared nor here, with how to get it."""
    results = Path(config["results"])
    for name in [*config["tasks"], config["control"]] if config["experiments"] else []:
        entry = config["custom_tasks"].get(name)
        module = registry.load("tasks", name) if entry is None else None
        origin = (
            getattr(module, "ORIGIN", None)
            if module
            else hub_origin(name, entry)
            if "hub" in entry
            else None
        )
        splits = module.TASK.splits if module else SPLITS
        if origin is None or all(
            (results / layout.data(name, split)).is_file() for split in splits
        ):
            continue
        licence = module.TASK.licence if module else entry.get("licence", "not stated")
        if how := absent(name, origin):
            yield f"{name} (licence: {licence}): {how}"


def weights(config: Mapping) -> Iterator[str]:
    """A line for each of the suite's models whose weights are not here, with how to get them."""
    for name in config["models"]:
        model = models.find(name, config["custom_models"])
        if model.hub and not is_here(model):
            yield (
                f"{name}: its weights {model.weights!r}: hf download {model.hub} {_weights.SAFE}; or a file of your "
                f"own: custom_models: {{{name}: {{architecture: {model.architecture}, weights: <file>}}}}"
            )


def is_here(model: models.Model) -> bool:
    """Whether the weights of a tag are in the user's folder or in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(model.hub, name) for name in (_weights.SAFE, _weights.PICKLED))
    return bool(_weights.in_folder(model.architecture, model.weights)) or any(
        isinstance(f, str) for f in found
    )
