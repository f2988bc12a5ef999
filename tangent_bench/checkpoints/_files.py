"""Files of weights as tensors by name, whatever holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from tangent_bench.checkpoints import _pickles
from tangent_bench.checkpoints._contract import Content

if TYPE_CHECKING:
    from tangent_bench.models import Clip

# What stands before the image tower's names: in an ImageEncoder, an open_clip model, the tower.
PREFIXES = ("model.visual.", "visual.", "")


def content(path: Path) -> Content:
    """What a safetensors file, a pickled state dict or a pickled module holds.

    Raises:
        ValueError: it cannot be read, holds no tensors, or its pickle asks for more than tensors
            and modules.
    """
    if path.suffix == ".safetensors":
        return Content(path, _safetensors(path))
    root = _pickles.read(path)
    if isinstance(root, _pickles.StandIn):
        return Content(path, dict(_parameters(root, path)), module=str(root.of))
    if not isinstance(root, dict):
        raise ValueError(
            f"{path} holds a {type(root).__name__}, expected a state dict or a module."
        )
    tensors = {}
    facts = {}
    for key, value in root.items():
        entries = tensors if isinstance(value, Tensor) else facts
        entries[str(key)] = value
    return Content(path, tensors, facts)


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (
        SafetensorError,
        ArithmeticError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError(_pickles.damaged(path, str(error))) from None


def _parameters(module: _pickles.StandIn, path: Path) -> Iterator[tuple[str, Tensor]]:
    """(name, tensor) of the parameters of a pickled `nn.Module`.

    As `named_parameters` gives them: each module once.
    """
    return _walk(module, path, "", (), set())


def _walk(
    module: _pickles.StandIn,
    path: Path,
    prefix: str,
    ancestors: tuple[_pickles.StandIn, ...],
    seen: set[int],
) -> Iterator[tuple[str, Tensor]]:
    if module in ancestors:
        raise ValueError(
            f"{path} holds a module that contains itself ({prefix!r}); that is no checkpoint."
        )
    if id(module) in seen:
        return
    seen.add(id(module))
    for name, value in module.attribute("_parameters").items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
    for name, child in module.attribute("_modules").items():
        if isinstance(child, _pickles.StandIn):
            yield from _walk(child, path, f"{prefix}{name}.", (*ancestors, module), seen)


def require_names(
    path: Path, found: Collection[str], wanted: Collection[str], allowed: Collection[str] = ()
) -> None:
    """Raise unless a file has all names that it should have, and no others.

    Args:
        path: of the file.
        found: its names.
        wanted: names that it should have.
        allowed: names that it may have beside.

    Raises:
        ValueError: names the first that is missing or unknown.
    """
    if missing := sorted(set(wanted) - set(found)):
        raise ValueError(
            f"{path} lacks {missing[0]!r} ({len(missing)} of {len(wanted)} names are missing); it "
            "is incomplete, or of another model."
        )
    if extra := sorted(set(found) - set(wanted) - set(allowed)):
        raise ValueError(
            f"{path} has {extra[0]!r} ({len(extra)} names in all) that the model lacks; it is of "
            "another model."
        )


def prefix(content: Content, network: Clip) -> str | None:
    """What stands before the image tower's names in a file; None if they are not there."""
    names = [name for name, _ in network.visual.named_parameters()]
    for before in PREFIXES:
        if any(before + name in content.tensors for name in names):
            return before
    return None


def tower(content: Content, network: Clip) -> Mapping[str, Tensor]:
    """The image tower's parameters, by its own names, of a file that may hold the text tower too.

    Raises:
        ValueError: names that are missing, or that the model lacks.
    """
    before = prefix(content, network)
    assert before is not None, "a layout reads only files that it recognises"
    names = [name for name, _ in network.visual.named_parameters()]
    if before:
        outer = before.removesuffix("visual.")
        allowed = [outer + name for name in network.state_dict()]
    else:
        allowed = list(network.visual.state_dict())
    require_names(content.path, content.tensors, [before + name for name in names], allowed)
    return {name: content.tensors[before + name] for name in names}
