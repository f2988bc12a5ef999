"""Indented lines of a module's docstring are shown as they stand; Google's sections are for functions and classes."""

from __future__ import annotations

import griffe
from _reference import prose


class ModuleProse(griffe.Extension):
    """What mkdocstrings asks when it has read a module."""

    def on_module_instance(self, *, mod, **rest):
        """Blank lines around what is indented, without which Markdown takes it for a part of the sentence."""
        if mod.docstring:
            mod.docstring.value = prose(mod.docstring.value)
