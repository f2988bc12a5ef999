"""The paper's DAG from end to end at full width: ViT-B/32 with random weights on data in the
formats of the hub.
"""

from __future__ import annotations

import json
import resource
import shutil
import time
from collections.abc import Iterator

import numpy as np
import pytest

from tangent_bench import registry
from tangent_bench.store import artefacts, layout, rows
from tangent_bench.store.layout import Mode
from tests import hub_copies
from tests.workflow.checkout import Checkout, merged, preset

pytestmark = [pytest.mark.slow, pytest.mark.full]
CONFIG = merged("paper-smoke")
TASKS, CONTROL, RESULTS = CONFIG["tasks"], CONFIG["control"], CONFIG["results"]
MODES = [Mode.parse(text) for text in CONFIG["modes"] if not text.startswith("none-")]
MODEL = "vit_b_32", "random"
NUM = {"train": 160, "test": 24}  # stored images; a tenth of train becomes val
MEMORY, SECONDS, CORES = 12e9, 15 * 60, 2


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> Iterator[tuple[Checkout, float]]:
    """The preset, run on copies of its data sets, and the processor seconds that it took."""
    root, checkout = (
        tmp_path_factory.mktemp("hub"),
        Checkout.of_sources(tmp_path_factory.mktemp("smoke") / "checkout"),
    )
    for task in (*TASKS, CONTROL):
        hub_copies.write_paper(root, task, NUM)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TANGENT_BENCH_DATA", str(root))
        patch.setenv("HF_HUB_OFFLINE", "1")
        began, spent = time.monotonic(), _children_seconds()
        finished = checkout.snakemake(*preset("paper-smoke"), cores=CORES)
        seconds = _children_seconds() - spent
        print(f"\npaper-smoke: {time.monotonic() - began:.0f} s, {seconds:.0f} s of a processor")
        assert finished.status == 0, finished.output
        assert "Not on this machine" not in finished.output
        assert checkout.dry_run(*preset("paper-smoke")).jobs == {}
        yield checkout, seconds
    shutil.rmtree(checkout.root)


def _children_seconds() -> float:
    """Processor time of all processes that were started from here and have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.fixture(scope="module")
def table(smoke):
    return rows.read(smoke[0].path(f"{RESULTS}/rows.csv"))


def _records(checkout: Checkout) -> list[dict]:
    files = checkout.path(f"{RESULTS}/logs").rglob("*.json")
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def _published() -> set[str]:
    files = {
        "rows.csv",
        "summary.csv",
        "tables/times.csv",
        *(f"sheets/{task}.png" for task in (*TASKS, CONTROL)),
    }
    for name in registry.names("figures"):
        about = registry.load("figures", name).FIGURE
        if about.possible(
            CONFIG["experiments"], CONFIG["modes"], len(CONFIG["inits"]), CONFIG["models"]
        ):
            endings = (
                ("svg", "pdf", "png") if about.kind == "figure" else ("csv", "md", "tex", "html")
            )
            files |= {f"{about.kind}s/{name}.{ending}" for ending in endings}
    return files


def test_figures_and_tables_are_there(smoke):
    wanted = _published()
    assert {"tables/paper_comparison.md", "figures/disentanglement_maps.png"} <= wanted
    assert all(smoke[0].path(f"{RESULTS}/{name}").stat().st_size for name in wanted)


def test_rows_are_finite_and_at_the_coordinates_that_were_asked_for(table):
    assert np.isfinite(table["value"]).all()
    assert set(table["experiment"]) == set(CONFIG["experiments"])
    assert (
        set(table["model"]) == {"vit_b_32"}
        and set(table["init"]) == {"random"}
        and set(table["seed"]) == {0}
    )
    assert set(table["protocol"]) == {"own"}
    accuracy = table[table["metric"].isin(["accuracy", "accuracy_tuned"])]
    assert accuracy["value"].between(0, 1).all() and set(accuracy["num_samples"]) <= {16, 32}
    for mode in MODES:
        ours = table[
            (table["training"] == mode.training) & (table["evaluation"] == mode.evaluation)
        ]
        along = ours[
            (ours["experiment"] == "task_addition")
            & (ours["metric"] == "accuracy")
            & (ours["split"] == "val")
        ]
        for task in (*TASKS, "all"):
            assert along.loc[along["task"] == task, "coefficient"].tolist() == [
                0.0,
                0.25,
                0.5,
                0.75,
                1.0,
            ]
        wide = ours[(ours["metric"] == "disentanglement_term") & (ours["params_id"] == "wide")]
        for task in TASKS:
            places = wide.loc[wide["task"] == task, ["coefficient", "coefficient2"]].itertuples(
                index=False, name=None
            )
            assert sorted(places) == [
                (a, b) for a in (-3, -1.5, 0, 1.5, 3) for b in (-3, -1.5, 0, 1.5, 3)
            ]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_without_a_vector_every_mode_is_the_untouched_network(table, mode):
    """Also where the network itself is evaluated: f(θ0 + 0 τ) by the fast way against f0 by
    open_clip's modules.
    """
    zero_shot = table[(table["experiment"] == "single_task") & (table["training"] == "none")]
    expected = zero_shot.set_index(["task", "split"])["value"].to_dict()
    ours = table[(table["training"] == mode.training) & (table["evaluation"] == mode.evaluation)]
    still = ours[
        ours["experiment"].isin(["task_addition", "task_negation"]) & (ours["metric"] == "accuracy")
    ]
    still = still[(still["coefficient"] == 0.0) & still["task"].isin([*TASKS, CONTROL])]
    assert len(still) >= 3 * len(TASKS)
    for line in still.itertuples():
        assert line.value == expected[line.task, line.split], line
    terms = ours[ours["metric"] == "disentanglement_term"]
    own = terms["coefficient"].where(terms["task"] == TASKS[0], terms["coefficient2"])
    other = terms["coefficient2"].where(terms["task"] == TASKS[0], terms["coefficient"])
    assert (terms.loc[other == 0.0, "value"] == 0.0).all() and (
        (own == 0.0) & (other == 0.0)
    ).sum() == 4


def test_modes_differ(table):
    """Vectors at work: three steps of standard and of linear training are no longer one vector at
    full width.
    """
    norms = table[(table["experiment"] == "vector_geometry") & (table["metric"] == "norm")]
    assert (norms["value"] > 0).all() and len(set(norms["value"])) == 2 * len(TASKS)
    terms = table[table["metric"] == "disentanglement_term"].groupby(["training", "evaluation"])[
        "value"
    ]
    assert (
        len(terms.max()) == len(MODES)
        and (terms.max() > 0).all()
        and terms.mean().nunique() == len(MODES)
    )


def test_images_are_stored_as_the_data_set_has_them(smoke):
    """Large pictures as squares of 224 px, small ones untouched; of the revision that the task
    pins.
    """
    for task, side in (("dtd", 224), ("svhn", 32), ("eurosat", 64)):
        tensors, about = artefacts.load(
            smoke[0].path(f"{RESULTS}/{layout.data(task, 'test')}"), "images"
        )
        assert (
            set(tensors["shapes"].ravel()) == {side}
            and len(tensors["labels"]) == CONFIG["data"]["max_test"]
        )
        assert about["revision"] == registry.load("tasks", task).ORIGIN.revision


def test_jobs_stay_within_memory_and_time(smoke):
    checkout, seconds = smoke
    records = _records(checkout)
    peak = max(records, key=lambda record: record["peak_memory_bytes"])
    print(f"\npeak {peak['peak_memory_bytes'] / 1e9:.1f} GB: {peak['rule']} {peak['wildcards']}")
    assert peak["peak_memory_bytes"] <= MEMORY
    assert seconds <= SECONDS * CORES
    made = {path: digest for record in records for path, digest in record["outputs"].items()}
    for record in records:
        assert record["device"] == "cpu"
        own = {
            path: digest for path, digest in record["inputs"].items() if path.startswith(RESULTS)
        }
        assert own.items() <= made.items()


def test_logs_hold_no_error(smoke):
    for file in smoke[0].path(f"{RESULTS}/logs").rglob("*.log"):
        text = file.read_text(encoding="utf-8")
        assert "Traceback" not in text and "RuntimeWarning" not in text, file
