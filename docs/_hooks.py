"""What MkDocs does beside the pages that are written: it makes the reference from the code, and fills in published
numbers.
"""

from __future__ import annotations

import _published
import _reference
from mkdocs.structure.files import File


def on_files(files, config):
    """Pages that no one writes, and the published figures."""
    for path, text in _reference.pages(config["nav"]).items():
        files.append(File.generated(config, path, content=text))
    for path, file in _published.figures().items():
        files.append(File.generated(config, path, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown, page, config, files):
    """Marks of published tables and numbers become what they name, and pictures are those that the site holds."""
    return _published.filled(markdown).replace("../results/published/", "published/")
