"""Chromium without a window, if one is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 300_000  # milliseconds: other tests, or a run, may have the cores
needed = pytest.mark.skipif(
    not PROGRAM, reason="no chromium is installed; on Debian: apt-get install chromium"
)


@contextmanager
def opened(colours: Literal["light", "dark"] = "light") -> Iterator[BrowserContext]:
    """A browser of an operating system in these colours."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=PROGRAM, args=["--no-sandbox"], timeout=PATIENCE
        )
        context = browser.new_context(color_scheme=colours)
        context.set_default_timeout(PATIENCE)
        yield context
        browser.close()
