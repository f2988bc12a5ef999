"""Locates the suite's non-Python files: Snakefile, config/, workflow/.

Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent
# A wheel carries them within the package (setup.py).
_CARRIED = _PACKAGE / "_suite"
IS_CHECKOUT = not _CARRIED.is_dir()
ROOT = _PACKAGE.parent if IS_CHECKOUT else _CARRIED


def require_checkout(what: str) -> None:
    """Refuse to build results where there is no checkout.

    Args:
        what: the command, as the user typed it.

    Raises:
        ValueError: this package was installed from a wheel.
    """
    if not IS_CHECKOUT:
        raise ValueError(
            f"{what} builds results with Snakemake in a checkout of the suite, but {_PACKAGE} is "
            "an installed wheel; clone the repository, `make install`, and give the command there."
        )
