"""Hooks of MkDocs: they make the reference from the code, and let links lead to pages."""

from __future__ import annotations

import _links
import _reference
from mkdocs.structure.files import File


def on_files(files, config):
    """Adds the generated pages and the published figures."""
    for path, text in _reference.pages(config["nav"]).items():
        files.append(File.generated(config, path, content=text))
    for path, file in _links.figures().items():
        files.append(File.generated(config, path, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Lets links to files of the repository lead to the pages that are made from them."""
    return _links.in_site(markdown, page.file.src_uri, _links.places(config["nav"]))
