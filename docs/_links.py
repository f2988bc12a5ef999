"""Links of tracked pages lead to tracked files, for readers on a Git host; in the site, to pages.

A page of docs/ may link to code, a config or a published picture: where the site has a page that is
made from that file, or a copy of what was published, the link leads there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path

import _reference

from tangent_bench import registry

ROOT = Path(__file__).parents[1]
PUBLISHED = "results/published"
SHOWN = ".svg", ".html", ".csv", ".tex"  # endings of published files that the site has
LINK = re.compile(r"(!?\[[^\]]*\])\(([^)\s#]+)(#[^)\s]+)?\)")
# Pages at the root of the checkout → their place in the site.
AT_ROOT = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
# What a reader on a Git host is shown → the page of the site.
MADE = {
    **AT_ROOT,
    **{f"tangent_bench/{folder}": f"reference/{folder}.md" for folder in _reference.PLUGINS},
    "tangent_bench/texts": "reference/texts.md",
    "Makefile": "reference/commands.md",
    "config": "reference/presets.md",
    "config/default.yaml": "reference/config.md",
    "tangent_bench/store/rows.py": "reference/rows.md",
    **_reference.SWEEPS,
    "docs/_gallery.py": "reference/gallery.md",
}


def published() -> dict[str, Path]:
    """Place in the site → published picture, page or table."""
    found = {}
    for path in sorted((ROOT / PUBLISHED).rglob("*.*")):
        if path.suffix in SHOWN:
            found[f"published/{path.relative_to(ROOT / PUBLISHED).as_posix()}"] = path
    return found


def plugins() -> dict[str, str]:
    """File of a plug-in → its section in the reference."""
    found = {}
    for folder in _reference.PLUGINS:
        for name in registry.names(folder):
            found[f"tangent_bench/{folder}/{name}.py"] = f"reference/{folder}.md#{name}"
    return found


def places(nav: list) -> dict[str, str]:
    """Tracked file or folder → its place in the site, of all that is not in docs/.

    Args:
        nav: the navigation of mkdocs.yml, which lists the Python modules.
    """
    found = {}
    for name in _reference.public_modules(nav):
        module = f"tangent_bench/{name.replace('.', '/')}"
        is_package = (ROOT / module).is_dir()
        file = f"{module}/__init__.py" if is_package else f"{module}.py"
        found[file] = f"{_reference.API}{name}.md"
    for place, file in published().items():
        found[file.relative_to(ROOT).as_posix()] = place
    return plugins() | found | MADE


def in_site(text: str, page: str, places: Mapping[str, str]) -> str:
    """The text of a page with its links as the site needs them.

    A link to a file that has no page becomes text. What leads nowhere stays, for MkDocs to refuse.

    Args:
        text: Markdown.
        page: its place in the site.
        places: as the function of this name gives them.
    """
    sources = {place: file for file, place in AT_ROOT.items()}
    folder = posixpath.dirname(sources.get(page, f"docs/{page}"))

    def link(found: re.Match[str]) -> str:
        words, target, anchor = found.groups()
        file = posixpath.normpath(posixpath.join(folder, target))
        if ":" in target or not (ROOT / file).exists():
            return found[0]
        inside = file.removeprefix("docs/") if file.startswith("docs/") else None
        place = places.get(file, inside)
        if place is None:
            return words.strip("![]")
        return f"{words}({posixpath.relpath(place, posixpath.dirname(page))}{anchor or ''})"

    return LINK.sub(link, text)
