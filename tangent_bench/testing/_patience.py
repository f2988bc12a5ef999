"""A method whose laws take long is said to be at work, so that nobody takes it for hung."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import TracebackType

EVERY = 5.0  # seconds between lines


class Patience(AbstractContextManager["Patience"]):
    """Says on stderr which law is looked at, every few seconds until it is left.

    Args:
        name: of the method.
        laws: all of them, in their order.
    """

    def __init__(self, name: str, laws: Sequence[str]) -> None:
        self._name = name
        self._laws = laws
        self._law = laws[0]
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)
        self._began = time.monotonic()

    def __enter__(self) -> Patience:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def begin(self, law: str) -> None:
        """A law is looked at."""
        self._law = law

    def _tick(self) -> None:
        while not self._is_over.wait(EVERY):
            number = self._laws.index(self._law) + 1
            seconds = time.monotonic() - self._began
            print(
                f"{self._name}: law {number} of {len(self._laws)} ({self._law}), {seconds:.0f} s",
                file=sys.stderr,
                flush=True,
            )
