"""Towers that are none of open_clip's: any network of timm, or one that a module builds.

θ0 is the network's own initialisation, or what a file of weights holds. Buffers, such as running
statistics, come with the weights and stay as they are.
"""

from __future__ import annotations

import importlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from tangent_bench import models, registry
from tangent_bench.images.inputs import Inputs, Pixels
from tangent_bench.jobs import provenance
from tangent_bench.models import _frozen, _weights
from tangent_bench.tangent.vectors import require_finite
from tangent_bench.weights import _reading, _towers

if TYPE_CHECKING:
    from torch import nn

log = logging.getLogger(__name__)


def create(model: models.Model, init: str, seed: int) -> tuple[nn.Module, Inputs]:
    """A network in `eval()`, float32, on the CPU, without gradients, and what it takes.

    Args:
        model: of timm, or of a module of its own.
        init: "pretrained" loads the weights, "random" draws them.
        seed: of random weights.

    Raises:
        ValueError: the network cannot be made, or is no function of θ and one input; another
            `init`; weights that are missing, damaged or another network's.
    """
    if init not in ("pretrained", "random"):
        raise ValueError(
            f"Model {model.title!r} has no initialisation {init!r}, which is a step of a "
            "pre-training; it has pretrained and random."
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module, inputs = _timm(model) if model.library == "timm" else _own(model)
    files: list[Path] = []
    if init == "pretrained" and model.weights is not None:
        files = models.weights_files(model)
        _require_package(model, model.weights, files[0])
        _load(module, model, files[0])
    module.float().requires_grad_(False)
    _frozen.freeze(module, model.title)
    _frozen.require_embeddings(module, inputs, model.title)
    provenance.add_network(f"{model.title}, {init}", files, lambda: models.digest(module))
    return module, inputs


def _require_package(model: models.Model, weights: str, file: Path) -> None:
    """Raise unless the weights are here, of a model whose weights are in a package."""
    if model.package and not file.is_file():
        how = _weights.how_to_install(model.architecture, weights, model.package)
        raise ValueError(
            f"Model {model.title!r}: its weights {weights!r} are not on this machine: {how}."
        )


def _own(model: models.Model) -> tuple[nn.Module, Inputs]:
    """What the module of the model builds."""
    plugin = importlib.import_module(model.library)
    try:
        network = plugin.build()
    except Exception as error:  # whatever an author's function does
        raise ValueError(
            f"Model {model.title!r}: build() of {model.library} failed "
            f"({registry.described(error, str(plugin.__file__))}); mend it."
        ) from error
    if not isinstance(network, torch.nn.Module):
        raise ValueError(
            f"Model {model.title!r}: build() of {model.library} returns a "
            f"{type(network).__name__}, expected a torch.nn.Module."
        )
    return network, plugin.INPUTS


def _timm(model: models.Model) -> tuple[nn.Module, Inputs]:
    """A network of timm without its classifier, and the images that it was trained on."""
    import timm
    from timm.data.config import resolve_model_data_config

    name = model.architecture
    if not timm.is_model(name):
        hint = registry.did_you_mean(name, timm.list_models())
        raise ValueError(
            f"Model {model.title!r}: timm has no network {name!r}; expected one of "
            f"timm.list_models().{hint}"
        )
    try:
        network = timm.create_model(name, pretrained=False, num_classes=0)
        about = resolve_model_data_config(network)
        if model.side and getattr(network, "pretrained_cfg", {}).get("fixed_input_size"):
            network = timm.create_model(name, pretrained=False, num_classes=0, img_size=model.side)
    except Exception as error:  # whatever timm meets in a name or a size
        raise ValueError(
            f"Model {model.title!r}: timm cannot make {name!r} ({registry.described(error)}); "
            "try it with timm.create_model."
        ) from error
    side = model.side or about["input_size"][-1]
    return network, Pixels(side, tuple(about["mean"]), tuple(about["std"]))


def _load(module: nn.Module, model: models.Model, file: Path) -> None:
    """Fill a network from a file, which may hold more, such as a classifier."""
    try:
        state = _state(module, file)
    except ValueError as sentence:
        raise ValueError(f"Model {model.title!r}: {sentence}") from sentence
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"Model {model.title!r}: network {model.architecture!r} and weights {str(file)!r} do "
            f"not fit together ({reason}); give those that were saved with one another."
        ) from error
    require_finite(module.state_dict(), f"{file}, as it is loaded,", "download it again")


def _state(module: nn.Module, file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a network in a file, wherever they lie in it."""
    content = _reading.read(file)
    wanted = module.state_dict()
    before = _towers.prefix(content, wanted) or ""
    found = _towers.inside(content, before)
    beside = set(found) - set(wanted)
    _towers.require_names(content, found, wanted, before, beside)
    floating = [name for name, value in wanted.items() if value.is_floating_point()]
    _towers.require_floating(content, {before + name: name for name in floating})
    if beside:
        log.info(
            "%s: the tower is read, but not %r (%d tensors beside it)",
            file,
            before + min(beside),
            len(beside),
        )
    return {name: found[name] for name in wanted}
