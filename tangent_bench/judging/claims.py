"""The paper's claims: what each says, the rows that test it, and the sign and size it needs.

Ortiz-Jimenez, Favero, Frossard, "Task Arithmetic in the Tangent Space", NeurIPS 2023.
`verdicts.py` has the rule of the verdicts; `evidence.py` finds the rows.

Six claims are primary: those of the paper's abstract, and its condition, pre-training. Which ones
was fixed when results of the first embedded model were known, and of no other. The rest are
secondary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

POINT = 0.01
UNITS = ("points", "number")
CONTRASTS = ("value", "difference", "along", "sizes")


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        text: the statement, at most 62 letters.
        place: where the paper makes it, from memory.
        quantity: what is estimated.
        rows: coordinates of the rows that are estimated; `init` is "pretrained" unless named.
        sign: sign of the estimate if the claim is right.
        threshold: the smallest estimate that supports it, in the unit of the rows.
        unit: "points" (rows are fractions) or "number".
        contrast: "value" (the row itself), "difference" (less the row at the coordinates
            `against`), "along" (fitted rise over the inits `course`-N and pretrained, first to
            last), or "sizes" (largest family less smallest).
        against: for "difference": the coordinates that differ in the row that is subtracted.
        course: for "along": the prefix of the inits along the pre-training.
        given: what the estimate is conditional on, beside pre-trainings and seeds.
        once: whether the rows are the same for every model.
        descriptive: whether it measures a size that no run could turn down: it has no verdict.
        primary: whether it is one of the six; Holm's correction is over these, and over the others.
    """

    text: str
    place: str
    quantity: str
    rows: Mapping[str, object]
    sign: int
    threshold: float = POINT
    unit: str = "points"
    contrast: str = "value"
    against: Mapping[str, object] = field(default_factory=dict)
    course: str = "step"
    given: str = "these tasks"
    once: bool = False
    descriptive: bool = False
    primary: bool = False

    def __post_init__(self) -> None:
        assert self.contrast in CONTRASTS, self
        assert self.sign in (-1, 1), self
        assert self.unit in UNITS, self
        assert not (self.primary and self.descriptive), self


def _rows(experiment: str, metric: str, mode: str, **more: object) -> Mapping[str, object]:
    training, evaluation = mode.split("-")
    coordinates = {
        "experiment": experiment,
        "metric": metric,
        "training": training,
        "evaluation": evaluation,
    }
    return MappingProxyType(coordinates | more)


STANDARD = "standard-network"
POSTHOC = "standard-tangent"
LINEAR = "linear-tangent"
MINUS = {"params_id": f"minus {STANDARD}"}
_EACH_OWN = {"sources": "each", "task": "own"}
_EACH_ALL = {"sources": "each", "task": "all"}


def _compared(metric: str, mode: str) -> Mapping[str, object]:
    """Coordinates of a paired difference to standard fine-tuning."""
    tasks = {"task": "all"} if metric.startswith("task_addition") else _EACH_OWN
    return _rows("posthoc_comparison", metric, mode, **tasks, **MINUS)


def _xi(metric: str, mode: str, minus: str = STANDARD) -> Mapping[str, object]:
    """Coordinates of a paired difference of ξ to another mode."""
    paired = {"params_id": f"minus {minus}"}
    return _rows("disentanglement_comparison", metric, mode, **paired, **_EACH_ALL)


_SINGLE = "single_task/accuracy"
_ADDED = "task_addition/accuracy_tuned"
_GAIN = "task_addition/recovered_gain_tuned"
_TARGET = "task_negation/target_accuracy_tuned"
_MATCHED = "matched_disentanglement_error"
_RELATIVE = "relative_disentanglement_error"
_MEAN = "mean_disentanglement_error"
_TUNED = "disentanglement_error_tuned"
_KEPT = "target accuracy where the control keeps its share, minus Non-lin. FT"

EDITING = (
    Claim(
        "Post-hoc linearization loses on single tasks", "§3, Fig. 1",
        "accuracy minus Non-lin. FT", _compared(_SINGLE, POSTHOC), -1, primary=True,
    ),
    Claim(
        "Post-hoc linearization adds worse, in absolute terms", "§3, Tab. 1",
        "accuracy of the sum minus Non-lin. FT", _compared(_ADDED, POSTHOC), -1,
    ),
    Claim(
        "Post-hoc linearization forgets targets better", "§3, Tab. 2",
        _KEPT, _compared(_TARGET, POSTHOC), -1,
    ),
    Claim(
        "Linear FT is a little worse on single tasks", "§5",
        "accuracy minus Non-lin. FT", _compared(_SINGLE, LINEAR), -1,
    ),
    Claim(
        "Linear FT adds better, in absolute terms", "§5, Tab. 1",
        "accuracy of the sum minus Non-lin. FT", _compared(_ADDED, LINEAR), +1, primary=True,
    ),
    Claim(
        "Linear FT adds better, as a share of the gain", "§5, Tab. 1",
        "recovered gain of the sum minus Non-lin. FT", _compared(_GAIN, LINEAR), +1, primary=True,
    ),
    Claim(
        "Linear FT forgets targets better", "§5, Tab. 2",
        _KEPT, _compared(_TARGET, LINEAR), -1, primary=True,
    ),
)  # fmt: skip
KERNEL = (
    Claim(
        "Fine-tuning is not in the kernel regime: accuracy", "§3, Fig. 1",
        "non-linear advantage, (f − f_lin) · C/(C − 1)",
        _rows("kernel_gap", "nonlinear_advantage", "standard-none", coefficient=1.0, **_EACH_OWN),
        +1,
    ),
    Claim(
        "Fine-tuning is not in the kernel regime: outputs", "§3",
        "‖f − f_lin‖ / ‖f − f_0‖ at α = 1",
        _rows("kernel_gap", "output_error", "standard-none", coefficient=1.0, **_EACH_OWN),
        +1, 0.1, "number", descriptive=True,
    ),
    Claim(
        "A wide network keeps its tangent kernel (Jacot et al.)", "§2",
        "s in ‖Θ_t − Θ_0‖ / ‖Θ_0‖ ∼ width^s",
        _rows("ntk_theory", "width_kernel_change_slope", "none-none", split="train"),
        -1, 0.5, "number", given="these points, this network", once=True,
    ),
    Claim(
        "A wide network trains as its linearization (Lee et al.)", "§2",
        "s in ‖f_t − f_lin,t‖ / ‖f_t − f_0‖ ∼ width^s, held out",
        _rows("ntk_theory", "width_linearization_distance_slope", "none-none", split="test"),
        -1, 0.5, "number", given="these points, this network", once=True,
    ),
)  # fmt: skip
DISENTANGLEMENT = (
    Claim(
        "Post-hoc lin. is more disentangled", "§4",
        "mean ξ in [0, 1]² minus Non-lin. FT", _xi(_MEAN, POSTHOC), -1,
    ),
    Claim(
        "Post-hoc lin. is more disentangled, at equal accuracy", "§4",
        "ξ at matched single-task accuracy minus Non-lin. FT", _xi(_MATCHED, POSTHOC), -1,
    ),
    Claim(
        "Linear FT is more disentangled", "§5",
        "mean ξ in [0, 1]² minus Non-lin. FT", _xi(_MEAN, LINEAR), -1,
    ),
    Claim(
        "Linear FT is more disentangled, for what its vectors do", "§5",
        "ξ / prediction changes of each vector alone, minus Non-lin. FT",
        _xi(_RELATIVE, LINEAR), -1,
    ),
    Claim(
        "Linear FT is more disentangled, at the selected α", "§5",
        "ξ(α*, α*) minus Non-lin. FT", _xi(_TUNED, LINEAR), -1,
    ),
    Claim(
        "Linear FT is more disentangled, at equal accuracy", "§5",
        "ξ at matched single-task accuracy minus Non-lin. FT", _xi(_MATCHED, LINEAR), -1,
        primary=True,
    ),
    Claim(
        "Linear FT is more disentangled than post-hoc, equal accuracy", "§5",
        "ξ at matched single-task accuracy minus Post-hoc lin.",
        _xi(_MATCHED, LINEAR, POSTHOC), -1,
    ),
)  # fmt: skip
_ADDITION = _rows("task_addition", "recovered_gain_tuned", STANDARD, task="all", split="test")
_ENTANGLED = _rows("disentanglement", _RELATIVE, STANDARD, **_EACH_ALL)
_EQUAL = _rows("pretraining_ablation", _MATCHED, STANDARD, params_id="", **_EACH_ALL)
_UNTRAINED: dict[str, Any] = {
    "contrast": "difference",
    "against": {"init": "random"},
    "given": "these tasks, one random tower",
}
PRETRAINING = (
    Claim(
        "Kernel eigenfunctions sit on their task's inputs: any basis", "§6",
        "AUROC of local energy, task against control, minus a random basis",
        _rows("ntk_localization", "localization_auroc_above_haar", "none-none", task="all"),
        +1, 0.05, "number",
    ),
    Claim(
        "Kernel eigenfunctions sit on their task's inputs: untrained", "§6",
        "AUROC of local energy, task against control, minus a random network",
        _rows("ntk_localization", "localization_auroc_above_random_init", "none-none", task="all"),
        +1, 0.05, "number",
    ),
    Claim(
        "Without pre-training there is no task arithmetic", "§6",
        "recovered gain of the sum minus random initialisation", _ADDITION, +1, **_UNTRAINED,
    ),
    Claim(
        "Without pre-training there is no disentanglement", "§6",
        "ξ / prediction changes alone, minus random initialisation", _ENTANGLED, -1, **_UNTRAINED,
    ),
    Claim(
        "Without pre-training no disentanglement, at equal accuracy", "§6",
        "ξ at matched single-task accuracy minus random initialisation", _EQUAL, -1, **_UNTRAINED,
        primary=True,
    ),
    Claim(
        "Task arithmetic needs captions that fit", "§6, control of ours",
        "recovered gain of the sum minus captions of other pictures", _ADDITION, +1,
        contrast="difference", against={"init": "shuffled-100"},
    ),
    Claim(
        "Task arithmetic grows along pre-training", "§6",
        "rise of recovered gain over the steps", _ADDITION, +1, contrast="along",
    ),
    Claim(
        "Task arithmetic grows along pre-training, with own heads", "§6, control of ours",
        "rise of recovered gain over the steps, heads of each step", _ADDITION, +1,
        contrast="along", course="whole",
    ),
    Claim(
        "Disentanglement grows along pre-training", "§6",
        "rise of ξ / prediction changes alone over the steps", _ENTANGLED, -1, contrast="along",
    ),
    Claim(
        "Disentanglement grows along pre-training, at equal accuracy", "§6",
        "rise of ξ at matched single-task accuracy over the steps", _EQUAL, -1, contrast="along",
    ),
    Claim(
        "The post-hoc gap shrinks as models grow", "§3, Fig. 1",
        "(Post-hoc − Non-lin. FT, single tasks), larger minus smaller",
        _compared(_SINGLE, POSTHOC), +1, contrast="sizes",
    ),
    Claim(
        "The gap of linear FT shrinks as models grow", "§5",
        "(Linear FT − Non-lin. FT, single tasks), larger minus smaller",
        _compared(_SINGLE, LINEAR), +1, contrast="sizes",
    ),
)  # fmt: skip
CLAIMS = (*EDITING, *KERNEL, *DISENTANGLEMENT, *PRETRAINING)
PRIMARY = tuple(claim for claim in CLAIMS if claim.primary)

# Claims about which no preset of this size can say anything.
BEYOND_SCALE = (
    ("Linear FT adds better by up to 5.8 points", "§1, Tab. 1"),
    ("Linear FT forgets better by up to 13.1 points", "§1, Tab. 2"),
    ("The same for CLIP ViT-B/32, ViT-B/16 and ViT-L/14", "Tab. 1, Tab. 2"),
    ("The same with ImageNet as the control", "Tab. 2"),
    ("The same for ConvNeXt, closed-vocabulary ViT and T5", "appendices"),
)
