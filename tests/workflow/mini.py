"""The smallest run: its one vector and its rows are among those of the micro preset."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.workflow.checkout import ROOT, Checkout

MINI = yaml.safe_load((ROOT / "config/micro.yaml").read_text(encoding="utf-8")) | {
    "preset": "mini",
    "results": "results/mini",
    "tasks": ["mnist"],
    "trainings": ["standard"],
    "modes": ["none-network", "standard-network"],
    "experiments": ["single_task"],
    "joint_training": {"trainings": []},
}


def checkout(folder: Path, origin: Path = ROOT) -> Checkout:
    """The sources in `origin` with a preset `mini`, nothing built."""
    made = Checkout.of_sources(folder, origin)
    made.path("config/mini.yaml").write_text(yaml.safe_dump(MINI), encoding="utf-8")
    return made
