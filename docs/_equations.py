"""Equations of pages: shown as such, and not as code with a button that copies it."""

from __future__ import annotations

import re
from html import escape

_BLOCK = re.compile(r"(?<=\n\n)(?: {4,}\S.*\n|\n(?= {4}\S))+")
_COMMAND = re.compile(r" {4}(?:make|tangent-bench|snakemake|\.venv/)")


def shown(text: str) -> str:
    """The text of a page with its indented equations as HTML.

    An equation is an indented block whose first line has "=", and is no command.

    >>> shown("So\\n\\n    a = b < c\\n\\nholds.\\n")
    'So\\n\\n<pre class="equation" tabindex="0">a = b &lt; c</pre>\\n\\nholds.\\n'
    """
    return _BLOCK.sub(_equation, text)


def _equation(found: re.Match[str]) -> str:
    lines = found[0].splitlines()
    if "=" not in lines[0] or _COMMAND.match(lines[0]):
        return found[0]
    rows = [escape(line[4:].rstrip(), quote=False) for line in lines]
    return f'<pre class="equation" tabindex="0">{chr(10).join(rows).rstrip()}</pre>\n'
