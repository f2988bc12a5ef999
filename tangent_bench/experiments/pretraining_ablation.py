"""What pre-training is worth: initialisations at equal single-task accuracy, and each minus the pre-trained.

Vectors from an untrained tower give little accuracy and disturb in other ways than strong ones, so that ξ over the
range compares two things at once. Here ξ is taken where every initialisation of the run has the same single-task
accuracy (`_matching`), that of the weakest at α = 1. Trap: an initialisation that is as good as that *untouched* would
be matched at α = 0, with ξ = 0 for a trivial reason; a pair of tasks where that happens is left out for all of them.
The control with shuffled captions is not matched: at α = 1 it is about as weak as the pre-trained is untouched, so that
at its level one or two of four pairs were left (seen in the first run; until then it was matched too).
Differences to the pre-trained initialisation are paired over images, which a difference of two rows is not.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tangent_bench.experiments import (
    AcrossInits,
    AcrossInitsStudy,
    Experiment,
    Replicates,
    _matching,
)
from tangent_bench.experiments.disentanglement import Pair, pairs, size
from tangent_bench.store import layout

EXPERIMENT = Experiment(
    title="Initialisations along the pre-training compared",
    scope=AcrossInits(reads=("task_addition", "disentanglement")),
    section="disentanglement",
    reference="Ortiz-Jimenez et al. 2023, §6; towers along pre-training and matching are this suite's own",
)
BASELINE = "pretrained"
CONTROL = "shuffled-"  # how such initialisations begin
OWN_HEADS = "own heads"  # params_id of matched rows of a run in which heads differ: another level for the pre-trained
GAIN, RELATIVE = "recovered_gain_tuned", "relative_disentanglement_error"
MATCHED = _matching.METRICS[0]
log = logging.getLogger(__name__)


def run(study: AcrossInitsStudy) -> None:
    """Rows of each initialisation, which they carry in `init`.

    Raises:
        ValueError: there is one initialisation only.
    """
    found = study.left_by("disentanglement")
    if len(found) < 2:
        raise ValueError(
            f"Experiment {study.experiment!r} compares initialisations, but `inits` has only {', '.join(found)}; name "
            "two or more, such as random and pretrained."
        )
    compared = {init: others for init, others in found.items() if not init.startswith(CONTROL)}
    kept = [pair for pair in pairs(study) if _matching.matchable(study, compared, pair)]
    _number_of_pairs(study, list(compared), kept)
    values = {init: {RELATIVE: others[RELATIVE]} for init, others in found.items()}
    for init, measured in _matching.matched(study, compared, kept).items() if kept else ():
        values[init][MATCHED] = measured[MATCHED]
        for metric, values_R in measured.items():
            _matching.add(study, metric, values_R, kept, init=init, params_id=_heads(found))
    for init in found if BASELINE in found else ():
        if init != BASELINE:
            _differences(study, init, values[init], values[BASELINE], kept)


def _heads(inits: Iterable[str]) -> str:
    return OWN_HEADS if len({layout.text(init) for init in inits}) > 1 else ""


def _number_of_pairs(study: AcrossInitsStudy, inits: list[str], kept: list[Pair]) -> None:
    """How many pairs can be matched: the same number beside every initialisation."""
    every = pairs(study)
    left_out = ", ".join("+".join(pair) for pair in every if pair not in kept)
    if left_out:
        log.info(
            "Left out, since an untouched initialisation is at the level of the weakest already: %s",
            left_out,
        )
    if not kept:
        log.warning(
            "No pair of tasks can be matched between %s; there are no matched rows.",
            ", ".join(inits),
        )
    about = {
        "sources": "each",
        "task": "all",
        "split": "val",
        "num_samples": size(study, *every, split="val"),
    }
    for init in inits:
        study.add("matched_pairs", float(len(kept)), init=init, params_id=_heads(inits), **about)


def _differences(
    study: AcrossInitsStudy, init: str, values: Replicates, baseline: Replicates, kept: list[Pair]
) -> None:
    """This initialisation minus the pre-trained one, image by image."""
    about = {"init": init, "params_id": f"minus {BASELINE}"}
    gain_R, from_R = (study.others["task_addition", which][GAIN] for which in (init, BASELINE))
    where = {
        "sources": "+".join(study.tasks),
        "task": "all",
        "split": "test",
        "method": study.method,
    }
    study.add(GAIN, gain_R - from_R, num_samples=study.size("test", *study.tasks), **where, **about)
    for metric in values:  # matched where it is matched: not of a control
        of = kept if metric == MATCHED else pairs(study)
        _matching.add(study, metric, values[metric] - baseline[metric], of, **about)
