"""Finds the image tower's share of a LoRA adapter, by the names of either library."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from torch import Tensor

from tangent_bench.checkpoints import Content
from tangent_bench.weights import _transformers

if TYPE_CHECKING:
    from tangent_bench.models import ImageTower

_VISUAL = "visual."  # open_clip's image tower in its model
_TOWERS = (_VISUAL, _transformers.VISION)
_ROOT = "base_model.model."  # PEFT's own, before every name
_WRAPPED = ".base_layer"  # and between a module and what it wraps
_FACTOR = re.compile(r"(.+)\.lora_(A\.weight|B\.weight|B\.bias|embedding_A|embedding_B)")
_MATRIX = re.compile(r"\.(in_proj_)?weight$")
_PROJECTION = _transformers.PROJECTION.removesuffix(".weight")


class Slot(NamedTuple):
    """Where a parameter of the adapted model lies in ours: some of its rows, perhaps transposed."""

    ours: str
    part: int = 0
    num_parts: int = 1
    transposed: bool = False

    def view(self, theta: Mapping[str, Tensor]) -> Tensor:
        """The part of θ, in the shape that it has there."""
        rows = theta[self.ours].chunk(self.num_parts)[self.part]
        return rows.T if self.transposed else rows


class Slots(NamedTuple):
    """The names of an image tower in one library.

    Attributes:
        parameters: name → where it lies in ours.
        matrices: module that may have factors → the name of its weight.
    """

    parameters: Mapping[str, Slot]
    matrices: Mapping[str, str]


@dataclass
class Found:
    """What an adapter holds for the image tower, by names within it.

    Attributes:
        known: all names of the tower in this library.
        before: what stands before them in the file.
        factors: module → "A.weight", "B.weight", ... → tensor.
        whole: parameter → its value.
        targets: module → the one that PEFT replaced, in the adapted model.
        inner: modules within one that PEFT replaced, as out_proj is in attention.
    """

    known: Slots
    before: str
    factors: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    whole: dict[str, Tensor] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    inner: set[str] = field(default_factory=set)

    def path(self, module: str) -> str:
        """The path of a module of the tower in the adapted model."""
        return f"{self.before}{module}".removeprefix(_ROOT)


class _Name(NamedTuple):
    """The name of a tensor in the file.

    Attributes:
        key: as it stands there.
        path: of the module if the tensor is a factor, else of the parameter, without PEFT's own.
        kind: of a factor, "A.weight", ...; "" of a tensor that is kept whole.
        target: the module that PEFT replaced, in the adapted model.
        is_inner: whether the module is a part of that one.
    """

    key: str
    path: str
    kind: str
    target: str
    is_inner: bool

    def fits(self, inner: str, known: Slots) -> bool:
        """Whether the image tower has such a module, or parameter."""
        return inner in (known.matrices if self.kind else known.parameters)

    def place(self, known: Slots) -> str | None:
        """What stands before a name of the image tower in the path; None if there is none."""
        parts = self.path.split(".")
        for k in range(len(parts)):
            if self.fits(".".join(parts[k:]), known):
                return "".join(f"{part}." for part in parts[:k])
        return None


def find(content: Content, visual: ImageTower, of_whole: bool) -> Found:
    """The image tower's tensors in the file of an adapter.

    Args:
        content: of the file.
        visual: our image tower.
        of_whole: whether the config says that open_clip's whole model was adapted.

    Raises:
        ValueError: nothing of an image tower, two of them, names that the model lacks, or tensors
            that are neither of the image tower nor of a text tower's adapters.
    """
    names = [_name(content, key) for key in content.tensors]
    found = _tower(content, names, visual, of_whole)
    beside = []
    for name in names:
        inner = _inner(name, found.before)
        if inner is None:
            beside.append(name)
        elif name.fits(inner, found.known):
            _put(content, found, name, inner)
        else:
            raise ValueError(
                f"{content.path} has {name.key!r} that the model lacks; it is of another model, or "
                "more than factors was saved there."
            )
    _require_text(content, beside, found.before)
    return found


def _name(content: Content, key: str) -> _Name:
    """The parts of a name.

    Raises:
        ValueError: it is of LoRA, but of more than its two factors.
    """
    match = _FACTOR.fullmatch(key)
    if match is None and ".lora_" in key:
        raise ValueError(
            f"{content.path} has {key!r}, expected lora_A and lora_B alone, as PEFT's "
            "save_pretrained writes them; merge the adapter by PEFT (merge_and_unload), and save "
            "the result."
        )
    place, kind = (match[1], match[2]) if match else (key, "")
    target, _, inner = place.partition(_WRAPPED)
    path = place.replace(_WRAPPED, "")
    return _Name(key, path, kind, target.removeprefix(_ROOT), bool(inner))


def _tower(content: Content, names: Sequence[_Name], visual: ImageTower, of_whole: bool) -> Found:
    """The library and the place of the image tower's names, with nothing taken yet."""
    for known in _libraries(visual):
        counts = Counter(name.place(known) for name in names)
        places = []
        for place in counts:
            if place is None or place.endswith(_transformers.TEXT):
                continue
            # What lies outside of an image tower is of the text tower.
            if not any(place + tower in counts for tower in _TOWERS):
                places.append(place)
        if of_whole:
            places = [place for place in places if place.endswith(_VISUAL)]
        if len(places) > 1:
            raise ValueError(
                f"{content.path} adapts two towers, at {places[0]!r} and {places[1]!r}; save the "
                "one that you mean in a file of its own."
            )
        if places:
            return Found(known, places[0])
    raise ValueError(
        f"{content.path} adapts no module of an image tower like the model's: it holds "
        f"{names[0].key[:100]!r}; give an adapter of the image tower of a CLIP."
    )


def _libraries(visual: ImageTower) -> tuple[Slots, Slots]:
    """The names of our image tower in open_clip and in transformers."""
    own: dict[str, Slot] = {}
    others: dict[str, Slot] = {}
    for name, _ in visual.named_parameters():
        own[name] = Slot(name)
        group = _transformers.names(name)
        for part, other in enumerate(group):
            others[other] = Slot(name, part, len(group))
    if "proj" in own:
        others[_transformers.PROJECTION] = Slot("proj", transposed=True)
    return _with_matrices(own, visual), _with_matrices(others, visual)


def _with_matrices(parameters: Mapping[str, Slot], visual: ImageTower) -> Slots:
    matrices = {}
    for name, slot in parameters.items():
        module = _MATRIX.sub("", name)
        if module != name and visual.get_parameter(slot.ours).ndim > 1:
            matrices[module] = name
    return Slots(parameters, matrices)


def _inner(name: _Name, before: str) -> str | None:
    """A name within the image tower; None if it is outside."""
    if name.path.startswith(before):
        return name.path.removeprefix(before)
    inner = name.path.removeprefix(before.removesuffix(_transformers.VISION))
    return inner if inner in (_PROJECTION, _transformers.PROJECTION) else None


def _put(content: Content, found: Found, name: _Name, inner: str) -> None:
    value = content.tensors[name.key]
    if not name.kind:
        found.whole[inner] = value
        return
    factors = found.factors.setdefault(inner, {})
    if name.kind in factors:
        raise ValueError(
            f"{content.path} adapts {name.path!r} twice, at {name.key!r} again; merge the adapter "
            "by PEFT (merge_and_unload), and save the result."
        )
    factors[name.kind] = value
    found.targets[inner] = name.target
    if name.is_inner:
        found.inner.add(inner)


def _require_text(content: Content, beside: Sequence[_Name], before: str) -> None:
    """Raise unless all that is beside the image tower is an adapter of the text tower."""
    outer = before
    for tower in _TOWERS:
        outer = outer.removesuffix(tower)
    of_text = (_transformers.TEXT, "text_projection")
    for name in beside:
        is_text = before.endswith(_VISUAL) or name.path.removeprefix(outer).startswith(of_text)
        is_adapted = bool(name.kind) or name.path.endswith(".bias")
        if not is_text or not is_adapted:
            raise ValueError(
                f"{content.path} has {name.key!r} ({len(beside)} tensors), which is not of the "
                "image tower, and a vector is of that alone; save an adapter without it."
            )
    if beside:
        logging.warning(
            "%s: the adapter of the image tower is read, but not %r (%d tensors of a text tower).",
            content.path,
            beside[0].key,
            len(beside),
        )
