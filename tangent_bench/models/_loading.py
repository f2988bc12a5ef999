"""Puts the weights of a file into an open_clip model, whatever the file holds beside them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import cast

from torch import Tensor, nn

from tangent_bench.tangent.vectors import require_finite
from tangent_bench.weights import Content, _reading, _towers, _transformers

# Arrays of NumPy, which open_clip knows from SigLIP's authors.
_ARRAYS = (".npz", ".npy")
_POSITIONS = "position_ids"  # a buffer of older text towers: 0, 1, 2, ...


class Misfit(Exception):
    """Weights and network have other names or shapes than one another."""


def load(network: nn.Module, file: Path) -> None:
    """Fill a network, which has both towers, from a file.

    A state dict as it is goes through open_clip, which also knows names of other publishers. What
    holds more, or holds it elsewhere, is unpacked here.

    Raises:
        Misfit: what open_clip or PyTorch says of names and shapes.
        ValueError: the file cannot be read, holds one tower alone, or its numbers are integers or
            not finite.
    """
    if file.suffix in _ARRAYS:
        _by_open_clip(network, file)
    else:
        outline = _reading.read(file, outline=True)
        _towers.require_no_lora(outline)
        _require_text(outline, network)
        _fill(network, file, outline)
    require_finite(network.state_dict(), f"{file}, as it is loaded,", "download it again")


def _fill(network: nn.Module, file: Path, outline: Content) -> None:
    names = list(network.state_dict())
    if _towers.has_all(outline, names):
        _require_fractions(outline, network)
        if outline.is_bare and not outline.facts and set(outline.tensors) == set(names):
            _by_open_clip(network, file)
        else:
            _by_name(network, _found(_reading.read(file), names))
    elif _transformers.recognises(outline):
        _transformers.require_config(file, network.get_submodule("visual"))
        _by_name(network, _transformers.whole(_reading.read(file), network))
    else:
        try:
            _by_open_clip(network, file)
        except Misfit:
            _say_missing(outline, names)
            raise


def _by_open_clip(network: nn.Module, file: Path) -> None:
    import open_clip

    try:
        # PyTorch's restricted reader, if the file is a pickle.
        open_clip.load_checkpoint(cast("open_clip.CLIP", network), str(file), weights_only=True)
    except Exception as error:  # whatever it meets in a user's file
        raise Misfit(str(error)) from error


def _by_name(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    shaped = {}
    for name, value in state.items():
        # A single number may be () or (1,).
        is_single = value.numel() == 1 and shapes[name].numel() == 1
        shaped[name] = value.reshape(shapes[name]) if is_single else value
    try:
        network.load_state_dict(shaped)
    except RuntimeError as error:
        raise Misfit(str(error)) from error


def _found(content: Content, names: list[str]) -> dict[str, Tensor]:
    """The tensors of these names, wherever in the file they lie."""
    before = _towers.prefix(content, names) or ""
    inside = _towers.inside(content, before)
    positions = [name for name in inside if name.endswith(_POSITIONS)]
    _towers.require_names(content, inside, names, before, [*_towers.BESIDE, *positions])
    return {name: inside[name] for name in names}


def _say_missing(outline: Content, names: list[str]) -> None:
    """Raise with the name that is missing, if there are others of the network's."""
    before = _towers.prefix(outline, names)
    if before is not None and not outline.is_bare:
        _towers.require_names(outline, _towers.inside(outline, before), names, before)


def _require_fractions(outline: Content, network: nn.Module) -> None:
    """Raise if numbers that have fractions in the network are integers in the file."""
    before = _towers.prefix(outline, list(network.state_dict())) or ""
    floating = [name for name, value in network.state_dict().items() if value.is_floating_point()]
    _towers.require_floating(outline, {before + name: name for name in floating})


def _require_text(outline: Content, network: nn.Module) -> None:
    """Raise if there is an image tower alone."""
    visual = list(network.get_submodule("visual").state_dict())
    theirs = list(chain.from_iterable(map(_transformers.names, visual)))
    has_tower = _towers.has_all(outline, visual) or _towers.has_all(outline, theirs)
    whole = set(network.state_dict()) - {f"visual.{name}" for name in visual}
    # Names of both towers, such as those of blocks, say nothing.
    text = whole - set(visual) - set(_towers.BESIDE)
    has_text = _towers.has_any(outline, text) or any(
        _transformers.TEXT in name for name in outline.tensors
    )
    if has_tower and not has_text:
        raise ValueError(
            f"{outline.path} holds an image tower alone, and names of classes go through the text "
            "tower; give the whole model, or name the file under `checkpoints` if it is fine-tuned."
        )
