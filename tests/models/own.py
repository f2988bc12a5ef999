"""Towers of the pages on models of one's own and on texts, where a package would be."""

from __future__ import annotations

from pathlib import Path

from tests.pages import blocks

PAGE = "docs/how-to/your-own-model.md"


def code(name: str, page: str = PAGE) -> str:
    """The Python of a page that has `architecture="<name>"`."""
    (found,) = [
        block
        for block in blocks()
        if (block.page, block.language) == (page, "python")
        and f'architecture="{name}"' in block.text
    ]
    return found.text


def install(folder: Path, module: str, text: str) -> None:
    """Put a module into a folder of Python's path, and beside it what pip leaves of a package.

    Args:
        folder: that Python looks into.
        module: name of the module, and of its entry point.
        text: of the module.
    """
    (folder / f"{module}.py").write_text(text, encoding="utf-8")
    about = folder / f"{module}-0.1.dist-info"
    about.mkdir()
    package = module.replace("_", "-")
    metadata = f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.1\n"
    (about / "METADATA").write_text(metadata, encoding="utf-8")
    points = f"[tangent_bench.models]\n{module} = {module}\n"
    (about / "entry_points.txt").write_text(points, encoding="utf-8")
