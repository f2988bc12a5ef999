"""ξ at the selected α and at equal accuracy, and differences of the other modes."""

from __future__ import annotations

from collections.abc import Iterator

from tangent_bench.store.rows import Row
from tests.synthetic.maker import MODES, Maker

OF_A_MODE = "disentanglement_error_tuned", "matched_disentanglement_error", "matched_coefficient"
COMPARED = (
    "mean_disentanglement_error",
    "relative_disentanglement_error",
    "matched_disentanglement_error",
    "disentanglement_error_tuned",
)


def rows(made: Maker) -> Iterator[Row]:
    at = {"sources": "each", "task": "all", "width": 0.02}
    for mode, value in zip(MODES, (0.3, 0.4, 0.2), strict=True):
        row = made.of("disentanglement_comparison", mode)
        for metric in OF_A_MODE:
            yield row(metric, value + made.noise(), **at)
        if mode != MODES[0]:
            for metric in COMPARED:
                difference = value - 0.3 + made.noise()
                yield row(metric, difference, params_id="minus standard-network", **at)
