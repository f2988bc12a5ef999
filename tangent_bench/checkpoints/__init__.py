"""Public checkpoints instead of fine-tuning: one file for each layout in which they are kept.

A module has `LAYOUT`, `recognises(content, network)` and `read(content, network)`. Files are opened
by `weights`, which runs nothing of them. Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import registry
from tangent_bench.checkpoints._contract import Checkpoint, Layout
from tangent_bench.store import layout
from tangent_bench.weights import Content, find

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.models import Clip
    from tangent_bench.tangent.vectors import Vector

__all__ = ["Checkpoint", "Content", "Layout", "difference", "load", "sources"]

# Layouts whose files have open_clip's names: of a folder with both kinds, theirs are meant.
_OF_OPEN_CLIP = ("state_dict",)
_OF_ADAPTERS = ("peft",)  # layouts that are no whole weights


def sources(config: Mapping) -> dict[str, Path]:
    """The checkpoint of every vector that is read instead of fine-tuned: `layout.vector(...)` →
    file.

    Raises:
        ValueError: one of them does not exist.
    """
    files = {}
    for training, entry in config["checkpoints"].items():
        for task, model, seed in _vectors(config, entry):
            vector = layout.vector(model, "pretrained", training, task, seed)
            files[vector] = _file(entry, training, task, model, seed)
    return files


def _vectors(config: Mapping, entry: Mapping) -> Iterator[tuple[str, str, int]]:
    """(task, model, seed) of the vectors of one way of training; also of joint training if
    named.
    """
    joint = [layout.JOINT] if layout.JOINT in entry["files"] else []
    for task in [*config["tasks"], *joint]:
        for model in config["models"]:
            for seed in config["seeds"]:
                yield task, model, seed


def _file(entry: Mapping, training: str, task: str, model: str, seed: int) -> Path:
    """The file of one vector, by an entry of the config's `checkpoints`."""
    text = str(Path(entry["folder"]) / entry["files"][task])
    path = Path(text.replace("{model}", model).replace("{seed}", str(seed)))
    try:
        return _found(path, entry["layout"])
    except ValueError as sentence:
        raise ValueError(
            f"Config: 'checkpoints.{training}.files.{task}': {str(sentence).removesuffix('.')}; or "
            f"take {training!r} out of `checkpoints` to fine-tune."
        ) from None


def _found(path: Path, name: str) -> Path:
    """The file of the layout `name` that a path means."""
    return find(path, prefer_open_clip=name in _OF_OPEN_CLIP, adapter=name in _OF_ADAPTERS)


def load(name: str, path: Path, network: Clip) -> Vector:
    """τ = θ* − θ0 of a checkpoint in the layout `name`; θ0 is the image tower of `network`.

    Args:
        name: of a file of this folder.
        path: the checkpoint, a file or a folder as the layout has it.
        network: the open_clip model that was fine-tuned, with its pre-trained weights.

    Raises:
        ValueError: another layout, a damaged file, names or shapes of another model, another θ0, or
            a model with running statistics.
    """
    from tangent_bench.tangent.linearize import parameters
    from tangent_bench.weights import _reading, _towers

    plugin = registry.load("checkpoints", name)
    content = _reading.read(_found(path, name))
    # Biases of an adapter have the names that other layouts know.
    is_another = name not in _OF_ADAPTERS and _towers.is_adapter(content)
    if is_another or not plugin.recognises(content, network):
        raise ValueError(_another_layout(plugin.LAYOUT, name, content, network))
    _require_no_statistics(network, path)
    return difference(plugin.read(content, network), parameters(network.visual), path)


def _require_no_statistics(network: Clip, path: Path) -> None:
    """Raise if fine-tuning has changed more than parameters."""
    for name, part in network.visual.named_modules():
        if getattr(part, "running_mean", None) is not None:
            raise ValueError(
                f"{path} cannot be read as a vector: module {name!r} of the model keeps running "
                "statistics (BatchNorm), which fine-tuning elsewhere moves with the weights; "
                "fine-tune the model here, where they are frozen."
            )


def _another_layout(expected: Layout, name: str, content: Content, network: Clip) -> str:
    """The sentence about a file that is not in the layout `name`."""
    from tangent_bench.weights import _towers

    if not _towers.is_adapter(content):
        _towers.require_no_lora(content)
    advice = (
        "these are names of no layout that is known; save the fine-tuned model's state dict, by "
        "open_clip's names or those of transformers"
    )
    for other in registry.names("checkpoints"):
        if other != name and registry.load("checkpoints", other).recognises(content, network):
            advice = f"it looks like layout {other!r}"
            break
    return (
        f"{content.path} is not in layout {name!r}, which holds {expected.holds}: it holds "
        f"{_held(content)}; {advice}."
    )


def _held(content: Content) -> str:
    """What is in a file, in words: the class of its module, or its first names."""
    if content.module:
        return content.module
    if content.tensors:
        return ", ".join(repr(key)[:80] for key in list(content.tensors)[:2])
    if content.facts:
        shown = ", ".join(repr(key)[:80] for key in list(content.facts)[:2])
        return f"no tensors, but {shown}"
    return "nothing"


def difference(checkpoint: Checkpoint, theta0: Mapping[str, Tensor], path: Path) -> Vector:
    """θ* − θ0 in float32, rounded once.

    Args:
        checkpoint: θ*.
        theta0: θ0 of the model.
        path: of the file, for the error's sentence.

    Raises:
        ValueError: names or shapes differ, a value is no number, or the checkpoint comes from
            another θ0.
    """
    from tangent_bench.tangent.vectors import norm, require_same

    require_same(checkpoint.theta, theta0, str(path), "the model")
    _require_fractions(checkpoint, theta0, path)
    _require_theta0(checkpoint, theta0, path)
    tau = {key: (checkpoint.theta[key].double() - theta0[key].double()).float() for key in theta0}
    for key, value in tau.items():
        if not bool(value.isfinite().all()):
            raise ValueError(
                f"{path} holds values at {key!r} that are no numbers; download it again."
            )
    # Independent weights of equal size would be √2 apart; fine-tuning moves by a few hundredths.
    if (share := norm(tau) / norm(theta0)) >= 1.0:
        raise ValueError(
            f"{path} is further from the model's θ0 than θ0 is from zero (‖τ‖ / ‖θ0‖ = "
            f"{share:.2f}): it was fine-tuned from another pre-training; give the weights that it "
            "came from as the model's."
        )
    return tau


def _require_fractions(checkpoint: Checkpoint, theta0: Mapping[str, Tensor], path: Path) -> None:
    """Raise if weights are kept as integers."""
    for key, value in theta0.items():
        dtype = checkpoint.theta[key].dtype
        if value.is_floating_point() and not dtype.is_floating_point:
            raise ValueError(
                f"{path} has {dtype} at {key!r}, expected numbers with fractions; it is quantised, "
                "or not of weights: give those before it was."
            )


def _require_theta0(checkpoint: Checkpoint, theta0: Mapping[str, Tensor], path: Path) -> None:
    import torch

    for key, value in (checkpoint.theta0 or {}).items():
        if not torch.equal(value.double(), theta0[key].double()):
            gap = float((value.double() - theta0[key].double()).abs().max())
            raise ValueError(
                f"{path} carries a θ0 of its own that differs from the model's at {key!r} (by up "
                f"to {gap:.2g}): it was fine-tuned from other weights, or its parameters stand in "
                "another order; give the model that it came from."
            )
