"""Joined presets: what a preset takes of the rows that others have built (config key `joins`).

Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import registry, suite
from tangent_bench.store import places, replicates, yaml_files

if TYPE_CHECKING:
    import pandas as pd

FOLDER = suite.ROOT / "config"
# Keys that two presets must have in common for their rows to stand in one table: rows have no
# coordinates for them.
SHARED = (
    "tasks",
    "control",
    "heads",
    "probe",
    "method",
    "data",
    "training",
    "training_modes",
    "coefficients",
    "control_threshold",
    "bootstrap",
)

# Keys in which parts of one run differ.
OF_A_PART = ("preset", "results", "models", "seeds")


def presets(config: Mapping, folder: Path = FOLDER) -> list[dict]:
    """The complete configs of the presets that a config joins, in its order.

    Raises:
        ValueError: a name without a file, a preset that joins others itself, two that would be
            mixed up, or one whose rows are not there yet.
    """
    joined = [_complete(name, folder) for name in config["joins"]]
    for name, other in zip(config["joins"], joined, strict=True):
        _require_joinable(config, name, other, joined[0])
    if joined:
        _require_own_folders(config, joined)
    return joined


def _require_joinable(config: Mapping, name: str, other: Mapping, first: Mapping) -> None:
    """A joined preset joins none itself, agrees with the first, and has been built."""
    if other["joins"]:
        raise ValueError(
            f"Config: 'joins' names {name!r}, which joins others itself; name those that it joins."
        )
    for key in SHARED:
        if other[key] != first[key]:
            raise ValueError(
                f"Config: presets {config['joins'][0]!r} and {name!r} have different {key!r}, so "
                "that their rows are about different things; join presets that agree in it."
            )
    for file in (rows_of(other), replicates_of(other)):
        if not file.is_file():
            raise ValueError(
                f"Preset {config['preset']!r} joins the rows of {name!r}, but there is no "
                f"{file}: build it with `make reproduce PRESET={name}`."
            )


def _require_own_folders(config: Mapping, joined: Sequence[Mapping]) -> None:
    """No two presets build into one folder."""
    files = [rows_of(preset) for preset in (*joined, config)]
    for file in files:
        if files.count(file) > 1:
            raise ValueError(
                f"Config: two presets of {', '.join([*config['joins'], config['preset']])} build "
                f"into {file.parent}; a joined preset needs a folder `results` of its own."
            )


def are_parts(joined: Sequence[Mapping]) -> bool:
    """Whether presets are parts of one run: they differ in models and seeds, and in nothing else.

    Their rows together are those of a run with all of these.
    """
    rest = [{key: value for key, value in one.items() if key not in OF_A_PART} for one in joined]
    return bool(rest) and all(one == rest[0] for one in rest)


def rows_of(config: Mapping) -> Path:
    """The file with all rows of a preset."""
    return Path(places.at_home(config["results"])) / "rows.csv"


def replicates_of(config: Mapping) -> Path:
    """The file with the replicates that a preset's claims and tables stand on."""
    return rows_of(config).with_name(replicates.FILE)


def _complete(name: str, folder: Path) -> dict:
    file = folder / f"{name}.yaml"
    if not file.is_file():
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        hint = registry.did_you_mean(name, known)
        raise ValueError(
            f"Config: 'joins' names {name!r}, but config/ has only {', '.join(known)}.{hint}"
        )
    default = yaml_files.read(folder / "default.yaml")
    try:
        changes = yaml_files.read(file)
    except ValueError as sentence:
        raise ValueError(f"Config: 'joins' names {name!r}, but {sentence}") from None
    try:
        return _merged(default, changes)
    except TypeError as error:
        raise ValueError(
            f"Config: 'joins' names {name!r}, but {file} cannot be read as a config ({error})."
        ) from None


def _merged(default: Mapping, changes: Mapping) -> dict:
    """As Snakemake does: maps are merged, all else is replaced."""
    merged = {**default, **changes}
    for key, value in changes.items():
        if isinstance(value, dict) and key in default:
            merged[key] = _merged(default[key], value)
    return merged


def together(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of several presets; a row that is the same in every column is taken once.

    Raises:
        ValueError: two presets have different rows at the same coordinates.
    """
    import pandas as pd

    from tangent_bench.store.rows import COLUMNS, KEY

    parts = [rows.assign(preset=name) for name, rows in tables.items()]
    table = pd.concat(parts, ignore_index=True)
    table = table.drop_duplicates(list(COLUMNS), ignore_index=True)
    twice = table.duplicated(KEY, keep=False)
    if twice.any():
        raise ValueError(_conflict(table.loc[twice], KEY))
    return table.drop(columns="preset")


def _conflict(rows: pd.DataFrame, key: list[str]) -> str:
    """A sentence about rows that have coordinates of others, but other values."""
    first = rows.iloc[0]
    same = rows[key].eq(first[key]) | (rows[key].isna() & first[key].isna())
    rows = rows.loc[same.all(axis=1)]
    coordinates = [(name, first[name]) for name in key[1:]]
    # Of an empty coefficient the value is NaN, which does not equal itself.
    given = [f"{name}={value}" for name, value in coordinates if value != "" and value == value]
    return (
        f"Presets {' and '.join(map(repr, rows['preset']))} have different rows at the same "
        f"coordinates ({', '.join(given)}; values {', '.join(map(str, rows['value']))}): build "
        "them again with the same code and settings, or let one of them leave the experiment out."
    )
