"""Finds a network's tensors in what a file holds, wherever they lie in it."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tangent_bench.weights import _places

if TYPE_CHECKING:
    from torch import nn

    from tangent_bench.weights import Content

# Entries that a checkpoint may have beside a tower's: OpenAI's facts, the mask of the text tower,
# the count of an average of weights.
BESIDE = (
    "input_resolution",
    "context_length",
    "vocab_size",
    "attn_mask",
    "logit_scale",
    "logit_bias",
    "n_averaged",
)
_LORA = "lora_"
_OF_WEIGHTS = "class_embedding"  # which no adapter has


def parameter_names(module: nn.Module) -> list[str]:
    """The names of a module's parameters."""
    return [name for name, _ in module.named_parameters()]


def prefix(content: Content, names: Collection[str]) -> str | None:
    """What stands before the `names` in a file; None if they are not there.

    Where not all of them are there, the place that has most of them, if it has more than one.

    Raises:
        ValueError: they are there twice, with values that differ.
    """
    found = _complete(content, names)
    if found:
        _require_one(content, found, names)
        return found[0]
    counts = _counts(content, set(names))
    best, count = max(counts.items(), key=lambda item: item[1], default=("", 0))
    return best if count > 1 else None


def _complete(content: Content, names: Collection[str]) -> list[str]:
    """The places that have all names."""
    counts = _counts(content, set(names))
    return [place for place, count in counts.items() if count == len(names)]


def has_all(content: Content, names: Collection[str]) -> bool:
    """Whether all names are in one place of a file."""
    return bool(_complete(content, names))


def has_any(content: Content, names: Collection[str]) -> bool:
    """Whether some of the names are in a file."""
    return bool(_counts(content, set(names)))


def _counts(content: Content, names: Collection[str]) -> Counter[str]:
    """What stands before → how many of the names follow it.

    State of an optimiser, which may have the same names, is left out.
    """
    counts: Counter[str] = Counter()
    for key in content.tensors:
        place, slash, last = key.rpartition("/")
        if any(part.startswith("optim") for part in place.split("/")):
            continue
        parts = last.split(".")
        for k in range(len(parts)):
            if ".".join(parts[k:]) in names:
                before = "".join(f"{part}." for part in parts[:k])
                counts[f"{place}{slash}{before}"] += 1
    return counts


def _require_one(content: Content, places: Sequence[str], names: Iterable[str]) -> None:
    """Raise if several places hold different weights."""
    first, *others = places
    for other in others:
        for name in names:
            a = content.tensors[first + name]
            b = content.tensors[other + name]
            if not _equal(a, b):
                raise ValueError(
                    f"{content.path} holds two towers, at {first!r} and {other!r}, which differ at "
                    f"{name!r}; save the one that you mean in a file of its own."
                )


def _equal(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors agree, as far as their outlines say if they are no more."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.is_meta or torch.equal(a, b):
        return True
    # What is no number is not equal to itself, and is for others to find.
    return a.is_floating_point() and torch.equal(a.double().nan_to_num(), b.double().nan_to_num())


def require_names(
    content: Content,
    found: Collection[str],
    wanted: Collection[str],
    before: str = "",
    allowed: Collection[str] = (),
) -> None:
    """Raise unless a file has all names that it should have, and no others.

    Args:
        content: of the file.
        found: its names in the place where they lie.
        wanted: names that it should have.
        before: the place, which stands before all of them.
        allowed: names that it may have beside.

    Raises:
        ValueError: names the first that is missing or unknown.
    """
    if missing := sorted(set(wanted) - set(found)):
        first = before + missing[0]
        if first in content.facts:
            raise ValueError(
                f"{content.path} has {first!r}, but not as a tensor of PyTorch; save it as one."
            )
        raise ValueError(
            f"{content.path} lacks {first!r} ({len(missing)} of {len(wanted)} names are missing); "
            "it is incomplete, or of another model."
        )
    if extra := sorted(set(found) - set(wanted) - set(allowed)):
        raise ValueError(
            f"{content.path} has {before + extra[0]!r} ({len(extra)} names in all) that the model "
            "lacks; it is of another model, or more than the model was saved there."
        )


def inside(content: Content, before: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `before`, without it; none of containers in it."""
    found = {}
    for key, value in content.tensors.items():
        if key.startswith(before) and "/" not in key[len(before) :]:
            found[key[len(before) :]] = value
    return found


def say_unread(content: Content, before: str, known: Collection[str]) -> None:
    """Warn of tensors beside a tower that nothing reads, such as the head of a classifier.

    Args:
        content: of the file.
        before: what stands before the tower's names.
        known: names in the tower's container that are read, or that it is known to have beside.
    """
    place, slash, _ = before.rpartition("/")
    beside = [name for name in inside(content, place + slash) if name not in known]
    if beside:
        logging.warning(
            "%s: the image tower is read, but not %r (%d tensors beside it).",
            content.path,
            beside[0],
            len(beside),
        )


def is_adapter(content: Content) -> bool:
    """Whether there is LoRA, and not beside the weights that it adapts."""
    parts = {part for name in content.tensors for part in re.split("[./]", name)}
    return any(part.startswith(_LORA) for part in parts) and _OF_WEIGHTS not in parts


def require_no_lora(content: Content) -> None:
    """Raise if there is LoRA, alone or beside the weights, which are not what was fine-tuned."""
    for name in content.tensors:
        if _LORA in name:
            if is_adapter(content):
                raise ValueError(f"{content.path} has {name!r}: it {_places.ADAPTER}.")
            raise ValueError(
                f"{content.path} has {name!r}: beside the weights it has a LoRA adapter, "
                f"{_places.MERGE}."
            )


def require_floating(content: Content, names: Mapping[str, str]) -> None:
    """Raise if a file keeps weights as integers.

    Args:
        content: of the file.
        names: its names of what are numbers with fractions in the model → those of the model.

    Raises:
        ValueError: names the first.
    """
    for theirs, ours in names.items():
        value = content.tensors[theirs]
        if not value.is_floating_point():
            raise ValueError(
                f"{content.path} has {theirs!r} as {value.dtype}, where {ours!r} of the model has "
                "fractions; it is quantised, or not of weights: give those before it was."
            )


def is_in(content: Content, network: nn.Module) -> bool:
    """Whether a file has the image tower of a network, or a part of it."""
    counts = _counts(content, set(parameter_names(network.get_submodule("visual"))))
    return max(counts.values(), default=0) > 1


def tower(content: Content, network: nn.Module) -> dict[str, Tensor]:
    """The image tower's parameters, by its own names, of a file that may hold much else.

    Raises:
        ValueError: names that are missing, or that the model lacks; the tower is there twice; or it
            is adapted by LoRA.
    """
    require_no_lora(content)
    visual = network.get_submodule("visual")
    names = parameter_names(visual)
    before = prefix(content, names)
    assert before is not None, "a layout reads only files that it recognises"
    found = inside(content, before)
    allowed = [*visual.state_dict(), *BESIDE]
    require_names(content, found, names, before, allowed)
    known = {before + name for name in (*names, *allowed)}
    outer = before.removesuffix("visual.")
    known |= {outer + name for name in (*network.state_dict(), *BESIDE)}
    place, slash, _ = before.rpartition("/")
    start = len(place + slash)
    say_unread(content, before, {name[start:] for name in known})
    return {name: found[name] for name in names}
