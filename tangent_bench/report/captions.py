"""Captions in reStructuredText, made HTML by docutils."""

from __future__ import annotations

import re

from docutils import nodes
from docutils.core import publish_parts
from docutils.utils import SystemMessage
from docutils.writers import html5_polyglot
from markupsafe import Markup

_WARNING = 2  # docutils' level of a mistake in the mark-up
_SETTINGS = {
    "_disable_config": True,  # no docutils.conf of the user's
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "halt_level": _WARNING,
    "warning_stream": False,  # the exception says it; nothing goes to stderr
}


class _Translator(html5_polyglot.HTMLTranslator):
    """Writes ``literals`` as <code> elements."""

    def visit_literal(self, node: nodes.literal) -> None:
        self.body.append(f"<code>{self.encode(node.astext())}</code>")
        raise nodes.SkipNode


class _Writer(html5_polyglot.Writer):
    def __init__(self) -> None:
        super().__init__()
        self.translator_class = _Translator


def html(text: str) -> Markup:
    """The paragraphs of a caption.

    >>> print(html("*Norm.* at ``α`` < **1** is α*."))
    <p><em>Norm.</em> at <code>α</code> &lt; <strong>1</strong> is α*.</p>

    Args:
        text: the caption in reStructuredText.

    Raises:
        ValueError: the mark-up has a mistake, or asks for a file or raw HTML.
    """
    try:
        parts = publish_parts(text, writer=_Writer(), settings_overrides=_SETTINGS)
    except SystemMessage as error:
        raise ValueError(f"The caption {text[:40]!r}... is not reStructuredText: {error}") from None
    return Markup(parts.get("fragment", "").strip())  # noqa: S704


def first_sentence(caption: Markup) -> str:
    """The text up to the first full stop or colon, to describe an image.

    Args:
        caption: the caption as `html` makes it.
    """
    return re.split(r"(?<=[.:]) ", caption.striptags(), maxsplit=1)[0]
