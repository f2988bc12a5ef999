"""Snakemake's memory of results that were copied without it.

Snakemake remembers in `.snakemake` how it made a file. Of a results folder that comes alone, from
another clone or machine, it knows nothing, and would go by dates. But each job left a record in the
folder (`provenance.job`), with its params, among them the digest of its code, and the sha256 of
what it read and made. So the memory is written anew from the records, for Snakemake to compare with
the code and config of today: what differs is made again, and nothing else.
"""

from __future__ import annotations

import json
import logging
import os
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from tangent_bench.jobs import provenance

MEMORY = Path(".snakemake/metadata")
FORMAT = 6  # of Snakemake's memory of a file
# Params that no job has, so that Snakemake makes the files of a job again.
_OTHER = ["'other files than the record of the job has'"]


def adopt(folder: Path) -> None:
    """Give Snakemake a memory of a results folder of which it has none.

    Dates are put into the order of the jobs, for inputs that are too large for Snakemake to compare
    by content. A file that is not that of its record is made again. Where Snakemake remembers any
    job of the folder, nothing is done.

    Args:
        folder: of results, named as in the records, from the folder with the Snakefile.

    Raises:
        ValueError: a record is damaged.
    """
    records = []
    flaws = []
    for file in sorted(folder.rglob("logs/**/*.json")):
        try:
            record = provenance.read_record(file)
            present = [path for path in record["outputs"] if Path(path).exists()]
        except (ValueError, KeyError, TypeError) as error:
            flaws.append(f"{file} ({error})")
            continue
        if any(_place(path).exists() for path in present):
            return
        records.append((file, record, present))
    jobs = [record for _, record, present in records if present]
    if flaws:
        raise ValueError(
            f"{folder} came without Snakemake's memory of it, and a record that would replace it "
            f"is damaged: {flaws[0]}. Copy the folder once more, or `.snakemake` along with it."
        )
    if jobs:
        _take_over(folder, jobs)
    elif records:
        logging.warning(
            "%s was built under another name (%s), so that its files are judged by their dates; "
            "give it that name again, or delete it.",
            folder,
            next(iter(records[0][1]["outputs"]), "unknown"),
        )


def _take_over(folder: Path, records: list[dict]) -> None:
    logging.warning(
        "%s came without Snakemake's memory of it (.snakemake): the files of %d jobs are compared "
        "with their records.",
        folder,
        len(records),
    )
    # Without it Snakemake takes the memory for one of an older version, and says so.
    (MEMORY.parent / "incomplete").mkdir(parents=True, exist_ok=True)
    digest = cache(provenance.sha256)
    made = {path for record in records for path in record["outputs"]}
    others = []
    for record in sorted(records, key=lambda record: record["started"]):
        other = next(_others(record, made, digest), None)
        if other:
            others.append(other)
        _remember(record, _OTHER if other else record["remembered"])
        if not other:
            _put_last(record["outputs"])
    if others:
        logging.warning(
            "%d of these jobs run again, since there are other files than their records have, or "
            "records of an older release; the first is %s.",
            len(others),
            others[0],
        )


def _others(record: Mapping, made: set[str], digest: Callable[[str], str]) -> Iterator[str]:
    """Files of a job that are not those of its record; one without params is of an older release.

    An input that another job made is looked at there.
    """
    if "remembered" not in record:
        yield next(iter(record["outputs"]))
    given = {path: of for path, of in record["inputs"].items() if path not in made}
    for path, expected in (given | record["outputs"]).items():
        if Path(path).exists() and digest(path) != expected:
            yield path


def _remember(record: Mapping, params: list[str]) -> None:
    """Write what Snakemake would have written when the job ended."""
    memory = {
        "rule": record["rule"],
        "input": sorted(record["inputs"]),
        "params": params,
        "record_format_version": FORMAT,
        "incomplete": False,
        "starttime": record["started"],
        "endtime": record["started"] + record["seconds"],
        "input_checksums": {path: f"sha256:{of}" for path, of in record["inputs"].items()},
    }
    for path in record["outputs"]:
        place = _place(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(memory), encoding="utf-8")


def _put_last(paths: Mapping[str, str]) -> None:
    """Make files the youngest."""
    for path in paths:
        if Path(path).exists():
            os.utime(path)


def _place(path: str) -> Path:
    """Where Snakemake's memory of a file is; names that are too long are folders of parts."""
    name = urlsafe_b64encode(path.encode()).decode()
    length = (os.pathconf(Path(), "PC_NAME_MAX") or 255) - 1
    parts = [name[start : start + length] for start in range(0, len(name), length)]
    return MEMORY.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
