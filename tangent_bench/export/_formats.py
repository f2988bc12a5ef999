"""Formats of merged models by name, and the places that they are written to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tangent_bench.export import _huggingface, _open_clip, _tangent

if TYPE_CHECKING:
    from tangent_bench.export._ingredients import Ingredients
    from tangent_bench.export._merged import Merged


class Format(Protocol):
    """A way of keeping a merged model.

    Attributes:
        is_folder: whether it is a folder of files, and not one file.
    """

    is_folder: bool

    def require(self, ingredients: Ingredients) -> None:
        """Raises ValueError if it cannot hold a model made of these."""

    def write(self, merged: Merged, out: Path) -> None:
        """Writes the model; raises ValueError if it cannot hold it."""

    def usage(self, merged: Merged, out: Path) -> str:
        """How the model is loaded: lines of Python."""
        ...


NETWORKS: Mapping[str, Format] = {
    "open_clip": _open_clip.OpenClip(),
    "huggingface": _huggingface.HuggingFace(),
    "fusionbench": _huggingface.FusionBench(),
}
_FUNCTION = _tangent.Pair()


def find(name: str | None, mode: str) -> Format:
    """The format of a model.

    Args:
        name: one of `NETWORKS`; None takes that which can hold it, or open_clip's.
        mode: of the model, training-evaluation.

    Raises:
        ValueError: the model is f_lin, which no other library computes.
    """
    if not mode.endswith("-tangent"):
        return NETWORKS[name or "open_clip"]
    if name is not None:
        network = mode.replace("-tangent", "-network")
        raise ValueError(
            f"In mode {mode} the model is f_lin(x) = f(x; θ0) + J τ, which {name} does not compute;"
            f" leave --format out, for a file of θ0 and τ, or put the vectors into the network by "
            f"--mode {network}."
        )
    return _FUNCTION


def require_place(kind: Format, out: Path, inputs: Iterable[Path], force: bool) -> None:
    """Raise, before anything is merged, unless a model may be written to a place.

    Args:
        kind: the format.
        out: the place.
        inputs: files that are read, and never written over.
        force: whether files that are there may be replaced.

    Raises:
        ValueError: it is there, has another ending, or is one of the inputs.
    """
    is_file_name = out.suffix == ".safetensors"
    if kind.is_folder and (is_file_name or out.is_file()):
        raise ValueError(f"{out} is to be a folder in this format; give --out the name of one.")
    if not kind.is_folder and (not is_file_name or out.is_dir()):
        raise ValueError(
            f"{out} is to be one file in this format; give --out a name that ends in .safetensors, "
            "by which open_clip knows such files."
        )
    written = [out / name for name in _huggingface.FILES] if kind.is_folder else [out]
    taken = {path.resolve() for path in inputs}
    for path in written:
        if path.resolve() in taken:
            raise ValueError(f"{path} is read for this model; give --out another place.")
    if not force and (out.is_file() or (out.is_dir() and any(out.iterdir()))):
        raise ValueError(f"{out} is there; give --out another name, or replace it by --force.")
