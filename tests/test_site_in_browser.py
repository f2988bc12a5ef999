"""Every page of the site in Chromium: nothing fails, links lead somewhere, and axe-core has nothing
to say against it by the rules of WCAG 2.1 AA, in light and in dark.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests import chromium

pytestmark = [pytest.mark.full, chromium.needed]
ROOT = Path(__file__).parents[1]
AXE = files("axe_playwright_python") / "axe.min.js"
# Style sheets that are fetched once more are refused to a page that is a file.
CHECK = """async () => (await axe.run(document, {
    preload: false,
    runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21aa"]},
    resultTypes: ["violations"],
})).violations.map(v => `${v.id}: ${v.nodes[0].html.slice(0, 200)}`)"""
TARGETS = """[...document.querySelectorAll("a[href]")].filter(a => a.protocol === "file:")
    .map(a => [a.pathname, decodeURIComponent(a.hash.slice(1))])"""
IDS = """[...document.querySelectorAll("[id], a[name]")].map(e => e.id || e.name)"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """As `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return folder


def pages(site: Path) -> list[Path]:
    """All but the page that a server shows for a wrong address, whose paths begin at its root."""
    return sorted(set(site.rglob("*.html")) - {site / "404.html"})


def _complaints(page: Page, file: Path) -> list[str]:
    """What the browser and axe-core say of a page, behind its name; [] if nothing."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    page.evaluate(AXE.read_text("utf-8"))
    said += page.evaluate(CHECK)
    return [file.name, *said] if said else []


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_every_page_works_and_can_be_read_by_all(site, colours, width):
    said = []
    with chromium.opened(colours) as browser:
        for file in pages(site):
            page = browser.new_page()
            page.set_viewport_size({"width": width, "height": 900})
            said.append(_complaints(page, file))
            page.close()
    said = list(filter(None, said))
    assert not said, said[:10]


def test_every_link_leads_somewhere(site):
    targets: dict[Path, set[tuple[str, str]]] = {}
    ids = {}
    with chromium.opened() as browser:
        for file in pages(site):
            page = browser.new_page()
            page.goto(file.as_uri())
            targets[file] = {(path, place) for path, place in page.evaluate(TARGETS)}
            ids[file] = set(page.evaluate(IDS))
            page.close()
    broken = []
    for file, links in targets.items():
        for path, place in links:
            there = Path(path)
            if not there.is_file() or place and place not in ids.get(there, {place}):
                broken.append((file.name, path.removeprefix(str(site)), place))
    assert sum(map(len, targets.values())) > 1000
    assert not broken, broken[:10]
