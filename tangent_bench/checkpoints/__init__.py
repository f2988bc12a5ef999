"""Public checkpoints instead of fine-tuning: one file for each layout in which they are kept.

A module has `LAYOUT`, `recognises(content, network)` and `read(content, network)`. Nothing in a
file is ever executed: safetensors are read as they are, pickles as data (`_pickles.py`). Imports
nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import registry
from tangent_bench.checkpoints._contract import Checkpoint, Content, Layout
from tangent_bench.store import layout

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.models import Clip
    from tangent_bench.tangent.vectors import Vector

__all__ = ["WEIGHTS", "Checkpoint", "Content", "Layout", "difference", "load", "sources"]

# Files of weights in a folder of the hub, in order of preference.
WEIGHTS = ("model.safetensors", "pytorch_model.bin")


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
    candidates = [path / name for name in WEIGHTS] if path.is_dir() else [path]
    for file in candidates:
        if file.is_file():
            return file
    expected = "a file, or such a folder of the hub"
    if path.is_dir():
        expected = f"a folder with {' or '.join(WEIGHTS)}"
    raise ValueError(
        f"Config: 'checkpoints.{training}.files.{task}' is {path}, expected {expected}; download "
        f"it there, or take {training!r} out of `checkpoints` to fine-tune."
    )


def load(name: str, path: Path, network: Clip) -> Vector:
    """τ = θ* − θ0 of a checkpoint in the layout `name`; θ0 is the image tower of `network`.

    Args:
        name: of a file of this folder.
        path: the checkpoint, a file or a folder as the layout has it.
        network: the open_clip model that was fine-tuned, with its pre-trained weights.

    Raises:
        ValueError: another layout, a damaged file, names or shapes of another model, or another θ0.
    """
    from tangent_bench.checkpoints import _files
    from tangent_bench.tangent.linearize import parameters

    plugin = registry.load("checkpoints", name)
    content = _files.content(path)
    if not plugin.recognises(content, network):
        raise ValueError(_another_layout(plugin.LAYOUT, name, content, network))
    return difference(plugin.read(content, network), parameters(network.visual), path)


def _another_layout(expected: Layout, name: str, content: Content, network: Clip) -> str:
    """The sentence about a file that is not in the layout `name`."""
    advice = "no other layout fits it either; check the download"
    for other in registry.names("checkpoints"):
        if other != name and registry.load("checkpoints", other).recognises(content, network):
            advice = f"it looks like layout {other!r}"
            break
    first_names = ", ".join(repr(key)[:80] for key in list(content.tensors)[:2])
    held = content.module or first_names or "nothing"
    return (
        f"{content.path} is not in layout {name!r}, which holds {expected.holds}: it holds {held}; "
        f"{advice}."
    )


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
