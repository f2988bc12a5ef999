"""Joined presets: what a preset takes of the rows that others have built (config key `joins`).

Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tangent_bench import registry, suite

if TYPE_CHECKING:
    import pandas as pd

FOLDER = suite.ROOT / "config"
# What two presets must have in common for their rows to stand in one table: these are no coordinates of a row.
SHARED = "tasks", "control", "method", "data", "training", "training_modes"
SHARED += "coefficients", "control_threshold", "bootstrap"


def presets(config: Mapping, folder: Path = FOLDER) -> list[dict]:
    """The complete configs of the presets that a config joins, in its order.

    Raises:
        ValueError: a name without a file, a preset that joins others itself, two that would be mixed up, or one whose
            rows are not there yet.
    """
    joined = [_complete(name, folder) for name in config["joins"]]
    for name, other in zip(config["joins"], joined, strict=True):
        if other["joins"]:
            raise ValueError(
                f"Config: 'joins' names {name!r}, which joins others itself; name those that it joins."
            )
        odd = next((key for key in SHARED if other[key] != joined[0][key]), None)
        if odd:
            raise ValueError(
                f"Config: presets {config['joins'][0]!r} and {name!r} have different {odd!r}, so that their rows are "
                "about different things; join presets that agree in it."
            )
        if not rows_of(other).is_file():
            raise ValueError(
                f"Preset {config['preset']!r} joins the rows of {name!r}, but there is no {rows_of(other)}: build it "
                f"with `make reproduce PRESET={name}`."
            )
    folders = [rows_of(each) for each in [*joined, config]]
    twice = next((path for path in folders if folders.count(path) > 1), None)
    if joined and twice:
        raise ValueError(
            f"Config: two presets of {', '.join([*config['joins'], config['preset']])} build into {twice.parent}; a "
            "joined preset needs a folder `results` of its own."
        )
    return joined


def rows_of(config: Mapping) -> Path:
    """The file with all rows of a preset."""
    return Path(config["results"]) / "rows.csv"


def _complete(name: str, folder: Path) -> dict:
    file, known = folder / f"{name}.yaml", sorted(f.stem for f in folder.glob("*.yaml"))
    if not file.is_file():
        hint = registry.did_you_mean(name, known)
        raise ValueError(
            f"Config: 'joins' names {name!r}, but config/ has only {', '.join(known)}.{hint}"
        )
    default = yaml.safe_load((folder / "default.yaml").read_text(encoding="utf-8"))
    try:
        changes = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
        return _merged(default, changes)
    except (OSError, ValueError, AttributeError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(
            f"Config: 'joins' names {name!r}, but {file} cannot be read as a config ({' '.join(str(error).split())})."
        ) from None


def _merged(default: Mapping, changes: Mapping) -> dict:
    """As Snakemake does: maps are merged, all else is replaced."""
    both = {
        k: _merged(default[k], v)
        for k, v in changes.items()
        if isinstance(v, dict) and k in default
    }
    return {**default, **changes, **both}


def together(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of several presets; one that is the same in every column is taken once.

    Raises:
        ValueError: two presets have different rows at the same coordinates.
    """
    import pandas as pd

    from tangent_bench.store.rows import COLUMNS, KEY

    table = pd.concat(
        [rows.assign(preset=name) for name, rows in tables.items()], ignore_index=True
    )
    table = table.drop_duplicates(list(COLUMNS), ignore_index=True)
    twice = table.duplicated(KEY, keep=False)
    if twice.any():
        first = table[twice].iloc[0]
        same = table[
            twice & (table[KEY].eq(first[KEY]) | table[KEY].isna() & first[KEY].isna()).all(axis=1)
        ]
        where = ", ".join(
            f"{key}={first[key]}"
            for key in KEY[1:]
            if first[key] != "" and first[key] == first[key]
        )
        raise ValueError(
            f"Presets {' and '.join(map(repr, same['preset']))} have different rows at the same coordinates ({where}; "
            f"values {', '.join(map(str, same['value']))}): build them again with the same code and settings, or let "
            "one of them leave the experiment out."
        )
    return table.drop(columns="preset")
