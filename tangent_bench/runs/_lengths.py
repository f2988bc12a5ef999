"""Lengths as people write them: 3.25in, 8cm, 82mm, 240pt."""

from __future__ import annotations

import re

UNITS = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4, "pt": 1 / 72.27}  # inches; a point is TeX's
LEAST = 1.0  # inches
MOST = 40.0
_LENGTH = re.compile(r"(\d+\.?\d*|\.\d+) ?(in|cm|mm|pt)?")


def inches(length: str | float, what: str = "length") -> float:
    """Returns a length in inches.

    >>> inches("3.25in"), inches("8cm"), inches(7)
    (3.25, 3.149..., 7.0)

    Args:
        length: a number with a unit; inches without one.
        what: it is a length of, for the sentence.

    Raises:
        ValueError: it is none, or no size of a figure.
    """
    found = _LENGTH.fullmatch(str(length).strip())
    if not found:
        raise ValueError(
            f"The {what} {length!r} is no length; expected a number of in, cm, mm or pt, as 3.25in."
        )
    value = float(found[1]) * UNITS[found[2] or "in"]
    if not LEAST <= value <= MOST:
        raise ValueError(
            f"The {what} {length!r} is no size of a figure; expected {LEAST:g}in to {MOST:g}in."
        )
    return value
