"""The ratios of `make bench` as a table: `python -m tests.benchmarks.table bench.json table.csv`.

What was measured on another machine or at other times stays in the table until it is measured
again.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

from tangent_bench.store.artefacts import write_text

COLUMNS = ("benchmark", "ratio", "reach", "bound", "seconds", "rounds", "processor", "commit")


def lines(report: dict) -> dict[str, dict]:
    """Name of a benchmark → its line, from pytest-benchmark's JSON."""
    machine, commit = (
        report["machine_info"]["cpu"].get("brand_raw", "unknown"),
        report["commit_info"].get("id", ""),
    )
    found = {}
    for entry in report["benchmarks"]:
        about = entry["extra_info"]
        if "ratio" not in about:
            continue
        found[entry["name"]] = {
            "benchmark": entry["name"],
            "ratio": f"{float(format(about['ratio'], '.3g')):g}",  # 3360, not 3.36e+03
            "reach": ("≤ " if about["most"] else "≥ ") + f"{about['reach']:g}",
            "bound": "" if about["bound"] is None else f"{about['bound']:g}",
            # of a single round nothing was timed: the ratio is one of bytes
            "seconds": f"{entry['stats']['median']:.3g}" if entry["stats"]["rounds"] > 1 else "",
            "rounds": entry["stats"]["rounds"],
            "processor": machine,
            "commit": commit[:12],
        }
    return found


def main(report: Path, table: Path) -> None:
    """Bring the table up to date and print it."""
    old = {}
    if table.is_file():
        with table.open(encoding="utf-8", newline="") as file:
            old = {line["benchmark"]: line for line in csv.DictReader(file)}
    merged = old | lines(json.loads(report.read_text(encoding="utf-8")))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(merged[name] for name in sorted(merged))
    write_text(table, text.getvalue())
    for name in sorted(merged):
        print(f"{name:70s} {merged[name]['ratio']:>8s}   {merged[name]['reach']}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
