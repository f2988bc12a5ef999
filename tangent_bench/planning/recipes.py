"""The recipe of a model's fine-tuning: the config's, but for what the model has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tangent_bench import models


def recipe(config: Mapping, model: str) -> dict[str, Any]:
    """The numbers of `training` with those that `recipes` has for a `model`.

    >>> config = {"training": {"steps": 200, "clip_norm": 1.0}, "recipes": {"tiny": {"steps": 50}}}
    >>> recipe(config, "tiny-pre0"), recipe(config, "small")
    ({'steps': 50, 'clip_norm': 1.0}, {'steps': 200, 'clip_norm': 1.0})
    """
    own = config["recipes"]
    return config["training"] | own.get(model, own.get(models.base_name(model), {}))
