"""What a log says once, however many images it is about."""

from __future__ import annotations

import logging

_said: set[str] = set()


def say_once(sentence: str, kind: str = "") -> None:
    """Warn in the log, unless this process has said it.

    Args:
        sentence: what is said.
        kind: what it is about; of sentences of one kind the first alone is said.
    """
    key = kind or sentence
    if key not in _said:
        _said.add(key)
        logging.warning(sentence)
