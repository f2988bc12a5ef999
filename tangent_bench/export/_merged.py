"""A merged model in memory: the weights of its image tower, or their change, and what it is of."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import tangent_bench
from tangent_bench.export._ingredients import Ingredients

if TYPE_CHECKING:
    from torch import Tensor

    from tangent_bench.measuring.results import Results
    from tangent_bench.merging import Merger
    from tangent_bench.tangent.vectors import Vector


@dataclass(frozen=True)
class Merged:
    """A merged model.

    Attributes:
        ingredients: what it was made of; its `clip` has θ0.
        tower: θ0 + α d of the image tower, or in a tangent mode τ = α d.
        about: tasks, method, hyper-parameters, α and digests, for the file's header.
    """

    ingredients: Ingredients
    tower: Vector
    about: Mapping[str, Any]

    @property
    def is_tangent(self) -> bool:
        """Whether it is f_lin, and not a network with other weights."""
        return self.ingredients.mode.evaluation == "tangent"


def merge(
    merger: Merger, ingredients: Ingredients, alpha: float, is_selected: bool = False
) -> Merged:
    """The model θ0 + α d, or f_lin at it, in the arithmetic of the experiments.

    Args:
        merger: the method that makes the direction d.
        ingredients: the vectors and their model.
        alpha: the coefficient α.
        is_selected: whether validation images chose it.

    Raises:
        ValueError: α is no finite number; the method needs images that are not there, or fails.
    """
    from tangent_bench.tangent.vectors import add, combine, require_finite

    if not math.isfinite(alpha):
        raise ValueError(f"alpha is {alpha}; expected a finite number.")
    terms = _terms(merger, ingredients, alpha)
    is_tangent = ingredients.mode.evaluation == "tangent"
    tower = combine(terms) if is_tangent else add(ingredients.theta0, terms)
    require_finite(tower, "The merged model", "give a smaller --alpha")
    about = {
        "tasks": list(ingredients.vectors),
        "method": merger.name,
        "hyper_parameters": dict(merger.values),
        "alpha": alpha,
        "alpha_selected": is_selected,
        "model": ingredients.name,
        "architecture": ingredients.model.architecture,
        "init": ingredients.init,
        "mode": str(ingredients.mode),
        "seed": ingredients.seed,
        "theta0": ingredients.digest,
        "vectors": dict(ingredients.digests),
        "tangent_bench": tangent_bench.__version__,
    }
    return Merged(ingredients, tower, about)


def _terms(
    merger: Merger, ingredients: Ingredients, alpha: float
) -> list[tuple[float, Mapping[str, Tensor]]]:
    """α d as a sum: of the vectors where d is a fixed sum of them, as experiments add them."""
    vectors = ingredients.vectors
    if merger.is_sum:
        weights = merger.weights(list(vectors))
        return [(alpha * weight, vectors[task]) for task, weight in weights.items()]
    images = None
    if merger.method.data != "none":
        from tangent_bench.measuring import directions

        require_images(merger, ingredients.results is not None)
        images = directions.data(cast("Results", ingredients.results), merger, list(vectors))
    direction = merger.prepare(vectors, ingredients.theta0, ingredients.seed, images)
    return [(alpha, direction)]


def require_images(merger: Merger, has_results: bool) -> None:
    """Raise if a method looks at images and there is no results folder with any."""
    if merger.method.data != "none" and not has_results:
        raise ValueError(
            f"Method {merger.name!r} looks at {merger.method.data} images, which files of vectors "
            "do not bring; give a results folder by --results."
        )


def note(alpha: float, grid: tuple[float, float] | None, name: str) -> str:
    """A sentence about a coefficient outside of a method's grid, or a selected one at its edge.

    Args:
        alpha: the coefficient.
        grid: the least and the largest that are tried; None if that is not known.
        name: of the method.

    >>> note(0.5, (0.0, 1.0), "ties")
    ''
    >>> note(1.5, (0.0, 1.0), "ties")
    "α = 1.5 lies outside of the grid of 'ties', 0 to 1, on which it would have been selected."
    """
    if grid is None or grid[0] <= alpha <= grid[1]:
        return ""
    return (
        f"α = {alpha:g} lies outside of the grid of {name!r}, {grid[0]:g} to {grid[1]:g}, on which "
        "it would have been selected."
    )
