"""A results folder as the results page finds it, with made-up numbers and titles that mean harm."""

from __future__ import annotations

import json
from pathlib import Path

from tangent_bench import registry
from tangent_bench.figures import _style
from tangent_bench.report import leaderboard, leaderboard_page, render, times
from tangent_bench.report.results_page import Run
from tangent_bench.store import rows
from tests import synthetic, test_leaderboard

HOSTILE = "<script>window.harmed=1</script><img src=x onerror=window.harmed=1>\"'&"
TABLES, FIGURES = (
    ("claims_table", "single_task_table", "table1_addition", "table2_negation"),
    ("overview", "task_matrix"),
)
RECORD = {
    "rule": "finetune", "wildcards": {"training": "linear"}, "started": 1.8e9, "seconds": 90.0, "device": "cpu",
    "peak_memory_bytes": 10**9, "commit": "abc123", "system": HOSTILE, "processor": "x86_64", "python": "3.11.7",
    "versions": {"torch": "2.14.1", "numpy": "2.4.6"},
    "networks": {"Tiny": {"theta0": "f" * 64, "weights": {"/home/me/tiny.safetensors": "e" * 64}}},
}  # fmt: skip


def fill(root: Path) -> Run:
    """All files that the page reads or names, in `root`."""
    table = synthetic.make(tasks=("mnist", "symbols", HOSTILE))
    rows.write(root / "rows.csv", table)
    (root / "summary.csv").write_text("x")
    for name in TABLES:
        plugin = registry.load("figures", name)
        _write(root, f"tables/{name}", "csv", "md", "tex")
        page = render.html(plugin.build(table), plugin.FIGURE.title, f"A note. {HOSTILE}")
        (root / f"tables/{name}.html").write_text(page, encoding="utf-8")
    drawn = synthetic.make(tasks=("mnist", "symbols", "terrain"))  # words that fit into a drawing
    for name in FIGURES:
        _write(root, f"figures/{name}", "pdf", "png")
        _style.save(
            registry.load("figures", name).draw(drawn).flat[0].figure, root / f"figures/{name}.svg"
        )
    _write(root, "sheets/mnist", "png")
    _records(root)
    _leaderboard(root)
    about = {
        "preset": HOSTILE,
        "seeds": [0],
        "models": [HOSTILE],
        "tasks": ["mnist", "symbols", HOSTILE],
    }
    return Run(root, [*FIGURES, *TABLES], ["mnist"], True, True, about, {"preset": HOSTILE})


def _write(root: Path, stem: str, *endings: str) -> None:
    (root / stem).parent.mkdir(parents=True, exist_ok=True)
    for ending in endings:
        (root / f"{stem}.{ending}").write_text("x")


def _records(root: Path) -> None:
    for name, change in {
        "a": {},
        "b": {"seconds": 1030.0},
        "c": {"rule": "merge", "commit": "dirty"},
    }.items():
        _write(root, f"logs/{name}", "json")
        (root / f"logs/{name}.json").write_text(json.dumps(RECORD | change, indent=1))
    _write(root, "tables/times", "csv", "md")
    page = render.html(times.build(times.read(root)), times.TITLE, times.NOTE)
    (root / "tables/times.html").write_text(page, encoding="utf-8")


def _leaderboard(root: Path) -> None:
    run = test_leaderboard.run(test_leaderboard.fill(root / "methods"))
    found = leaderboard.entries(run, test_leaderboard.MERGERS)
    page = leaderboard_page.page(found, HOSTILE, {("linear", "ties"): 3.2}, HOSTILE)
    (root / "leaderboard.html").write_text(page, encoding="utf-8")
    for kind in ("addition", "negation"):
        _write(root, f"tables/methods_{kind}", "csv", "md", "tex")
