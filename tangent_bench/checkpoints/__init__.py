"""Public checkpoints instead of fine-tuning: one file for each layout in which they are kept.

A module has `LAYOUT`, `recognises(content, network)` and `read(content, network)`. Nothing in a file is ever executed:
safetensors are read as they are, pickles as data (`_pickles.py`).
Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import registry
from tangent_bench.store import layout

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tangent_bench.tangent.vectors import Vector

WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
)  # what a folder of the hub holds, in order of preference


@dataclass(frozen=True)
class Layout:
    """A way of keeping fine-tuned weights.

    Attributes:
        title: name for people.
        holds: what such a file holds, to follow "a file in this layout holds".
        reference: who publishes such files.
    """

    title: str
    holds: str
    reference: str


@dataclass(frozen=True)
class Content:
    """What is in a file: tensors by name, other entries, and the class of the module if it was pickled whole."""

    path: Path
    tensors: Mapping[str, Tensor]
    facts: Mapping[str, object] = field(default_factory=dict)
    module: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """θ* by the names of our image tower, and the θ0 that the file itself carries, if it does."""

    theta: Mapping[str, Tensor]
    theta0: Mapping[str, Tensor] | None = None


def sources(config: Mapping) -> dict[str, Path]:
    """The checkpoint of every vector that is read instead of fine-tuned: `layout.vector(...)` → file.

    Raises:
        ValueError: one of them does not exist.
    """
    return {
        layout.vector(model, "pretrained", training, task, seed): _file(
            about, training, task, model, seed
        )
        for training, about in config["checkpoints"].items()
        for task in [*config["tasks"], *([layout.JOINT] if layout.JOINT in about["files"] else [])]
        for model in config["models"]
        for seed in config["seeds"]
    }


def _file(about: Mapping, training: str, task: str, model: str, seed: int) -> Path:
    text = str(Path(about["folder"]) / about["files"][task])
    path = Path(text.replace("{model}", model).replace("{seed}", str(seed)))
    found = [
        file
        for file in ([path / name for name in WEIGHTS] if path.is_dir() else [path])
        if file.is_file()
    ]
    if not found:
        what = (
            f"a folder with {' or '.join(WEIGHTS)}"
            if path.is_dir()
            else "a file, or such a folder of the hub"
        )
        raise ValueError(
            f"Config: 'checkpoints.{training}.files.{task}' is {path}, expected {what}; download it there, or take "
            f"{training!r} out of `checkpoints` to fine-tune."
        )
    return found[0]


def load(name: str, path: Path, network: nn.Module) -> Vector:
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

    plugin, content = registry.load("checkpoints", name), _files.content(path)
    if not plugin.recognises(content, network):
        raise ValueError(_another_layout(plugin.LAYOUT, name, content, network))
    return difference(plugin.read(content, network), parameters(network.visual), path)


def _another_layout(about: Layout, name: str, content: Content, network: nn.Module) -> str:
    others = [other for other in registry.names("checkpoints") if other != name]
    fit = [
        other
        for other in others
        if registry.load("checkpoints", other).recognises(content, network)
    ]
    way_out = (
        f"it looks like layout {fit[0]!r}"
        if fit
        else "no other layout fits it either; check the download"
    )
    first = (
        content.module
        or ", ".join(repr(key)[:80] for key in list(content.tensors)[:2])
        or "nothing"
    )
    return f"{content.path} is not in layout {name!r}, which holds {about.holds}: it holds {first}; {way_out}."


def difference(checkpoint: Checkpoint, theta0: Mapping[str, Tensor], path: Path) -> Vector:
    """θ* − θ0 in float32, rounded once.

    Raises:
        ValueError: names or shapes differ, a value is no number, or the checkpoint comes from another θ0.
    """
    from tangent_bench.tangent.vectors import norm, require_same

    require_same(checkpoint.theta, theta0, str(path), "the model")
    _require_theta0(checkpoint, theta0, path)
    tau = {key: (checkpoint.theta[key].double() - theta0[key].double()).float() for key in theta0}
    odd = next((key for key, value in tau.items() if not bool(value.isfinite().all())), None)
    if odd:
        raise ValueError(f"{path} holds values at {odd!r} that are no numbers; download it again.")
    # Independent weights of equal size would be √2 apart; fine-tuning moves by a few hundredths.
    if (share := norm(tau) / norm(theta0)) >= 1.0:
        raise ValueError(
            f"{path} is further from the model's θ0 than θ0 is from zero (‖τ‖ / ‖θ0‖ = {share:.2f}): it was fine-tuned "
            "from another pre-training; give the weights that it came from as the model's."
        )
    return tau


def _require_theta0(checkpoint: Checkpoint, theta0: Mapping[str, Tensor], path: Path) -> None:
    import torch

    for key, value in (checkpoint.theta0 or {}).items():
        if not torch.equal(value.double(), theta0[key].double()):
            gap = float((value.double() - theta0[key].double()).abs().max())
            raise ValueError(
                f"{path} carries a θ0 of its own that differs from the model's at {key!r} (by up to {gap:.2g}): it was "
                "fine-tuned from other weights, or its parameters stand in another order; give the model that it came "
                "from."
            )
