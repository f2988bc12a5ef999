"""Tables in aligned columns, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence


def aligned(lines: Sequence[Sequence[str]], numbers: bool = False) -> list[str]:
    """Lines of a table whose columns stand two spaces apart.

    Args:
        lines: cells of each line, as many in each.
        numbers: whether all columns but the first are aligned to the right.

    >>> aligned([["", "Jobs"], ["merge", "4"]], numbers=True)
    ['       Jobs', 'merge     4']
    >>> aligned([["", "Jobs"], ["merge", "4"]])
    ['       Jobs', 'merge  4']
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [_line(cells, widths, numbers) for cells in lines]


def _line(cells: Sequence[str], widths: Sequence[int], numbers: bool) -> str:
    justify = str.rjust if numbers else str.ljust
    first = cells[0].ljust(widths[0])
    others = map(justify, cells[1:], widths[1:])
    return "  ".join([first, *others]).rstrip()
