"""Data files that installed packages ship.

They are found without importing the packages (matplotlib takes a second).
"""

from __future__ import annotations

import importlib.util
from pathlib import Path


def package_file(package: str, relative: str) -> Path:
    """The path of the file `relative` inside the installed `package`.

    Raises:
        ValueError: the package or the file is missing; the message says which, and what to install.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            f"Package {package!r} is not installed, but its {relative} is needed: install the "
            "environment "
            "that pyproject.toml pins."
        )
    path = Path(spec.submodule_search_locations[0]) / relative
    if not path.is_file():
        raise ValueError(
            f"Package {package!r} has no file {relative}: expected it at {path}. Install the "
            "release that "
            "pyproject.toml pins."
        )
    return path
