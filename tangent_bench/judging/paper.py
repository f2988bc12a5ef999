"""Printed numbers beside ours: `workflow/resources/paper.csv`, joined with result rows.

They are joined on their coordinates. Families of checkpoints (`protocol`) never meet in one
comparison: A is task_vectors' or a clean run of one's own, as ours are; B is tall_masks' of before
December 2024; C is FusionBench's.

Imports nothing heavy: the Snakefile is parsed with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tangent_bench import suite

if TYPE_CHECKING:
    import pandas as pd

FILE = suite.ROOT / "workflow/resources/paper.csv"
SCHEMA = suite.ROOT / "workflow/schemas/paper_rows.schema.yaml"
PAPER = "TTA"  # label of the paper itself among the sources
MODELS = ("vit_b_32", "vit_b_16", "vit_l_14")  # with printed numbers, and possible in a preset
TASKS = ("cars", "dtd", "eurosat", "gtsrb", "mnist_full", "resisc45", "sun397", "svhn")
CONTROL = "imagenet"
EXPERIMENTS = ("single_task", "task_addition", "task_negation")  # of the paper's tables
STATUSES = "VCRAG"  # from the best supported
DECIDING = "VCR"
MEASURED = "VR"
FAMILIES = {"own": "A"}  # protocol of result rows → family, where they differ
COORDINATES = (
    "experiment", "model", "protocol", "training", "evaluation", "method", "sources", "task",
    "split", "metric", "coefficient",
)  # fmt: skip
INSIDE = "inside"
REACHES = "outside, interval reaches it"
OUTSIDE = "outside"
UNDECIDED = "not decided"


@dataclass(frozen=True)
class PrintedNumber:
    """A printed number.

    Attributes:
        source: short label of who printed it.
        status: V, C, R, A or G; the schema explains them.
        value: a fraction.
        rounding: half a unit of the last digit that was printed, as a fraction.
        set_aside: why it may decide nothing whatever its status; "" for most.
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
        """The number as it was printed, in percent.

        >>> PrintedNumber("ORT", "R", 0.7539, 0.00005).percent
        '75.39'
        >>> PrintedNumber("TTA", "C", 0.24, 0.0005).percent
        '24.0'
        """
        num_decimals = round(-math.log10(200 * self.rounding))
        return f"{100 * self.value:.{num_decimals}f}"


@dataclass(frozen=True)
class Reproduction:
    """A number of ours, and what others printed at its coordinates.

    Attributes:
        where: the coordinates of ours, a line of `pooling.summarize`.
        low, high: its 95 % interval; NaN if there is none.
    """

    where: Mapping[str, Any]
    value: float
    low: float
    high: float
    prints: tuple[PrintedNumber, ...]

    @property
    def paper(self) -> PrintedNumber | None:
        """The paper's own number, the best supported if it has two."""
        return next((number for number in self.prints if number.source == PAPER), None)

    @property
    def others(self) -> list[PrintedNumber]:
        """What all others printed."""
        return [number for number in self.prints if number.source != PAPER]

    @cached_property
    def span(self) -> tuple[float, float] | None:
        """Smallest and largest number of the re-runs.

        Where nobody ran it again, those of the corroborated prints.
        """
        values = [number.value for number in self.deciding]
        return (min(values), max(values)) if values else None

    @cached_property
    def deciding(self) -> list[PrintedNumber]:
        """What the span runs over."""
        numbers = [number for number in self.prints if number.decides]
        return [number for number in numbers if number.status in MEASURED] or numbers

    @property
    def target(self) -> tuple[float, bool]:
        """The number that ours is compared with, and whether it may decide.

        It is the paper's number; without one the middle of the span, then the first print.
        """
        if self.paper:
            return self.paper.value, self.paper.decides
        if self.span:
            return sum(self.span) / 2, True
        return self.prints[0].value, False

    @property
    def difference(self) -> float:
        """Ours minus the target."""
        return self.value - self.target[0]

    @property
    def place(self) -> str:
        """Where ours lies; a printed number stands for all numbers that round to it."""
        if not self.deciding:
            return UNDECIDED
        low = min(number.value - number.rounding for number in self.deciding)
        high = max(number.value + number.rounding for number in self.deciding)
        if low - 1e-9 <= self.value <= high + 1e-9:
            return INSIDE
        return REACHES if self.low <= high and self.high >= low else OUTSIDE


def read(path: Path = FILE) -> pd.DataFrame:
    """Reads the printed numbers.

    `value` and its `rounding` are fractions, `coefficient` is a number or NaN.

    Raises:
        ValueError: a line does not obey the schema, or two lines have the same coordinates,
            source and table.
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
            column = ".".join(map(str, error.absolute_path)) or "columns"
            raise ValueError(
                f"{path}, line {number}: {column}: {error.message}; see {SCHEMA.name}."
            )
    duplicated = table.duplicated([*COORDINATES, "source", "table"]).to_numpy()
    if duplicated.any():
        place = int(duplicated.argmax())
        source = table["source"].to_numpy()[place]
        raise ValueError(
            f"{path}, line {place + 2}: {source} has another number at the same coordinates in "
            "the same table; keep one."
        )


def compare(
    rows: pd.DataFrame,
    out_of_scope: Sequence[Mapping[str, object]] = (),
    reference: pd.DataFrame | None = None,
) -> list[Reproduction]:
    """Joins our rows with the prints at their coordinates, in the order of the reference.

    Args:
        rows: result rows.
        out_of_scope: coordinates (or source, table) of reference lines that need no counterpart.
            They excuse absence only: a counterpart that exists is compared.
        reference: the table of `read`.

    Raises:
        ValueError: a reference line of a model and family of these rows has no counterpart, or an
            entry of `out_of_scope` fits no line.
    """
    reference = read() if reference is None else reference
    prints = _prints(reference)
    ours = _ours(rows)
    _require_counterparts(reference, ours, out_of_scope)
    return [_reproduction(line, prints[key]) for key in prints for line in ours.get(key, ())]


def _reproduction(line: Mapping[str, Any], prints: tuple[PrintedNumber, ...]) -> Reproduction:
    return Reproduction(line, float(line["value"]), float(line["low"]), float(line["high"]), prints)


def _key(line: Mapping[str, Any]) -> tuple:
    """Returns the coordinates by which lines meet.

    A selected coefficient is no coordinate, and sums have no order.
    """
    tuned = line["metric"].endswith("_tuned") or math.isnan(line["coefficient"])
    changed = {
        "protocol": FAMILIES.get(line["protocol"], line["protocol"]),
        "sources": "+".join(sorted(line["sources"].split("+"))),
        "coefficient": None if tuned else round(float(line["coefficient"]), 9),
    }
    return tuple(changed.get(name, line[name]) for name in COORDINATES)


def _prints(reference: pd.DataFrame) -> dict[tuple, tuple[PrintedNumber, ...]]:
    """Returns the prints at each coordinate: the paper first, then by status.

    A number that one source prints in two tables counts once.
    """
    prints: dict[tuple, list[PrintedNumber]] = {}
    for line in reference.to_dict("records"):
        number = PrintedNumber(
            line["source"], line["status"], line["value"], line["rounding"], line["set_aside"]
        )
        prints.setdefault(_key(line), []).append(number)
    return {key: _once(numbers) for key, numbers in prints.items()}


def _once(prints: Iterable[PrintedNumber]) -> tuple[PrintedNumber, ...]:
    ordered = sorted(prints, key=_support)
    best = {(number.source, number.value): number for number in ordered[::-1]}
    return tuple(best.values())[::-1]


def _support(number: PrintedNumber) -> tuple[bool, bool, int]:
    return number.source != PAPER, bool(number.set_aside), STATUSES.index(number.status)


def _ours(rows: pd.DataFrame) -> dict[tuple, list[dict[str, Any]]]:
    """Returns our lines by coordinates: pre-trained, means over seeds.

    There are several where protocols share a family. Zero-shot lines depend on no checkpoint: they
    belong to every protocol that their model's vectors have.
    """
    from tangent_bench.judging.pooling import summarize

    own = (rows["init"] == "pretrained") & (rows["params_id"] == "") & rows["model"].isin(MODELS)
    rows = rows.loc[own]
    trained = rows.loc[(rows["training"] != "none") & rows["experiment"].isin(EXPERIMENTS)]
    protocols = trained.groupby("model")["protocol"].unique().to_dict()
    lines: dict[tuple, list[dict[str, Any]]] = {}
    for line in summarize(_about_the_same(rows)).to_dict("records"):
        shared = [line["protocol"]]
        if line["training"] == "none":
            shared = protocols.get(line["model"], shared)
        for protocol in shared:
            ours = {**line, "protocol": protocol}
            lines.setdefault(_key(ours), []).append(ours)
    return lines


def _about_the_same(rows: pd.DataFrame) -> pd.DataFrame:
    """Leaves out means over other tasks, and negation beside another control.

    Their coordinates say neither which tasks nor which control.
    """
    tasks = set(rows.loc[rows["experiment"] == "single_task", "task"]) - {"all", "own", CONTROL}
    if CONTROL not in set(rows["task"]):
        rows = rows.loc[rows["experiment"] != "task_negation"]
    mean = rows["task"].isin(["all", "own"]) | (rows["sources"] == "each")
    return rows.loc[~mean | (tasks == set(TASKS))]


def _require_counterparts(
    reference: pd.DataFrame,
    ours: Mapping[tuple, object],
    out_of_scope: Sequence[Mapping[str, object]],
) -> None:
    import pandas as pd

    present = {(key[1], key[2]) for key in ours}
    keys = map(_key, reference.to_dict("records"))
    absent = [(key[1], key[2]) in present and key not in ours for key in keys]
    excused = _excused(reference, out_of_scope)
    missing = reference.loc[~excused & pd.Series(absent, index=reference.index)]
    if missing.empty:
        return
    groups = _groups(missing)
    more = f" and {len(groups) - 4} more such groups" if len(groups) > 4 else ""
    raise ValueError(
        f"{len(missing)} lines of {FILE.name} about {', '.join(missing['model'].unique())} have "
        f"no counterpart in the rows: {', '.join(groups[:4])}{more}; run what is missing "
        f"(experiments, modes, the eight tasks with control {CONTROL}), or name it under "
        "`reference.out_of_scope` in the config."
    )


def _groups(missing: pd.DataFrame) -> list[str]:
    """Describes lines of the reference in groups, each with its number of lines."""
    names = ["experiment", "training", "evaluation", "split", "metric"]
    counts: dict[str, int] = {}
    for line in missing.loc[:, names].to_dict("records"):
        words = ", ".join(f"{name}: {value}" for name, value in line.items())
        counts[words] = counts.get(words, 0) + 1
    return [f"{{{words}}} ({count})" for words, count in counts.items()]


def _excused(reference: pd.DataFrame, out_of_scope: Sequence[Mapping[str, object]]) -> pd.Series:
    """Returns whether an entry of `out_of_scope` fits, for each line of the reference."""
    import pandas as pd

    excused = pd.Series(False, index=reference.index)
    for entry in out_of_scope:
        hit = pd.Series(True, index=reference.index)
        for name, value in entry.items():
            hit &= reference[name] == value
        if not hit.any():
            raise ValueError(
                f"Config: the entry {dict(entry)} of `reference.out_of_scope` fits no line of "
                f"{FILE.name}; correct it, or take it out."
            )
        excused |= hit
    return excused
