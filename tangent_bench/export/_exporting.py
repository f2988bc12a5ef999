"""From a request to a file: what is merged, whether it can be written, and then both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tangent_bench import models
from tangent_bench.export import _choices, _formats, _ingredients, _merged
from tangent_bench.export._choices import SELECTED, Choice, Wish
from tangent_bench.export._merged import Merged
from tangent_bench.judging.outcomes import Place
from tangent_bench.merging import Merger
from tangent_bench.store.layout import Mode


@dataclass(frozen=True)
class Request:
    """A merged model that is asked for.

    Attributes:
        merger: the method.
        out: where it is written.
        alpha: the coefficient, or "selected" for that of the outcomes.
        results: a results folder with the vectors; None if they are given.
        vectors: files of vectors, one of each task.
        layout: of `vectors` that are checkpoints of others; "" if a run wrote them.
        wish: which vectors of the results folder; of files, the model and the mode.
        format: name of a format; None takes the one that the mode asks for.
        force: whether files that are there may be replaced.
        custom_models: the config's entries.
    """

    merger: Merger
    out: Path
    alpha: float | str = SELECTED
    results: Path | None = None
    vectors: Sequence[Path] = ()
    layout: str = ""
    wish: Wish = Wish()
    format: str | None = None
    force: bool = False
    custom_models: Mapping[str, Any] = field(default_factory=dict)


class Written(NamedTuple):
    """A merged model that was written.

    Attributes:
        merged: the model.
        usage: lines of Python that load it.
        note: a sentence about its coefficient; "" if there is nothing to say.
    """

    merged: Merged
    usage: str
    note: str


def export(request: Request) -> Written:
    """Merge and write.

    Raises:
        ValueError: what was asked for is not there, does not belong together, or cannot be written.
    """
    _merged.require_images(request.merger, request.results is not None)
    choice = _chosen(request)
    request.merger.require_tasks(choice.files)
    if request.results is not None and request.merger.method.data != "none":
        _ingredients.require_one_kind_of_heads(request.results, choice.place)
    kind = _formats.find(request.format, choice.place.mode)
    model = models.find(choice.place.model, dict(request.custom_models))
    inputs = [*choice.files.values(), *models.weights_files(model)]
    _formats.require_place(kind, request.out, inputs, request.force)
    parts = _ingredients.opened(choice, request.custom_models, request.results)
    kind.require(parts)
    merged = _merged.merge(request.merger, parts, choice.alpha, choice.is_selected)
    kind.write(merged, request.out)
    note = _merged.note(choice.alpha, choice.grid, request.merger.label)
    return Written(merged, kind.usage(merged, request.out), note)


def _chosen(request: Request) -> Choice:
    """The vectors of a results folder, or those that were given."""
    wish = request.wish
    if (request.results is None) == (not request.vectors):
        raise ValueError(
            "Name either a results folder (--results) or files of vectors (--vectors)."
        )
    if request.results is not None:
        if request.layout:
            raise ValueError("Vectors of a results folder have one layout; leave --layout out.")
        return _choices.choose(request.results, request.merger, request.alpha, wish)
    if not isinstance(request.alpha, float | int):
        raise ValueError(
            "Which coefficient was selected stands in the outcomes of a results folder; give "
            "--results, or --alpha a number."
        )
    if wish.model is None or wish.tasks is not None:
        raise ValueError(
            "Of files of vectors, --model is the one that they were fine-tuned from, as --model "
            "tiny, and the tasks are those of the files: give --model and no --tasks."
        )
    mode = wish.mode or "standard-network"
    place = Place(wish.model, wish.init or "pretrained", str(Mode.parse(mode)))
    return _choices.by_name(
        request.vectors, request.alpha, place, wish.seed or 0, request.merger, request.layout
    )
