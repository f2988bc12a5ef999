"""Training modes: one file for each way of fine-tuning.

A module has `TRAINING` and the function that is trained,

    encoder(network, theta0) → ((θ, images_BCHW) → embeddings_BD)

It may have the tensors that are trained, where these are not all of θ, and an addition to the loss
of every step:

    parameters(network, theta0, settings, seed) → (leaves, leaves → θ)
    penalty(network, theta0, others, settings) → ((θ, step) → scalar)

and a function that refuses a network by open_clip's description of its image tower (`vision_cfg`),
before anything runs:

    require(vision, settings)

`finetuning.modes.fit` brings them to the loop. `settings` are the mode's own numbers
(`training_modes` in the config). The Snakefile reads `TRAINING`, so these files import neither
torch nor open_clip before they are called.
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
        needs_others: whether it sees training images of the other tasks, which rules out joint
            training.
    """

    title: str
    parametrisation: str
    vector_format: str
    affine: bool
    reference: str
    needs_others: bool = False
