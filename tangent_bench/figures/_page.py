"""The page that figures are drawn for: inches, letters, and whether there is a note below them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

USUAL = 8.0  # points of labels in the look
LEAST = 0.8  # of its own width, from which on a panel takes a line of its own


class Page(NamedTuple):
    """What a figure is drawn for.

    Attributes:
        width: inches; None leaves every figure its own width.
        height: inches; None leaves it to the panels.
        font: family of the letters, "" for that of the look.
        font_size: points of axis labels, to which all other sizes are relative; None: the look's.
        has_note: whether n, seeds and intervals stand below.
        is_foreign: whether the axes are the caller's, who then has the look and the height.
    """

    width: float | None = None
    height: float | None = None
    font: str = ""
    font_size: float | None = None
    has_note: bool = True
    is_foreign: bool = False

    @property
    def is_own(self) -> bool:
        """Whether figures have the sizes that they were laid out for."""
        return self == Page(has_note=self.has_note)

    def abreast(self, num: int, width: float) -> int:
        """Returns how many of `num` panels of a `width` in inches stand in a line.

        >>> Page().abreast(3, 3.4), Page(width=5.5).abreast(3, 3.4), Page(width=1.0).abreast(3, 3.4)
        (3, 2, 1)
        """
        if self.width is None:
            return num
        return max(1, min(num, int(self.width / (LEAST * width))))


OWN = Page()  # every figure's own
_current: ContextVar[Page] = ContextVar("page")


def points(size: float) -> float:
    """Returns the points of text that has `size` points where labels have 8."""
    import matplotlib

    return size * matplotlib.rcParams["font.size"] / USUAL


def current() -> Page:
    """Returns the page that is drawn for now."""
    return _current.get(OWN)


@contextmanager
def drawn_for(page: Page) -> Iterator[None]:
    """Draws for a page, as a context."""
    token = _current.set(page)
    try:
        yield
    finally:
        _current.reset(token)
