"""A whole CLIP by open_clip's names: the merged image tower beside the text tower of θ0."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench.store import artefacts

if TYPE_CHECKING:
    from tangent_bench.export._ingredients import Ingredients
    from tangent_bench.export._merged import Merged

KIND = "merged model"
# Without an entry of this kind transformers reads no safetensors file.
HEADER = {"format": "pt"}


class OpenClip:
    """One file, as `open_clip.create_model(..., pretrained=file)` takes it."""

    is_folder = False

    def require(self, ingredients: Ingredients) -> None:
        """Holds every model: all of them are open_clip's."""

    def write(self, merged: Merged, out: Path) -> None:
        """Writes the state dict of the whole model."""
        state = dict(merged.ingredients.clip.state_dict())
        for name, value in merged.tower.items():
            state[f"visual.{name}"] = value
        arrays = {name: value.detach().numpy() for name, value in state.items()}
        artefacts.save(out, KIND, arrays, HEADER, **merged.about)

    def usage(self, merged: Merged, out: Path) -> str:
        model = merged.ingredients.model
        lines = ["import open_clip"]
        if model.config is not None:
            lines.append(f'open_clip.add_model_config("{model.config}")')
        return "\n".join(
            [*lines, f'model = open_clip.create_model("{model.architecture}", pretrained="{out}")']
        )
