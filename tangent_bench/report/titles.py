"""What methods and places are called wherever they are printed.

A mode has the title that tables and figures have, and behind it in brackets what a config calls it.
"""

from __future__ import annotations

from pathlib import Path

from tangent_bench import merging
from tangent_bench.figures._entities import mode as look
from tangent_bench.jobs import provenance
from tangent_bench.judging.outcomes import ADDITION, Place
from tangent_bench.merging import Merger
from tangent_bench.store.layout import Mode


def settings(merger: Merger) -> str:
    """The hyper-parameters of a method that are not the defaults, as --set takes them.

    >>> settings(merging.find("ties", {"keep": 0.1})), settings(merging.find("ties"))
    ('keep=0.1', '')
    """
    texts = []
    for key, value in merger.changed.items():
        text = str(value).lower() if isinstance(value, bool) else f"{value:g}"
        texts.append(f"{key.rpartition('.')[2]}={text}")
    return ", ".join(texts)


def titled(merger: Merger) -> str:
    """A method's title with its hyper-parameters that are not defaults: "TIES (keep=0.1)"."""
    return _with(merger.title, settings(merger))


def named(merger: Merger) -> str:
    """A method's name with its hyper-parameters that are not defaults: "ties (keep=0.1)"."""
    return _with(merger.name, settings(merger))


def _with(name: str, settings: str) -> str:
    return f"{name} ({settings})" if settings else name


def of_label(results: Path, label: str) -> str:
    """The name of a method that has outcomes, with its hyper-parameters.

    A label has an id in their place; the records of the method's jobs say what it stands for. Where
    there is none, or the method is not here, it is the label.

    Args:
        results: the folder of the outcomes.
        label: as `Merger.label` makes it.
    """
    for record in (results / "logs/run_method").glob(f"{ADDITION}.*.{label}.*.json"):
        try:
            merger = merging.find(**provenance.read_record(record)["params"]["method"])
        except (ValueError, KeyError, TypeError, OSError):
            continue
        if merger.label == label:
            return named(merger)
    return label


def place_title(place: Place) -> str:
    """A place with its mode's title.

    >>> place_title(Place("tiny", "pretrained", "linear-tangent"))
    'tiny, Linear FT (linear-tangent)'
    >>> place_title(Place("tiny", "random", "standard-network"))
    'tiny (random), Non-lin. FT (standard-network)'
    """
    return f"{str(place).removesuffix(place.mode)}{mode_title(place.mode)}"


def mode_title(name: str) -> str:
    """A mode as tables have it, and as a config has it.

    >>> mode_title("standard-tangent")
    'Post-hoc lin. (standard-tangent)'
    """
    mode = Mode.parse(name)
    return f"{look(mode.training, mode.evaluation).title} ({name})"
