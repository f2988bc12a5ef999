"""The micro preset from end to end: what is there, and whether its numbers agree."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tangent_bench import registry
from tangent_bench.store import layout, rows
from tangent_bench.store.layout import JOINT, Mode
from tests.workflow.checkout import ROOT, merged

pytestmark = pytest.mark.slow
CONFIG = merged("micro")
TASKS, CONTROL, TRAININGS = CONFIG["tasks"], CONFIG["control"], CONFIG["trainings"]
EVALUATED = [*TASKS, CONTROL]
VECTORS = [(t, s) for t in TRAININGS for s in TASKS] + [
    (t, JOINT) for t in CONFIG["joint_training"]["trainings"]
]
MODES = [Mode.parse(text) for text in CONFIG["modes"] if not text.startswith("none-")]
GRID = np.linspace(0, 1, CONFIG["coefficients"]["count"])
MODEL = "tiny", "pretrained"
RESULTS = CONFIG["results"]


@pytest.fixture(scope="module")
def table(micro):
    return rows.read(micro.path(f"{RESULTS}/rows.csv"))


def _pick(table, **where):
    """Rows with these coordinates; a mode stands for two of them, None for an empty coefficient."""
    mode = where.pop("mode", None)
    where |= {"training": mode.training, "evaluation": mode.evaluation} if mode else {}
    for column, value in where.items():
        table = table[table[column].isna() if value is None else table[column] == value]
    return table


def _value(table, **where) -> float:
    return _pick(table, **where)["value"].item()


# What is there


def _artefacts() -> set[str]:
    """Every safetensors file, from the config."""
    files = {layout.data(task, split) for task in TASKS for split in ("train", "val", "test")}
    files |= {layout.data(CONTROL, split) for split in ("val", "test")}
    files |= {layout.head(*MODEL, task) for task in EVALUATED} | {
        layout.base(*MODEL, task) for task in EVALUATED
    }
    files |= {layout.vector(*MODEL, training, source, 0) for training, source in VECTORS}
    files |= {
        layout.features(*MODEL, training, task, 0) for training in TRAININGS for task in EVALUATED
    }
    modes = {
        "single_task": [Mode("none", "network"), *MODES],
        "task_addition": MODES,
        "task_negation": MODES,
        "vector_geometry": [Mode(training, "none") for training in TRAININGS],
        "posthoc_comparison": [Mode("all", "none")],
        "kernel_gap": [Mode(training, "none") for training in TRAININGS],
        "ntk_theory": [Mode("none", "none")],
        "ntk_localization": [Mode("none", "none")],
        "disentanglement": MODES,
        "disentanglement_comparison": [Mode("all", "none")],
        "vector_localization": MODES,
    }
    assert set(modes) == set(CONFIG["experiments"])
    return files | {
        layout.outcome(e, *MODEL, m, 0, "safetensors") for e, found in modes.items() for m in found
    }


def _published() -> set[str]:
    files = {
        "rows.csv",
        "replicates.safetensors",
        "summary.csv",
        "index.html",
        *(f"tables/times.{ending}" for ending in ("csv", "md", "html")),
    }
    files |= {f"sheets/{task}.png" for task in EVALUATED}
    for name in registry.names("figures"):
        about = registry.load("figures", name).FIGURE
        if not about.possible(CONFIG["experiments"], CONFIG["modes"], len(CONFIG["inits"])):
            continue
        kind = about.kind
        endings = ("svg", "pdf", "png") if kind == "figure" else ("csv", "md", "tex", "html")
        files |= {f"{kind}s/{name}.{ending}" for ending in endings}
        files.add(f"captions/{name}.rst")  # for Snakemake's report
    return files


def test_everything_asked_for_is_there_and_nothing_else(micro):
    root = micro.path(RESULTS)
    found = {str(file.relative_to(root)) for file in root.rglob("*") if file.is_file()}
    found = {name for name in found if not name.startswith("logs/")}
    expected = _artefacts() | _published()
    expected |= {
        name.replace(".safetensors", ".csv") for name in expected if name.startswith("outcomes/")
    }
    assert found == expected
    assert all((root / name).stat().st_size for name in found)


def test_rows_are_valid_and_complete(table):
    assert set(table["experiment"]) == set(CONFIG["experiments"])
    assert set(table["seed"]) == set(CONFIG["seeds"])
    accuracy = table[table["metric"].isin(["accuracy", "accuracy_tuned"])]
    assert accuracy["value"].between(0, 1).all()
    bounded = table.dropna(subset="low")
    assert (bounded["low"] <= bounded["high"]).all()
    for mode in MODES:
        along = _pick(
            table, experiment="task_addition", mode=mode, split="val", metric="accuracy", task="all"
        )
        assert along["coefficient"].tolist() == GRID.tolist()
        assert len(
            _pick(
                table,
                experiment="task_addition",
                mode=mode,
                metric="accuracy_tuned",
                sources="+".join(TASKS),
            )
        )
        for task in TASKS:
            about = {
                "experiment": "task_negation",
                "mode": mode,
                "sources": task,
                "split": "val",
                "metric": "accuracy",
            }
            assert (-_pick(table, **about, task=CONTROL)["coefficient"]).tolist() == GRID.tolist()


def test_a_record_of_every_run(micro):
    root = micro.path(RESULTS)
    records = [
        json.loads(file.read_text(encoding="utf-8")) for file in (root / "logs").rglob("*.json")
    ]
    made = {path: digest for record in records for path, digest in record["outputs"].items()}
    assert {str(Path(path).relative_to(RESULTS)) for path in made} >= _artefacts() | _published()
    for record in records:
        assert 0 < record["seconds"] < 600
        assert record["threads"] == 1
        assert record["device"] == "cpu"
        assert 10**7 < record["peak_memory_bytes"] < 4 * 10**9
        assert {"torch", "numpy", "snakemake"} <= set(record["versions"])
        assert record["commit"] and record["python"] and record["rule"]
        # what one job read is what another one wrote, unless it was part of the sources
        own = {
            path: digest for path, digest in record["inputs"].items() if path.startswith(RESULTS)
        }
        assert own.items() <= made.items()
    by_rule = {record["rule"]: record for record in records}
    assert (
        by_rule["finetune"]["params"]["recipe"]["learning_rate"]
        == CONFIG["training"]["learning_rate"]
    )


def test_a_job_imports_what_it_needs_and_no_more(micro):
    """Torch takes seconds to import and open_clip as long again; the tangent side is NumPy."""
    files = (micro.path(RESULTS) / "logs").rglob("*.json")
    records = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    light = {
        "prepare_images",
        "contact_sheet",
        "collect_rows",
        "collect_replicates",
        "summarize",
        "make_times",
        "make_results_page",
    }
    for record in records:
        rule, mode = record["rule"], record["wildcards"].get("mode", "")
        if (
            rule in light
            or rule.startswith(("draw_figure", "make_table"))
            or mode.endswith("-tangent")
        ):
            assert record["imported"] == [], f"{rule} {record['wildcards']}"
        if rule in {"finetune", "build_head", "encode_base", "encode_changes"} or mode.endswith(
            "-network"
        ):
            assert {"torch", "open_clip"} <= set(record["imported"]) or mode.startswith("none"), (
                rule
            )
    comparisons = [r for r in records if r["wildcards"].get("mode") == "all-none"]
    assert len(comparisons) == 2 and all(r["imported"] == [] for r in comparisons)


def test_a_job_imports_nothing_that_the_digest_of_its_code_does_not_cover(micro):
    """Or an edit of that module would not run the job again."""
    program = ROOT / "tests/workflow/closures.py"
    # As -c, so that the package is imported from the checkout.
    code = f"import runpy; runpy.run_path({str(program)!r}, run_name='__main__')"
    done = micro.run(".venv/bin/python", "-c", code, "config/micro.yaml")
    assert done.status == 0, done.output
    covered = json.loads(done.output.splitlines()[-1])
    files = (micro.path(RESULTS) / "logs").rglob("*.json")
    uncovered = {}
    for file in files:
        record = json.loads(file.read_text(encoding="utf-8"))
        modules = set(record["modules"])
        assert "tangent_bench.jobs.provenance" in modules, file
        if beyond := modules - set(covered[record["params"]["code"]]):
            uncovered[record["rule"]] = sorted(beyond)
    assert uncovered == {}


def test_logs_hold_no_error(micro):
    for file in micro.path(f"{RESULTS}/logs").rglob("*.log"):
        text = file.read_text(encoding="utf-8")
        assert "Traceback" not in text and "RuntimeWarning" not in text, file


# What it says


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_coefficient_zero_is_zero_shot(table, mode):
    zero_shot = _pick(table, experiment="single_task", mode=Mode("none", "network"))
    for split in ("val", "test"):
        for task in TASKS:
            expected = _value(zero_shot, task=task, split=split)
            at = {
                "mode": mode,
                "metric": "accuracy",
                "split": split,
                "task": task,
                "coefficient": 0.0,
            }
            assert _value(table, experiment="task_addition", **at) == expected
    for source in TASKS:
        for task in (source, CONTROL):
            at = {
                "mode": mode,
                "metric": "accuracy",
                "split": "val",
                "task": task,
                "coefficient": 0.0,
            }
            expected = _value(zero_shot, task=task, split="val")
            assert _value(table, experiment="task_negation", sources=source, **at) == expected


# Some bootstrap replicates of so few images gain nothing, and a share of nothing does not exist.
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value):RuntimeWarning")
@pytest.mark.parametrize("mode", MODES, ids=str)
def test_adding_one_vector_at_coefficient_one_is_its_single_task_model(micro, table, mode):
    from tangent_bench.experiments._opening import study
    from tangent_bench.measuring.results import Results

    source = TASKS[0]
    config = CONFIG | {"tasks": [source], "joint_training": {"trainings": []}}
    alone = study(Results(micro.path(RESULTS), *MODEL, 0), "task_addition", mode, config)
    registry.load("experiments", "task_addition").run(alone)
    found = rows.frame(alone.rows)
    for split in ("val", "test"):
        at = {"metric": "accuracy", "split": split, "task": source, "coefficient": 1.0}
        expected = _pick(table, experiment="single_task", mode=mode, sources=source, **at)
        added = _pick(found, **at)
        columns = ["value", "low", "high", "num_samples"]
        assert added[columns].values.tolist() == expected[columns].values.tolist()


def test_the_three_modes_differ(table):
    """Vectors at work: a wiring that evaluates one mode thrice would pass every test of a single
    mode.
    """
    points = {"experiment": "task_addition", "metric": "accuracy", "split": "val", "task": "all"}
    curves = {tuple(_pick(table, mode=mode, **points)["value"]) for mode in MODES}
    assert len(curves) == len(MODES)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_localization_depends_on_the_coefficient_in_the_network_alone(table, mode):
    found = _pick(table, experiment="vector_localization", mode=mode, metric="others_over_own")
    small, large = sorted(set(found["coefficient"]))
    first, second = (
        _pick(found, coefficient=alpha).set_index("task")["value"] for alpha in (small, large)
    )
    assert set(first.index) == {*TASKS, "all"}
    if mode.evaluation == "tangent":
        assert second.to_dict() == pytest.approx(first.to_dict(), rel=1e-9)
    else:
        assert (second / first - 1).abs().max() > 1e-3
