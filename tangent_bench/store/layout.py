"""Locates every artefact, relative to a preset's results folder, for rules, scripts and library.

Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

JOINT = "multitask"  # the pseudo task of the vector that was trained on all tasks together
EVERY = "all"  # the pseudo initialisation of a job that reads what others left in each of them
FINAL = "final"  # the text tower at the end of the pre-training
# What heads are made of: prompts by a text tower, or a probe on the embeddings of θ0.
PROMPTS = "prompts"
PROBE = "probe"


@dataclass(frozen=True)
class Mode:
    """How a vector was made × what it is put into.

    "standard-tangent" is the paper's post-hoc linearization.
    """

    training: str
    evaluation: str

    def __str__(self) -> str:
        return f"{self.training}-{self.evaluation}"

    @classmethod
    def parse(cls, text: str) -> Mode:
        """From "training-evaluation".

        >>> Mode.parse("standard-tangent")
        Mode(training='standard', evaluation='tangent')
        """
        training, _, evaluation = text.rpartition("-")
        if not training or evaluation not in ("network", "tangent", "none"):
            raise ValueError(
                f"Mode {text!r} is not understood; expected training-evaluation, as "
                "'standard-network' or 'linear-tangent'."
            )
        return cls(training, evaluation)


def sources(config: Mapping, training: str) -> list[str]:
    """The names of all vectors that a training makes: one for each task, and the joint one.

    >>> joint = {"trainings": ["standard"]}
    >>> sources({"tasks": ["mnist"], "joint_training": joint}, "standard")
    ['mnist', 'multitask']
    """
    joint = [JOINT] if training in config["joint_training"]["trainings"] else []
    return [*config["tasks"], *joint]


def data(task: str, split: str) -> str:
    """Prepared images of a split, with labels and blocks."""
    return f"data/{task}/{split}.safetensors"


def text(init: str) -> str:
    """The text tower that makes the heads of an initialisation.

    It is the final one, unless the initialisation brings one of its own.

    >>> text("step-10"), text("whole-10")
    ('final', 'whole-10')
    """
    return init if init.startswith("whole-") else FINAL


def head(model: str, init: str, task: str, heads: str = PROMPTS) -> str:
    """The head of a task.

    Of prompts it is the same file for all initialisations that share a text tower; every
    initialisation has a probe of its own.

    Args:
        model: name in the config.
        init: initialisation.
        task: whose classes they are.
        heads: what it is made of, as in the config.
    """
    if heads == PROBE:
        return f"probes/{model}/{init}/{task}.safetensors"
    return f"heads/{model}/{text(init)}/{task}.safetensors"


def base(model: str, init: str, task: str) -> str:
    """f0 of val and test, labels and blocks."""
    return f"base/{model}/{init}/{task}.safetensors"


def vector(model: str, init: str, training: str, task: str, seed: int | str) -> str:
    """τ of a task, or of all tasks together (`JOINT`)."""
    return f"vectors/{model}/{init}/{training}/{task}/seed-{seed}.safetensors"


def features(model: str, init: str, training: str, task: str, seed: int | str) -> str:
    """J τ of every source on the images of `task`."""
    return f"features/{model}/{init}/{training}/{task}/seed-{seed}.safetensors"


def merged(model: str, init: str, training: str, method: str, seed: int | str) -> str:
    """The direction that a merging method makes of all tasks' vectors, τ_1 ... τ_T → d.

    Args:
        model: name in the config.
        init: initialisation.
        training: that made the vectors.
        method: label of a `merging.Merger`.
        seed: of the fine-tuning.
    """
    return f"merged/{model}/{init}/{training}/{method}/seed-{seed}.safetensors"


def merged_features(model: str, init: str, training: str, method: str, seed: int | str) -> str:
    """J d of a method's directions d on the images of the tasks."""
    return f"merged_features/{model}/{init}/{training}/{method}/seed-{seed}.safetensors"


def outcome(
    experiment: str,
    model: str,
    init: str,
    mode: Mode | str,
    seed: int | str,
    suffix: str = "csv",
    method: str = "",
) -> str:
    """What an experiment leaves in one mode.

    Args:
        experiment: its name.
        model: name in the config.
        init: initialisation, or `EVERY`.
        mode: in which it ran.
        seed: of the fine-tuning.
        suffix: "csv" for the rows, "safetensors" for predictions and bootstrap replicates.
        method: label of one of the config's `methods`; "" for its `method`.
    """
    folder = f"outcomes/{experiment}/{model}/{init}/{mode}/{method}".rstrip("/")
    return f"{folder}/seed-{seed}.{suffix}"
