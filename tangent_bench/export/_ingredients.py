"""What a merged model is made of: vectors, and the model that they were fine-tuned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench import checkpoints, models
from tangent_bench.export._choices import Choice
from tangent_bench.judging.outcomes import Place
from tangent_bench.store import artefacts, layout
from tangent_bench.store.layout import Mode

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.measuring.results import Results
    from tangent_bench.models import Clip, Model
    from tangent_bench.tangent.vectors import Stored, Vector


@dataclass(frozen=True)
class Ingredients:
    """Vectors and their model.

    Attributes:
        name: of the model in the config.
        model: its architecture and weights.
        init: its initialisation.
        clip: the open_clip model with θ0.
        theta0: θ0 of its image tower.
        digest: of θ0.
        vectors: task → τ; those of a run stay in their files.
        digests: task → the digest of τ.
        mode: how the vectors were made, and what they are put into.
        seed: of the fine-tuning, and of a method's random draws.
        results: the results folder, for methods that look at images; None if there is none.
    """

    name: str
    model: Model
    init: str
    clip: Clip
    theta0: Vector
    digest: str
    vectors: Mapping[str, Mapping[str, Tensor]]
    digests: Mapping[str, str]
    mode: Mode
    seed: int = 0
    results: Results | None = None


def opened(choice: Choice, custom_models: Mapping[str, Any], root: Path | None) -> Ingredients:
    """Vectors and their model, if they belong together.

    Args:
        choice: which vectors.
        custom_models: the config's entries.
        root: the results folder, for methods that look at images; None if there is none.

    Raises:
        ValueError: a vector is damaged, or belongs to another θ0 than the others or the model.
    """
    from tangent_bench.measuring.results import Results
    from tangent_bench.models._tower import whole
    from tangent_bench.tangent.linearize import parameters
    from tangent_bench.tangent.vectors import Stored

    place = choice.place
    stored = {}
    if not choice.layout:
        stored = {task: Stored(file) for task, file in choice.files.items()}
        _require_one_start(stored, choice.files)
    model = models.find(place.model, dict(custom_models))
    clip = whole(model, place.init, 0)
    theta0 = parameters(clip.visual)
    digest = models.digest(clip.visual)
    _require_start(stored, choice.files, digest, place)
    digests = {task: vector.about["sha256"] for task, vector in stored.items()}
    published = {}
    for task, file in choice.files.items() if choice.layout else ():
        published[task] = checkpoints.load(choice.layout, file, clip)
        digests[task] = _digest(published[task])
    return Ingredients(
        name=place.model,
        model=model,
        init=place.init,
        clip=clip,
        theta0=theta0,
        digest=digest,
        vectors=stored or published,
        digests=digests,
        mode=Mode.parse(place.mode),
        seed=choice.seed,
        results=root
        and Results(
            root, place.model, place.init, choice.seed, custom_models, heads=_heads(root, place)
        ),
    )


def require_one_kind_of_heads(root: Path, place: Place) -> None:
    """Raise if a results folder has heads of prompts and of probes, for a method that sees them."""
    probes, prompts = (
        _folder_of_heads(root, place, kind) for kind in (layout.PROBE, layout.PROMPTS)
    )
    if any(probes.glob("*.safetensors")) and any(prompts.glob("*.safetensors")):
        raise ValueError(
            f"{root} has heads of prompts and of probes for {place.model!r}, and the method looks "
            f"at heads; move away {prompts} or {probes}, whichever the run does not use any more."
        )


def _heads(root: Path, place: Place) -> str:
    """What the heads of a run are made of."""
    has_probes = _folder_of_heads(root, place, layout.PROBE).is_dir()
    return layout.PROBE if has_probes else layout.PROMPTS


def _folder_of_heads(root: Path, place: Place, kind: str) -> Path:
    return (root / layout.head(place.model, place.init, "any", kind)).parent


def _digest(tensors: Mapping[str, Tensor]) -> str:
    return artefacts.digest({name: value.numpy() for name, value in tensors.items()})


def _require_start(
    vectors: Mapping[str, Stored], files: Mapping[str, Path], digest: str, place: Place
) -> None:
    """Raise if vectors were fine-tuned from another model than the one that is there."""
    for task, vector in vectors.items():
        if vector.about["theta0"] != digest:
            raise ValueError(
                f"{files[task]} was made from other weights than those of {place.model!r} "
                f"({place.init}) are now; name the model that it was fine-tuned from."
            )


def _require_one_start(vectors: Mapping[str, Stored], files: Mapping[str, Path]) -> None:
    """Raise if vectors were fine-tuned from different weights, before any model is loaded."""
    first = next(iter(vectors))
    for task, vector in vectors.items():
        if vector.about["theta0"] != vectors[first].about["theta0"]:
            raise ValueError(
                f"{files[first]} and {files[task]} were fine-tuned from different weights θ0, so "
                "that their sum belongs to neither; give vectors of one pre-trained model."
            )
