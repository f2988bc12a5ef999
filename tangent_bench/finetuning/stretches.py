"""A pre-training in stretches: each goes on from the state that the last one left.

The state is one file, `state.safetensors` in the model's folder: weights, the moments of the
optimiser, losses, the number of the step, and the recipe that it belongs to. No generator has a
state, since order, shifts and captions follow from the seed and the number of the step. The file
may be carried to another machine, where the same pictures are drawn again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tangent_bench import models
from tangent_bench.finetuning import pretraining
from tangent_bench.finetuning.pretraining import Pretraining, PretrainingRecipe
from tangent_bench.jobs import devices
from tangent_bench.store import artefacts

FOLDER = Path("results/pretraining")  # as in workflow/rules/pretrain.smk
STATE = "state.safetensors"
KIND = "pretraining weights"
SHOWN = 100  # last steps, whose mean loss is said
HALF_AN_HOUR = 1800.0  # seconds


def begin(
    name: str, entry: Mapping[str, Any], shards: Sequence[Path], device: str = "cpu"
) -> Pretraining:
    """A pre-training at its beginning.

    Args:
        name: of the model.
        entry: the config's `pretraining`.
        shards: of the corpus, in order.
        device: "cpu" or "cuda".

    Raises:
        ValueError: there is no such model or no such GPU, or the shards are of another corpus.
    """
    devices.require(device)
    recipe = PretrainingRecipe.from_config(dict(entry))
    model = models.find(name)
    return Pretraining(recipe, model, pretraining.open_corpus(shards, recipe), device)


def advance(
    trainer: Pretraining, folder: Path, percents: Sequence[float], num_steps: int | None = None
) -> None:
    """Train for a stretch, and leave the state in the model's folder.

    Args:
        trainer: at its beginning; the state in `folder`, if there is one, is taken up.
        folder: of the model.
        percents: of all steps at which the weights are written as well.
        num_steps: of this stretch; None: to the end.
    """

    def snapshot(step: int, weights: dict[str, np.ndarray]) -> None:
        artefacts.save(folder / f"snapshots/step-{step:05d}.safetensors", KIND, weights, step=step)

    steps = {round(trainer.recipe.steps * percent / 100) for percent in percents}
    pretraining.run(trainer, folder / STATE, snapshot, steps, num_steps=num_steps)


def finish(trainer: Pretraining, weights: Path, losses: Path) -> None:
    """Write the weights, and the loss of every step as a table."""
    artefacts.save(weights, KIND, trainer.weights(), step=trainer.step)
    lines = [f"{step},{loss:.6f}" for step, loss in enumerate(trainer.losses)]
    artefacts.write_text(losses, "\n".join(["step,loss", *lines]) + "\n")


def stretch(name: str, num_steps: int, config: Mapping[str, Any], folder: Path = FOLDER) -> str:
    """So many steps more of a model's pre-training; says in a few lines where it is now.

    Args:
        name: of the model.
        num_steps: of this stretch.
        config: with `pretraining` and `device`.
        folder: of all pre-trainings, with the shards of their corpus.

    Raises:
        ValueError: as `begin`, or pictures are missing.
    """
    entry = config["pretraining"]
    shards = [folder / f"shards/{k:02d}.safetensors" for k in range(entry["num_shards"])]
    missing = [str(file) for file in shards if not file.is_file()]
    if missing:
        raise ValueError(
            f"The pictures of {missing[0]} are not drawn yet; `make pretrain MODEL={name} "
            f"STEPS={num_steps}` draws them first."
        )
    trainer = begin(name, entry, shards, config["device"])
    advance(trainer, folder / name, entry["snapshots"], num_steps)
    return _said(trainer, name, folder / name / STATE)


def _said(trainer: Pretraining, name: str, state: Path) -> str:
    """Where a pre-training is, what it takes, and what comes next."""
    seconds = trainer.seconds / trainer.step
    pace = f"{seconds:.2f} s a step, {HALF_AN_HOUR / seconds:.0f} steps in half an hour"
    following = f"The next stretch goes on from {state}, here or on another machine."
    if trainer.step == trainer.recipe.steps:
        following = f"`make pretrain MODEL={name}` writes the weights."
    recent = trainer.losses[-SHOWN:]
    loss = f"loss {np.mean(recent):.4f} (mean of {len(recent)} steps)"
    return f"{name}: step {trainer.step} of {trainer.recipe.steps}, {loss}, {pace}.\n{following}"
