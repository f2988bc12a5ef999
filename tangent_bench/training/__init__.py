"""Training modes: one file for each way of fine-tuning. A module has `TRAINING` and `encoder(network, theta0)`.

`encoder` returns the function (θ, images_BCHW) → embeddings_BD that the loop differentiates in θ.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Training:
    """A way of making a vector.

    Attributes:
        title: name for tables and plots.
        parametrisation: what θ enters, in one sentence.
        vector_format: "dense" (one tensor for each parameter) or "factors".
        affine: whether the trained function is affine in θ, so that J τ at θ0 evaluates it exactly.
        reference: authors, title, year.
    """

    title: str
    parametrisation: str
    vector_format: str
    affine: bool
    reference: str
