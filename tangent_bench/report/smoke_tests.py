"""Presets that show that the suite runs, and whose numbers say nothing."""

from __future__ import annotations

NAMES = frozenset({"micro", "paper-smoke"})


def banner(preset: str) -> str:
    """A sentence to stand above results of a preset; "" where they mean something."""
    if preset not in NAMES:
        return ""
    return (
        f"Preset {preset} is a smoke test of few images and steps: it shows that the suite runs, "
        "and its numbers and verdicts say nothing."
    )
