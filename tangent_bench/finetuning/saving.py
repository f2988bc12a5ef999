"""Saved states, from which a fine-tuning that was cut off goes on.

A file beside the vector to be holds weights, moments and losses so far. The order of images and the
crops follow from the seed and the number of the step, so nothing else is needed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from tangent_bench.store import artefacts

if TYPE_CHECKING:
    from tangent_bench.finetuning.step import Finetuning

KIND = "training state"
MOMENTS = "exp_avg", "exp_avg_sq", "step"  # as AdamW names them
log = logging.getLogger(__name__)


@dataclass
class Saving:
    """Where a run is kept, how often, and what it belongs to.

    Attributes:
        path: of the file.
        belongs_to: what the outcome depends on; the state of anything else is not taken up.
        every: seconds between two saves.
    """

    path: Path
    belongs_to: Mapping[str, object]
    every: float = 600.0
    _last: float = field(default_factory=time.monotonic)

    def keep(self, state: Finetuning) -> None:
        """Save `state`, if it is time."""
        if time.monotonic() - self._last < self.every:
            return
        tensors = {f"theta/{key}": value for key, value in state.theta.items()}
        for key, value in state.theta.items():
            moments = state.optimizer.state[value]
            tensors |= {f"{name}/{key}": moments[name] for name in MOMENTS}
        arrays = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
        arrays["losses"] = np.array(state.losses)
        about = {"belongs_to": dict(self.belongs_to), "scaler": state.scaler.state_dict()}
        artefacts.save(self.path, KIND, arrays, **about)
        self._last = time.monotonic()

    def restore(self, state: Finetuning) -> None:
        """Put `state` where the file left it; without a file of this run it begins anew."""
        if not self.path.is_file():
            return
        try:
            arrays, about = artefacts.load(self.path, KIND)
        except ValueError as error:
            log.warning("%s It is not taken up; training begins anew.", error)
            return
        if about["belongs_to"] != self.belongs_to:
            log.info(
                "%s belongs to another run (images, recipe or code changed); training begins anew.",
                self.path,
            )
            return
        _take_up(state, arrays)
        state.scaler.load_state_dict(about["scaler"])
        log.info("taken up after step %d", len(state.losses))

    def drop(self) -> None:
        """Remove the file: the run is finished."""
        self.path.unlink(missing_ok=True)


@torch.no_grad()
def _take_up(state: Finetuning, arrays: Mapping[str, np.ndarray]) -> None:
    """Weights, moments and losses."""
    for key, value in state.theta.items():
        value.copy_(torch.from_numpy(arrays[f"theta/{key}"]))
        moments = {}
        for name in MOMENTS:
            moments[name] = torch.from_numpy(arrays[f"{name}/{key}"].copy()).to(value.device)
        state.optimizer.state[value] = moments
    state.losses[:] = arrays["losses"].tolist()
