"""f_lin(x) = f(x; θ0) + J(x; θ0) τ as a file: a whole CLIP with θ0, and τ beside it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench.store import artefacts, yaml_files

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.export._ingredients import Ingredients
    from tangent_bench.export._merged import Merged
    from tangent_bench.models import Clip
    from tangent_bench.tangent.vectors import Vector

KIND = "tangent model"
# In a container of its own, as `weights` reads names: what reads the file as a CLIP reads θ0.
TAU = "tau/"


class Pair:
    """One file of θ0 and τ, for `load_tangent`."""

    is_folder = False

    def require(self, ingredients: Ingredients) -> None:
        """Holds every model."""

    def write(self, merged: Merged, out: Path) -> None:
        """Writes the model at θ0 by open_clip's names, and τ."""
        clip = merged.ingredients.clip
        tensors = {**clip.state_dict()}
        tensors |= {f"{TAU}{name}": value for name, value in merged.tower.items()}
        arrays = {name: value.detach().numpy() for name, value in tensors.items()}
        config = merged.ingredients.model.config
        further = {
            "config": config and yaml_files.json_of(Path(config)),
            "image_mean": list(clip.visual.image_mean),
            "image_std": list(clip.visual.image_std),
        }
        artefacts.save(out, KIND, arrays, **merged.about, **further)

    def usage(self, merged: Merged, out: Path) -> str:
        return (
            f'from tangent_bench.export import load_tangent\nmodel = load_tangent("{out}")\n'
            "embeddings = model.encode_image(images)"
        )


@dataclass(frozen=True)
class TangentModel:
    """f_lin as a function of images, beside the text tower of θ0.

    Attributes:
        clip: the open_clip model with θ0, in `eval()`, without gradients.
        theta0: θ0 of its image tower.
        tau: τ, which α is already part of.
        about: what was merged, by which method, with which coefficient.
    """

    clip: Clip
    theta0: Vector
    tau: Vector
    about: Mapping[str, Any]

    def encode_image(self, images_BCHW: Tensor) -> Tensor:
        """f_lin(x) = f(x; θ0) + J(x; θ0) τ, [B, D], before normalisation.

        Args:
            images_BCHW: normalised by `clip.visual.image_mean` and `image_std`.
        """
        import torch

        from tangent_bench.tangent import linearize, vision

        network = self.clip.visual
        with torch.no_grad():
            if vision.supports(network):
                base_BD, change_of = vision.linearize(network, self.theta0, images_BCHW)
                return base_BD + change_of(self.tau)
            base_BD, change_BD = linearize.product(network, self.theta0, self.tau, images_BCHW)
            return base_BD + change_BD

    def encode_text(self, tokens: Tensor) -> Tensor:
        """Embeddings of texts, [N, D], before normalisation: the text tower is that of θ0."""
        return self.clip.encode_text(tokens)


def load_tangent(path: str | Path) -> TangentModel:
    """The function f_lin of a file that `tangent-bench merge` wrote in a tangent mode.

    Args:
        path: of the file.

    Raises:
        ValueError: it is not there, is damaged, or is no such file.
    """
    import torch

    from tangent_bench import models
    from tangent_bench.tangent.linearize import parameters
    from tangent_bench.tangent.vectors import require_same

    arrays, about = artefacts.load(path, KIND)
    tau = {}
    for name, array in arrays.items():
        if name.startswith(TAU):
            tau[name.removeprefix(TAU)] = torch.from_numpy(array)
    with tempfile.TemporaryDirectory() as folder:
        config = _config(about, Path(folder))
        clip = models.create(models.Model(str(path), about["architecture"], str(path), config))
    clip.visual.image_mean = tuple(about["image_mean"])
    clip.visual.image_std = tuple(about["image_std"])
    theta0 = parameters(clip.visual)
    require_same(tau, theta0, str(path), about["architecture"])
    return TangentModel(clip, theta0, {name: tau[name] for name in theta0}, about)


def _config(about: Mapping[str, Any], folder: Path) -> str | None:
    """A file with open_clip's config of the model; None if the architecture is one of its own."""
    if about["config"] is None:
        return None
    name = f"{about['architecture']}.json"
    if Path(name).name != name:
        raise ValueError(f"{name[:80]!r} is no name of an architecture; expected a plain word.")
    file = folder / name
    file.write_text(json.dumps(about["config"]), encoding="utf-8")
    return str(file)
