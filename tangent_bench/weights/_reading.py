"""Files of weights as tensors by name, whatever holds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from tangent_bench.weights import Content, _pickles, _places

# What wrappers put into names: DataParallel and averages of weights, torch.compile, FSDP,
# checkpointed activations.
WRAPPERS = frozenset(("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"))
_ERRORS = (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)


def read(path: Path, outline: bool = False) -> Content:
    """What a file of weights holds: safetensors, a pickled state dict or module, or shards.

    Args:
        path: of the file, or of the index of shards.
        outline: whether names, shapes and types are enough; tensors are then on PyTorch's device
            "meta", and hardly anything is read.

    Raises:
        ValueError: it is not there or cannot be read, or its pickle asks for more than tensors and
            modules.
    """
    path = _places.find(path)
    if path.name.endswith(_places.INDEX):
        return replace(_Flat(path).of(_sharded(path, outline)), is_bare=False)
    root = _root(path, outline)
    if not isinstance(root, dict | list | tuple | _pickles.StandIn):
        raise ValueError(
            f"{path} holds a {type(root).__name__}, expected a state dict or a module."
        )
    return _Flat(path).of(root)


def _root(path: Path, outline: bool) -> object:
    """The one object that a file holds."""
    with path.open("rb") as file:
        start = file.read(9)
    is_pickle = _pickles.is_pickle(start)
    # A header in JSON follows its length in eight bytes; files are known by that, not by name.
    if start[8:] == b"{" or (path.suffix == ".safetensors" and not is_pickle):
        return _safetensors(path, outline)
    return _pickles.read(path, outline)


def _safetensors(path: Path, outline: bool) -> dict[str, Tensor]:
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        if not outline:
            return load_file(path)
        tensors = {}
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118 (it is no dict)
                tensors[name] = _meta(file.get_slice(name))
        return tensors
    except (SafetensorError, *_ERRORS) as error:
        raise ValueError(_pickles.damaged(path, str(error))) from None


def _meta(part) -> Tensor:
    """Shape and type of a tensor of safetensors."""
    # An empty slice has the type.
    shape = part.get_shape()
    dtype = part[:0].dtype if shape else part[...].dtype
    return torch.empty(shape, dtype=dtype, device="meta")


def _sharded(index: Path, outline: bool) -> dict[str, object]:
    """The entries of all shards.

    Raises:
        ValueError: a shard lacks a tensor that the index finds in it, or has one more.
    """
    shards = _places.shards(index)
    entries: dict[str, object] = {}
    for file in dict.fromkeys(shards.values()):
        root = _root(file, outline)
        if not isinstance(root, dict):
            raise ValueError(f"{file} holds a {type(root).__name__}, expected tensors by name.")
        listed = {name for name, shard in shards.items() if shard == file}
        if differing := sorted(map(str, listed ^ set(root))):
            raise ValueError(
                f"{file} and {index.name} disagree about {differing[0]!r} ({len(differing)} names "
                "in all); download both again."
            )
        entries |= root
    return entries


class _Flat:
    """Tensors of nested containers, side by side."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tensors: dict[str, Tensor] = {}
        self.facts: dict[str, object] = {}
        self.module = ""
        self.is_nested = False

    def of(self, root: object) -> Content:
        """What lies in a container, or in those in it; each is visited once."""
        waiting: list[tuple[str, object]] = [("", root)]
        seen: set[int] = set()
        while waiting:
            place, value = waiting.pop()
            if id(value) not in seen:
                seen.add(id(value))
                waiting += reversed(self._take(place, value))
        tensors = _without_wrappers(self.tensors)
        is_bare = not self.is_nested and list(tensors) == list(self.tensors)
        return Content(self.path, tensors, self.facts, self.module, is_bare)

    def _take(self, place: str, value: object) -> list[tuple[str, object]]:
        """Takes the entries of a container, and gives back those that are containers themselves."""
        inner = []
        for name, entry in self._entries(place, value):
            if isinstance(entry, Tensor):
                self._add(name, entry)
            elif _is_container(entry):
                inner.append((f"{name}/", entry))
            else:
                self.facts[name] = entry
        return inner

    def _entries(self, place: str, value: object) -> Iterator[tuple[str, object]]:
        """(name, entry) of a container."""
        self.is_nested = self.is_nested or bool(place) or not isinstance(value, Mapping)
        if isinstance(value, _pickles.StandIn):
            for name, tensor in _parameters(value, self.path):
                self.module = self.module or str(value.of)
                yield place + name, tensor
        elif isinstance(value, Mapping):
            for key, entry in value.items():
                yield f"{place}{key}", entry
        elif isinstance(value, list | tuple):
            for number, entry in enumerate(value):
                yield f"{place}{number}", entry

    def _add(self, name: str, tensor: Tensor) -> None:
        if name in self.tensors:
            raise ValueError(
                f"{self.path} has two tensors at {name[:80]!r}; save the one that you mean."
            )
        self.tensors[name] = tensor


def _without_wrappers(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without what wrappers put into their names.

    Where a name would then stand for two of them, both keep theirs.
    """
    names = {name: _plain(name) for name in tensors}
    counts = Counter(names.values())
    return {
        names[name] if counts[names[name]] == 1 else name: value for name, value in tensors.items()
    }


def _plain(name: str) -> str:
    """A name without wrappers.

    >>> _plain("state_dict/module.visual._orig_mod.proj")
    'state_dict/visual.proj'
    """
    place, slash, last = name.rpartition("/")
    kept = ".".join(part for part in last.split(".") if part not in WRAPPERS)
    return f"{place}{slash}{kept or last}"


def _is_container(value: object) -> bool:
    if isinstance(value, _pickles.StandIn):
        return bool(value.attribute("_parameters") or value.attribute("_modules"))
    return isinstance(value, dict | list | tuple) and bool(value)


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
