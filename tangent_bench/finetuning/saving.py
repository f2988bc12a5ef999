"""A fine-tuning that was cut off goes on: weights, moments and losses so far, in a file beside what it will become.

Order of images and crops follow from the seed and the number of the step, so nothing else is needed.
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
    from tangent_bench.finetuning.step import FinetuningRun

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

    def keep(self, run: FinetuningRun) -> None:
        """Save, if it is time."""
        if time.monotonic() - self._last < self.every:
            return
        arrays = {f"theta/{key}": value for key, value in run.theta.items()}
        for key, value in run.theta.items():
            arrays |= {f"{name}/{key}": run.optimizer.state[value][name] for name in MOMENTS}
        arrays = {name: value.detach().cpu().numpy() for name, value in arrays.items()}
        arrays["losses"] = np.array(run.losses)
        about = {"belongs_to": dict(self.belongs_to), "scaler": run.scaler.state_dict()}
        artefacts.save(self.path, KIND, arrays, **about)
        self._last = time.monotonic()

    def restore(self, run: FinetuningRun) -> None:
        """Put a run where the file left it; without a file, or with that of another run, it begins at the beginning."""
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
        with torch.no_grad():
            for key, value in run.theta.items():
                value.copy_(torch.from_numpy(arrays[f"theta/{key}"]))
                moments = {
                    name: torch.from_numpy(arrays[f"{name}/{key}"].copy()).to(value.device)
                    for name in MOMENTS
                }
                run.optimizer.state[value] = moments
        run.scaler.load_state_dict(about["scaler"])
        run.losses[:] = arrays["losses"].tolist()
        log.info("taken up after step %d", len(run.losses))

    def drop(self) -> None:
        """Remove the file: the run is finished."""
        self.path.unlink(missing_ok=True)
