"""A results folder for the results page, with made-up numbers and titles that mean harm."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from tangent_bench import registry
from tangent_bench.figures import _style
from tangent_bench.report import leaderboard, leaderboard_page, render, times
from tangent_bench.report.results_page import PresetRun
from tests import synthetic, test_leaderboard

HOSTILE = "<script>window.harmed=1</script><img src=x onerror=window.harmed=1>\"'&"
TABLES = ("claims_table", "single_task_table", "table1_addition", "table2_negation")
FIGURES = ("overview", "task_matrix")
RECORD = {
    "rule": "finetune",
    "wildcards": {"training": "linear"},
    "started": 1.8e9,
    "seconds": 90.0,
    "device": "cpu",
    "peak_memory_bytes": 10**9,
    "commit": "abc123",
    "system": HOSTILE,
    "processor": "x86_64",
    "python": "3.11.7",
    "versions": {"torch": "2.14.1", "numpy": "2.4.6"},
    "networks": {
        "Tiny": {"theta0": "f" * 64, "weights": {"/home/me/tiny.safetensors": "e" * 64}},
    },
}


def fill(root: Path) -> PresetRun:
    """All files that the page reads or names, in `root`."""
    table = synthetic.make(tasks=("mnist", "icons", HOSTILE))
    synthetic.write(root, table)
    (root / "summary.csv").write_text("x")
    _tables(root, table)
    _figures(root)
    _write(root, "sheets/mnist", "png")
    _records(root)
    _leaderboard(root)
    return PresetRun(
        folder=root,
        shown=[*FIGURES, *TABLES],
        sheets=["mnist"],
        timed=True,
        methods=True,
        about={
            "preset": HOSTILE,
            "seeds": [0],
            "models": [HOSTILE],
            "tasks": ["mnist", "icons", HOSTILE],
        },
        config={"preset": HOSTILE},
    )


def _tables(root: Path, table: pd.DataFrame) -> None:
    for name in TABLES:
        plugin = registry.load("figures", name)
        _write(root, f"tables/{name}", "csv", "md", "tex")
        page = render.html(plugin.build(table), plugin.FIGURE.title, f"A note. {HOSTILE}")
        (root / f"tables/{name}.html").write_text(page, encoding="utf-8")


def _figures(root: Path) -> None:
    table = synthetic.make(tasks=("mnist", "icons", "terrain"))  # words that fit into a drawing
    for name in FIGURES:
        _write(root, f"figures/{name}", "pdf", "png")
        axes = registry.load("figures", name).draw(table)
        _style.save(axes.flat[0].figure, root / f"figures/{name}.svg")


def _write(root: Path, stem: str, *endings: str) -> None:
    (root / stem).parent.mkdir(parents=True, exist_ok=True)
    for ending in endings:
        (root / f"{stem}.{ending}").write_text("x")


def _records(root: Path) -> None:
    changes = {"a": {}, "b": {"seconds": 1030.0}, "c": {"rule": "merge", "commit": "dirty"}}
    for name, change in changes.items():
        _write(root, f"logs/{name}", "json")
        (root / f"logs/{name}.json").write_text(json.dumps(RECORD | change, indent=1))
    _write(root, "tables/times", "csv", "md")
    page = render.html(times.build(times.read(root)), times.TITLE, times.NOTE)
    (root / "tables/times.html").write_text(page, encoding="utf-8")


def _leaderboard(root: Path) -> None:
    run = test_leaderboard.run(test_leaderboard.fill(root / "methods"))
    ranked = leaderboard.entries(run, test_leaderboard.MERGERS)
    page = leaderboard_page.page(ranked, HOSTILE, {("linear", "ties"): 3.2}, HOSTILE)
    (root / "leaderboard.html").write_text(page, encoding="utf-8")
    for kind in ("addition", "negation"):
        _write(root, f"tables/methods_{kind}", "csv", "md", "tex")
