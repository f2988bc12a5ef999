"""Names that a shell completes."""

from __future__ import annotations

from collections.abc import Iterable

from tangent_bench import catalogue


def kinds(incomplete: str) -> list[str]:
    """Kinds that begin as what is typed; so of presets, methods and all names below."""
    return _completed(catalogue.KINDS, incomplete)


def presets(incomplete: str) -> list[str]:
    return _completed(catalogue.names("presets"), incomplete)


def methods(incomplete: str) -> list[str]:
    """Methods, the last one in a chain, as "lines+ti"."""
    before, plus, last = incomplete.rpartition("+")
    return [f"{before}{plus}{name}" for name in _completed(catalogue.names("methods"), last)]


def everything(incomplete: str) -> list[str]:
    found = set(methods(incomplete))
    for kind in catalogue.KINDS:
        found.update(_completed(catalogue.names(kind), incomplete))
    return sorted(found)


def _completed(known: Iterable[str], incomplete: str) -> list[str]:
    return [name for name in known if name.startswith(incomplete)]
