"""Files of weights as tensors by name, whatever holds them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from torch import Tensor, nn

from tangent_bench.checkpoints import Content, _pickles


def content(path: Path) -> Content:
    """What a safetensors file, a pickled state dict or a pickled module holds.

    Raises:
        ValueError: it cannot be read, holds no tensors, or its pickle asks for more than tensors and modules.
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
    tensors = {str(k): v for k, v in root.items() if isinstance(v, Tensor)}
    return Content(path, tensors, {str(k): v for k, v in root.items() if not isinstance(v, Tensor)})


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError,
            ValueError) as error:  # fmt: skip
        raise ValueError(_pickles.damaged(path, str(error))) from None


def _parameters(
    module: _pickles.StandIn, path: Path, prefix: str = "", above: tuple = (), seen=None
) -> Iterator:
    """(name, tensor) of the parameters of a pickled `nn.Module`, as `named_parameters` has them: each module once."""
    if module in above:
        raise ValueError(
            f"{path} holds a module that contains itself ({prefix!r}); that is no checkpoint."
        )
    seen = set() if seen is None else seen
    if id(module) in seen:
        return
    seen.add(id(module))
    for name, value in module.attribute("_parameters").items():
        if isinstance(value, Tensor):
            yield f"{prefix}{name}", value
    for name, child in module.attribute("_modules").items():
        if isinstance(child, _pickles.StandIn):
            yield from _parameters(child, path, f"{prefix}{name}.", (*above, module), seen)


def require_names(
    path: Path, found: Collection[str], wanted: Collection[str], allowed: Collection[str] = ()
) -> None:
    """Raise unless a file has all names that are wanted, and no others than these and those allowed.

    Raises:
        ValueError: names the first that is missing or too much.
    """
    if missing := sorted(set(wanted) - set(found)):
        raise ValueError(
            f"{path} lacks {missing[0]!r} ({len(missing)} of {len(wanted)} names are missing); it is incomplete, or of "
            "another model."
        )
    if extra := sorted(set(found) - set(wanted) - set(allowed)):
        raise ValueError(
            f"{path} has {extra[0]!r} ({len(extra)} names in all) that the model lacks; it is of another model."
        )


def prefix(content: Content, network: nn.Module) -> str | None:
    """What stands before the image tower's names in a file, or None if they are not there."""
    names = [name for name, _ in network.visual.named_parameters()]
    known = (
        "model.visual.",
        "visual.",
        "",
    )  # of an ImageEncoder, an open_clip model, the tower alone
    return next((p for p in known if any(p + name in content.tensors for name in names)), None)


def tower(content: Content, network: nn.Module) -> Mapping[str, Tensor]:
    """The image tower's parameters, by its own names, of a file that may hold the text tower too.

    Raises:
        ValueError: names that are missing, or that the model lacks.
    """
    before = prefix(content, network)
    wanted = [before + name for name, _ in network.visual.named_parameters()]
    whole, outer = (network, before.removesuffix("visual.")) if before else (network.visual, "")
    require_names(
        content.path, content.tensors, wanted, [outer + name for name in whole.state_dict()]
    )
    return {name.removeprefix(before): content.tensors[name] for name in wanted}
