"""Experiments: one file for each.

A module has `EXPERIMENT` and `run(study)`, which adds rows to the study; most have `cost(asking)`,
the work of one job. What `run` would refuse for its config alone, `require(config)` refuses before
anything is trained. The scope of an experiment says what a job covers (`_scopes`), and with it what
`run` is given (`_studies`).
Shapes: A coefficients, R bootstrap replicates (0 is the estimate).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tangent_bench.experiments._scopes import (
    AcrossInits,
    AcrossModes,
    Coordinates,
    EachMode,
    EachModel,
    EachTraining,
    Once,
    Scope,
    evaluated,
    has_vectors,
)
from tangent_bench.experiments._scopes import of as scope_of
from tangent_bench.experiments._studies import (
    AcrossInitsStudy,
    AcrossModesStudy,
    ComparisonStudy,
    ModelStudy,
    ModeStudy,
    Replicates,
    Study,
    TrainingStudy,
)

if TYPE_CHECKING:
    from tangent_bench.merging import Merger

__all__ = [
    "AcrossInits",
    "AcrossInitsStudy",
    "AcrossModes",
    "AcrossModesStudy",
    "ComparisonStudy",
    "Coordinates",
    "EachMode",
    "EachModel",
    "EachTraining",
    "Experiment",
    "ModeStudy",
    "ModelStudy",
    "Once",
    "Replicates",
    "Scope",
    "Study",
    "TrainingStudy",
    "crossed",
    "evaluated",
    "has_vectors",
    "scope_of",
    "tuned",
]


@dataclass(frozen=True)
class Experiment:
    """What an experiment is, and what its jobs cover.

    Attributes:
        title: one line for people.
        scope: what one job covers.
        reference: where it is defined.
        section: the section of the config that is its own, "" for none.
        relative_time: how many times the usual time of an experiment its jobs take.
        selected_on_test: number of coefficients that `cost` assumes to be selected by some
            replicate and so looked at on test. How many there are depends on the data, the fewer
            the more images there are; these are those of the tiny preset.
    """

    title: str
    scope: Scope
    reference: str
    section: str = ""
    relative_time: float = 1.0
    selected_on_test: int = 0


def tuned(values_RA: np.ndarray, index_R: np.ndarray) -> np.ndarray:
    """A statistic at the coefficient that each replicate selected, values[r, index[r]], [R].

    Args:
        values_RA: the statistic at every coefficient.
        index_R: place of the coefficient.
    """
    return values_RA[np.arange(len(index_R)), index_R]


def crossed(config: Mapping, merger: Merger) -> list[str]:
    """The experiments of a config that are run for one of its `methods` as well.

    None is for the config's own `method`, with which they have been run.
    """
    if merger.label == config["method"]:
        return []
    return [
        name
        for name in config["method_experiments"]
        if name in config["experiments"] and merger.crosses(scope_of(name).merges)
    ]
