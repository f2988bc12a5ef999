"""Hooks of MkDocs: they make the reference from the code and fill in published numbers."""

from __future__ import annotations

import _published
import _reference
from mkdocs.structure.files import File


def on_files(files, config):
    """Adds the generated pages and the published figures."""
    for path, text in _reference.pages(config["nav"]).items():
        files.append(File.generated(config, path, content=text))
    for path, file in _published.figures().items():
        files.append(File.generated(config, path, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Replaces marks by published tables and numbers, and pictures by the site's own copies."""
    return _published.filled(markdown).replace("../results/published/", "published/")
