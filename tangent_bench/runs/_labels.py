"""Titles and words of the reader's own: a language of the suite, and a file or map of labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import registry
from tangent_bench.figures import _entities, _words
from tangent_bench.store import yaml_files

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("modes", "tasks", "methods", "models")
WORDS = "words"
Labels = Mapping[str, Mapping[str, str]]


@contextmanager
def labelled(
    rows: pd.DataFrame,
    labels: Labels | str | Path | None,
    language: str,
    titles: Mapping[str, str],
) -> Iterator[None]:
    """Lets figures and tables have other titles and words, as a context.

    Args:
        rows: those that are shown.
        labels: modes, tasks, methods and models by their names, and words by the English ones; or
            the YAML file of such a map.
        language: "en", or a file of `figures/languages`.
        titles: of models, which labels may change.

    Raises:
        ValueError: there is no such language, or labels name what there is not.
    """
    own = read(labels, rows)
    spoken = _words.language(language)
    phrases = {**spoken.get(WORDS, {}), **own.get(WORDS, {})}
    decimal = spoken.get("decimal", ".")
    words = _words.Words(phrases, decimal, spoken.get("thousands", ","))
    of_language = {"tasks": spoken.get("tasks", {}), "models": titles}
    with _entities.titled(of_language), _entities.titled(own), _words.spoken(words):
        yield


def read(labels: Labels | str | Path | None, rows: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Returns labels, checked against the rows that they are about.

    Args:
        labels: a map, the file of one, or None for none.
        rows: those that are shown.

    Raises:
        ValueError: a kind or name that there is not, or a label that is no text.
    """
    if labels is None:
        return {}
    source = "The labels" if isinstance(labels, Mapping) else str(labels)
    given = labels if isinstance(labels, Mapping) else _of_file(Path(labels))
    found = {}
    for kind, names in given.items():
        if kind not in (*KINDS, WORDS):
            hint = registry.did_you_mean(str(kind), (*KINDS, WORDS))
            expected = ", ".join((*KINDS, WORDS))
            raise ValueError(f"{source}: unknown key {kind!r}; expected {expected}.{hint}")
        if not isinstance(names, Mapping):
            raise ValueError(f"{source}: {kind!r} holds {names!r}; expected name: title.")
        found[kind] = {str(name): _text(source, kind, name, names[name]) for name in names}
        if kind in KINDS:
            _require_known(source, kind, found[kind], rows)
    return found


def _of_file(file: Path) -> Mapping:
    """A file of labels; unlike one of a config, it must be there."""
    if not file.is_file():
        raise ValueError(
            f"There is no file of labels {file}; expected YAML, as "
            "'modes: {linear-tangent: Ours}'."
        )
    return yaml_files.read(file)


def _text(source: str, kind: str, name: str, title: object) -> str:
    if not isinstance(title, str):
        raise ValueError(f"{source}: the title of {kind}.{name} is {title!r}; expected a text.")
    return title


def _require_known(source: str, kind: str, names: Mapping[str, str], rows: pd.DataFrame) -> None:
    """A name stands in the rows, or is one of the suite's; others are slips of the pen."""
    known = _known(kind, rows)
    for name in names:
        if name not in known:
            hint = registry.did_you_mean(name, sorted(known))
            raise ValueError(
                f"{source}: there is no {name!r} among the {kind} of these rows or of the suite."
                f"{hint}"
            )


def _known(kind: str, rows: pd.DataFrame) -> set[str]:
    if kind == "modes":
        own = set(rows["training"] + "-" + rows["evaluation"])
        for training in registry.names("training"):
            own |= {f"{training}-network", f"{training}-tangent"}
        return own
    column = {"tasks": "task", "methods": "method", "models": "model"}[kind]
    return {*rows[column], *registry.names(kind)} - {""}
