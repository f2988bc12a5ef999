"""Shows indented lines of a module's docstring as they stand.

Google's sections are for functions and classes only.
"""

from __future__ import annotations

import griffe
from _reference import prose


class ModuleProse(griffe.Extension):
    """The extension that mkdocstrings calls when it has read a module."""

    def on_module_instance(self, *, mod, **rest):
        """Puts blank lines around indented lines, which Markdown would take for prose."""
        if mod.docstring:
            mod.docstring.value = prose(mod.docstring.value)
