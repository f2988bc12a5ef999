"""Paths as people write them: a ~ is the home folder, as in a shell.

Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

import os
from pathlib import Path


def at_home(path: str) -> str:
    """A path in which ~ is the user's home folder, and ~name that of another user.

    A folder that is itself named ~ is ./~.

    Raises:
        ValueError: there is no such home folder.
    """
    expanded = os.path.expanduser(path)  # noqa: PTH111 pathlib's drops a slash at the end
    if path.startswith("~") and expanded == path:
        raise ValueError(
            f"{path!r} begins with {path.split('/')[0]!r}, but there is no such home folder; set "
            "the environment variable HOME, or write the whole path."
        )
    return expanded


def of_variable(name: str) -> Path | None:
    """The folder that an environment variable names; None if it is empty or not set.

    Raises:
        ValueError: as `at_home`.
    """
    text = os.environ.get(name)
    return Path(at_home(text)) if text else None
