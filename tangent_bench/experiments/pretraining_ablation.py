"""What pre-training is worth: initialisations at equal single-task accuracy.

Vectors from an untrained tower give little accuracy and disturb in other ways than strong ones, so
that ξ over the range compares two things at once. Here ξ is taken where every initialisation of the
run has the same single-task accuracy (`_matching`), that of the weakest at α = 1.

An initialisation that is as good as that *untouched* would be matched at α = 0, where ξ = 0 for a
trivial reason; a pair of tasks where that happens is left out for all of them. The control with
shuffled captions is not matched: at α = 1 it is about as weak as the pre-trained is untouched, so
that at its level one or two of four pairs were left (seen in the first run; until then it was
matched too).

Differences to the pre-trained initialisation are paired over images, which a difference of two rows
is not.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence

from tangent_bench.experiments import (
    AcrossInits,
    AcrossInitsStudy,
    Experiment,
    Replicates,
    _matching,
    disentanglement,
)
from tangent_bench.experiments.disentanglement import Pair, pairs, size
from tangent_bench.store import layout

EXPERIMENT = Experiment(
    title="Initialisations along the pre-training compared",
    scope=AcrossInits(reads=("task_addition", "disentanglement")),
    section="disentanglement",
    reference=(
        "Ortiz-Jimenez et al. 2023, §6; towers along pre-training and matching are this suite's own"
    ),
)
BASELINE = "pretrained"
CONTROL = "shuffled-"  # how such initialisations begin
# params_id of matched rows of a run in which heads differ: the pre-trained has another level there.
OWN_HEADS = "own heads"
GAIN = "recovered_gain_tuned"
RELATIVE = "relative_disentanglement_error"
MATCHED = _matching.METRICS[0]
log = logging.getLogger(__name__)


def run(study: AcrossInitsStudy) -> None:
    """Rows of each initialisation, which they carry in `init`.

    Raises:
        ValueError: there is one initialisation only.
    """
    replicates = study.left_by("disentanglement")
    if len(replicates) < 2:
        raise ValueError(
            f"Experiment {study.experiment!r} compares initialisations, but `inits` has only "
            f"{', '.join(replicates)}; name two or more, such as random and pretrained."
        )
    compared = dict(replicates)
    for init in filter(_is_control, replicates):
        del compared[init]
    matchable = [pair for pair in pairs(study) if _matching.matchable(study, compared, pair)]
    _number_of_pairs(study, list(compared), matchable)
    values = {init: {RELATIVE: kept[RELATIVE]} for init, kept in replicates.items()}
    if matchable:
        for init, at_equal in _matching.matched(study, compared, matchable).items():
            values[init][MATCHED] = at_equal[MATCHED]
            for metric, values_R in at_equal.items():
                heads = _heads(replicates)
                _matching.add(study, metric, values_R, matchable, init=init, params_id=heads)
    if BASELINE in replicates:
        for init in replicates:
            if init != BASELINE:
                _differences(study, init, values[init], values[BASELINE], matchable)


def require(config: Mapping) -> None:
    """Raises ValueError if a config has no pairs, or no initialisation beside controls."""
    disentanglement.require(config)
    if all(map(_is_control, config["inits"])):
        raise ValueError(
            "Experiment 'pretraining_ablation' compares initialisations with controls, but `inits` "
            f"has only controls ({', '.join(config['inits'])}); name another, as pretrained."
        )


def _is_control(init: str) -> bool:
    return init.startswith(CONTROL)


def _heads(inits: Iterable[str]) -> str:
    return OWN_HEADS if len({layout.text(init) for init in inits}) > 1 else ""


def _number_of_pairs(
    study: AcrossInitsStudy, inits: Sequence[str], matchable: Sequence[Pair]
) -> None:
    """Rows of how many pairs can be matched: the same number beside every initialisation."""
    every = pairs(study)
    left_out = ", ".join("+".join(pair) for pair in every if pair not in matchable)
    if left_out:
        log.info(
            "Left out, since an untouched initialisation is at the weakest's level already: %s",
            left_out,
        )
    if not matchable:
        log.warning(
            "No pair of tasks can be matched between %s; there are no matched rows.",
            ", ".join(inits),
        )
    for init in inits:
        study.add(
            "matched_pairs",
            float(len(matchable)),
            sources="each",
            task="all",
            split="val",
            num_samples=size(study, *every, split="val"),
            init=init,
            params_id=_heads(inits),
        )


def _differences(
    study: AcrossInitsStudy,
    init: str,
    values: Replicates,
    baseline: Replicates,
    matchable: Sequence[Pair],
) -> None:
    """Rows of an initialisation minus the pre-trained one, image by image."""
    gain_R = study.others["task_addition", init][GAIN]
    baseline_R = study.others["task_addition", BASELINE][GAIN]
    params_id = f"minus {BASELINE}"
    study.add(
        GAIN,
        gain_R - baseline_R,
        sources="+".join(study.tasks),
        task="all",
        split="test",
        num_samples=study.size("test", *study.tasks),
        method=study.method,
        init=init,
        params_id=params_id,
    )
    for metric, values_R in values.items():  # a control is not matched
        compared = matchable if metric == MATCHED else pairs(study)
        difference_R = values_R - baseline[metric]
        _matching.add(study, metric, difference_R, compared, init=init, params_id=params_id)
