"""What a command makes of its process before it begins."""

from __future__ import annotations

from tangent_bench.jobs import provenance


def prepare() -> None:
    """Make this process as a job is, before NumPy is imported; silence open_clip's warnings."""
    import logging

    provenance.limit_threads(1)
    provenance.keep_memory()
    logging.getLogger().setLevel(logging.ERROR)


def show_progress() -> None:
    """Let the package's own log through to stderr."""
    import logging

    logging.basicConfig(format="%(message)s")
    logging.getLogger("tangent_bench").setLevel(logging.INFO)
