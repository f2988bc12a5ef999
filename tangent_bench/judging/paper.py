"""Printed numbers beside ours: `workflow/resources/paper.csv`, merged with result rows on their coordinates.

Families of checkpoints (`protocol`) never meet in one comparison: A is task_vectors' or a clean run of one's own, as
ours are, B tall_masks' of before December 2024, C FusionBench's.
Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tangent_bench import suite

if TYPE_CHECKING:
    import pandas as pd

FILE = suite.ROOT / "workflow/resources/paper.csv"
SCHEMA = suite.ROOT / "workflow/schemas/paper_rows.schema.yaml"
PAPER = "TTA"  # label of the paper itself among the sources
MODELS = (
    "vit_b_32",
    "vit_b_16",
    "vit_l_14",
)  # those that it has numbers of and that a preset can have
TASKS = ("cars", "dtd", "eurosat", "gtsrb", "mnist_full", "resisc45", "sun397", "svhn")
CONTROL = "imagenet"
EXPERIMENTS = ("single_task", "task_addition", "task_negation")  # of the paper's tables
STATUSES = "VCRAG"  # from the best supported
DECIDING, MEASURED = "VCR", "VR"
FAMILIES = {"own": "A"}  # protocol of result rows → family, where they differ
COORDINATES = (
    "experiment", "model", "protocol", "training", "evaluation", "method", "sources", "task", "split", "metric",
    "coefficient",
)  # fmt: skip
INSIDE, REACHES, OUTSIDE, UNDECIDED = (
    "inside",
    "outside, interval reaches it",
    "outside",
    "not decided",
)


@dataclass(frozen=True)
class Print:
    """A printed number.

    Attributes:
        source: short label of who printed it.
        status: V, C, R, A or G; see the schema.
        value: a fraction.
        rounding: half a unit of the last digit that was printed, as a fraction.
        set_aside: why it may decide nothing whatever its status, "" for most.
    """

    source: str
    status: str
    value: float
    rounding: float
    set_aside: str = ""

    @property
    def decides(self) -> bool:
        """Whether its status lets it decide, and nothing set it aside."""
        return self.status in DECIDING and not self.set_aside

    @property
    def percent(self) -> str:
        """As it was printed, in percent.

        >>> Print("ORT", "R", 0.7539, 0.00005).percent, Print("TTA", "C", 0.24, 0.0005).percent
        ('75.39', '24.0')
        """
        return f"{100 * self.value:.{round(-math.log10(200 * self.rounding))}f}"


@dataclass(frozen=True)
class Comparison:
    """A number of ours, its 95 % interval (NaN if none), and what others printed at its coordinates."""

    where: Mapping[str, object]
    value: float
    low: float
    high: float
    prints: tuple[Print, ...]

    @property
    def paper(self) -> Print | None:
        """The paper's own number, the best supported if it has two."""
        return next((each for each in self.prints if each.source == PAPER), None)

    @property
    def others(self) -> list[Print]:
        """What all others printed."""
        return [each for each in self.prints if each.source != PAPER]

    @cached_property
    def span(self) -> tuple[float, float] | None:
        """Smallest and largest number of the re-runs, or of corroborated prints where nobody re-ran it."""
        values = [each.value for each in self.deciding]
        return (min(values), max(values)) if values else None

    @cached_property
    def deciding(self) -> list[Print]:
        """What the span runs over."""
        may = [each for each in self.prints if each.decides]
        return [each for each in may if each.status in MEASURED] or may

    @property
    def target(self) -> tuple[float, bool] | None:
        """What the difference is to, and whether it may decide: the paper's number, else the middle of the span."""
        if self.paper:
            return self.paper.value, self.paper.decides
        if self.span:
            return sum(self.span) / 2, True
        return (self.prints[0].value, False) if self.prints else None

    @property
    def difference(self) -> float:
        """Ours minus the target."""
        return self.value - self.target[0]

    @property
    def place(self) -> str:
        """Where ours lies; a printed number stands for all that round to it."""
        if not self.deciding:
            return UNDECIDED
        low = min(each.value - each.rounding for each in self.deciding)
        high = max(each.value + each.rounding for each in self.deciding)
        if low - 1e-9 <= self.value <= high + 1e-9:
            return INSIDE
        return REACHES if self.low <= high and self.high >= low else OUTSIDE


def read(path: Path = FILE) -> pd.DataFrame:
    """The reference: `value` and its `rounding` as fractions, `coefficient` a number or NaN.

    Raises:
        ValueError: a line does not obey the schema, or two have the same coordinates, source and table.
    """
    import pandas as pd

    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    _check(table, path)
    decimals = table["value"].str.partition(".")[2].str.len()
    return table.assign(
        value=table["value"].astype(float) / 100,
        rounding=0.5 * 10.0 ** -(decimals + 2),
        coefficient=pd.to_numeric(table["coefficient"]),
    )


def _check(table: pd.DataFrame, path: Path) -> None:
    import yaml
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(yaml.safe_load(SCHEMA.read_text(encoding="utf-8")))
    for number, line in enumerate(table.to_dict("records"), start=2):
        error = next(validator.iter_errors(line), None)
        if error:
            where = ".".join(map(str, error.absolute_path)) or "columns"
            raise ValueError(f"{path}, line {number}: {where}: {error.message}; see {SCHEMA.name}.")
    twice = table.duplicated([*COORDINATES, "source", "table"])
    if twice.any():
        raise ValueError(
            f"{path}, line {twice.idxmax() + 2}: {table.loc[twice.idxmax(), 'source']} has another number at the same "
            "coordinates in the same table; keep one."
        )


def compare(
    rows: pd.DataFrame,
    out_of_scope: Sequence[Mapping[str, object]] = (),
    reference: pd.DataFrame | None = None,
) -> list[Comparison]:
    """Our rows with the prints at their coordinates, in the order of the reference.

    Args:
        rows: result rows.
        out_of_scope: coordinates (or source, table) of reference lines that need no counterpart. This excuses
            absence only: what is there is compared.
        reference: what `read` gives.

    Raises:
        ValueError: a reference line of a model and family of these rows has no counterpart, or an entry of
            `out_of_scope` fits no line.
    """
    reference = read() if reference is None else reference
    prints, ours = _prints(reference), _ours(rows)
    _require_counterparts(reference, ours, out_of_scope)
    found = [(key, line) for key in prints for line in ours.get(key, ())]
    return [
        Comparison(line, float(line["value"]), float(line["low"]), float(line["high"]), prints[key])
        for key, line in found
    ]


def _key(line: Mapping[str, object]) -> tuple:
    """Coordinates by which lines meet: a selected coefficient is none, and sums have no order."""
    tuned = line["metric"].endswith("_tuned") or line["coefficient"] != line["coefficient"]
    changed = {
        "protocol": FAMILIES.get(line["protocol"], line["protocol"]),
        "sources": "+".join(sorted(line["sources"].split("+"))),
        "coefficient": None if tuned else round(float(line["coefficient"]), 9),
    }
    return tuple(changed.get(name, line[name]) for name in COORDINATES)


def _prints(reference: pd.DataFrame) -> dict[tuple, tuple[Print, ...]]:
    """Prints at each coordinate: the paper first, then by status; one that stands in two tables counts once."""
    found: dict[tuple, list[Print]] = {}
    for line in reference.to_dict("records"):
        made = Print(
            line["source"], line["status"], line["value"], line["rounding"], line["set_aside"]
        )
        found.setdefault(_key(line), []).append(made)
    return {key: tuple(_once(prints)) for key, prints in found.items()}


def _once(prints: Iterable[Print]) -> list[Print]:
    ordered = sorted(
        prints, key=lambda p: (p.source != PAPER, bool(p.set_aside), STATUSES.index(p.status))
    )
    return list({(p.source, p.value): p for p in reversed(ordered)}.values())[::-1]


def _ours(rows: pd.DataFrame) -> dict[tuple, list[dict]]:
    """Our lines by coordinates: pre-trained, over seeds; several where protocols share a family.

    Zero-shot lines stand on no checkpoint: they belong to every protocol that their model's vectors have.
    """
    from tangent_bench.judging.pooling import summarize

    rows = rows[
        (rows["init"] == "pretrained") & (rows["params_id"] == "") & rows["model"].isin(MODELS)
    ]
    trained = rows[(rows["training"] != "none") & rows["experiment"].isin(EXPERIMENTS)]
    protocols = trained.groupby("model")["protocol"].unique().to_dict()
    found: dict[tuple, list[dict]] = {}
    for line in summarize(_about_the_same(rows)).to_dict("records"):
        own = [line["protocol"]]
        for protocol in protocols.get(line["model"], own) if line["training"] == "none" else own:
            at = line | {"protocol": protocol}
            found.setdefault(_key(at), []).append(at)
    return found


def _about_the_same(rows: pd.DataFrame) -> pd.DataFrame:
    """Without means over other tasks and negation beside another control: their coordinates say neither."""
    tasks = set(rows.loc[rows["experiment"] == "single_task", "task"]) - {"all", "own", CONTROL}
    if CONTROL not in set(rows["task"]):
        rows = rows[rows["experiment"] != "task_negation"]
    mean = rows["task"].isin(["all", "own"]) | (rows["sources"] == "each")
    return rows[~mean | (tasks == set(TASKS))]


def _require_counterparts(
    reference: pd.DataFrame, ours: Mapping[tuple, object], out_of_scope: Sequence
) -> None:
    import pandas as pd

    present = {(key[1], key[2]) for key in ours}
    keys = map(_key, reference.to_dict("records"))
    absent = [(key[1], key[2]) in present and key not in ours for key in keys]
    missing = reference[
        ~_excused(reference, out_of_scope) & pd.Series(absent, index=reference.index)
    ]
    if missing.empty:
        return
    names = ["experiment", "training", "evaluation", "split", "metric"]
    groups = missing.groupby(names, sort=False).size()
    shown = [
        f"{{{', '.join(f'{name}: {word}' for name, word in zip(names, group, strict=True))}}} ({number})"
        for group, number in groups.items()
    ]
    more = f" and {len(shown) - 4} more such groups" if len(shown) > 4 else ""
    raise ValueError(
        f"{len(missing)} lines of {FILE.name} about {', '.join(missing['model'].unique())} have no counterpart in the "
        f"rows: {', '.join(shown[:4])}{more}; run what is missing (experiments, modes, the eight tasks with control "
        f"{CONTROL}), or name it under `reference.out_of_scope` in the config."
    )


def _excused(reference: pd.DataFrame, out_of_scope: Sequence[Mapping[str, object]]) -> pd.Series:
    import pandas as pd

    excused = pd.Series(False, index=reference.index)
    for entry in out_of_scope:
        hit = pd.Series(True, index=reference.index)
        for name, value in entry.items():
            hit &= reference[name] == value
        if not hit.any():
            raise ValueError(
                f"Config: the entry {dict(entry)} of `reference.out_of_scope` fits no line of {FILE.name}; correct it, "
                "or take it out."
            )
        excused |= hit
    return excused
