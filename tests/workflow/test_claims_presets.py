"""The presets behind `make claims`: what is planned from nothing, and what the last one makes of
the others' rows.
"""

from __future__ import annotations

import re

import pytest
import yaml

from tangent_bench.models import REBUILT
from tangent_bench.store import joins, rows
from tangent_bench.store.joins import FOLDER
from tests import synthetic
from tests.workflow.checkout import Checkout, ended_with_a_sentence, merged, preset
from tests.workflow.test_dag import _expected

pytestmark = pytest.mark.slow

REBUILDING = ("pretraining_ablation", "sizes", "own_heads")
TOWERS = "results/pretraining"


def _plan(sources: Checkout, name: str) -> tuple[dict[str, int], list[str]]:
    """Jobs by rule, and each job as printed."""
    finished = sources.dry_run(*preset(name))
    assert finished.status == 0, finished.output
    return finished.jobs, re.split(r"\nrule ", finished.output)[1:]


def _towers(config: dict) -> set[str]:
    """model/towers/init of every tower that a preset needs: of its initialisations, and the last,
    which makes heads.
    """
    inits = {init.replace("whole", "step") for init in config["inits"]} - {"pretrained", "random"}
    return {f"{model}/towers/{init}" for model in config["models"] for init in {*inits, "step-100"}}


def _stretches(config: dict) -> int:
    """Stretches of trunk that lead to these towers."""
    percents, arms = sorted(config["rebuilding"]["percents"]), {}
    for tower in _towers(config):
        model, _, init = tower.split("/")
        arm, percent = init.split("-")
        arms[model, arm] = max(arms.get((model, arm), 0), percents.index(int(percent)) + 1)
    return sum(arms.values())


@pytest.mark.parametrize("name", REBUILDING)
def test_jobs_of_a_preset_of_rebuilt_models(sources, name):
    config = merged(name)
    counts, jobs = _plan(sources, name)
    seeds = {REBUILT.fullmatch(model)["seed"] for model in config["models"]}
    expected = _expected(config) | {
        "draw_corpus_again": len(seeds) * config["rebuilding"]["num_shards"],
        "advance_trunk": _stretches(config),
        "cool_down": len(_towers(config)),
    }
    assert counts == expected
    _check_towers(jobs)


def _check_towers(jobs: list[str]) -> None:
    """Whoever opens a network has the tower of its initialisation among its inputs, and of no other
    model.
    """
    checked = set()
    for job in jobs:
        rule, wildcards = job.partition(":")[0], job.partition("wildcards: ")[2].partition("\n")[0]
        at = dict(re.findall(r"(\w+)=([\w-]+)", wildcards))
        if rule in ("finetune", "encode_base", "build_head"):
            init = (
                at.get("init", at.get("text"))
                .replace("whole", "step")
                .replace("final", "pretrained")
            )
            expected = {"step-100"} | ({init} - {"pretrained", "random"})
            found = re.findall(
                rf"{TOWERS}/([\w-]+)/towers/([\w-]+).safetensors", job.partition("output:")[0]
            )
            assert set(found) == {(at["model"], tower) for tower in expected}, job
            checked.add(rule)
    assert checked == {"finetune", "encode_base", "build_head"}


def test_sizes_compare_single_tasks_without_adding_or_negating(sources):
    _, jobs = _plan(sources, "sizes")
    found = {
        re.search(r"experiment=(\w+)", job)[1] for job in jobs if job.startswith("run_experiment")
    }
    assert found == {"single_task", "vector_geometry", "vector_localization", "posthoc_comparison"}


def test_make_claims_runs_what_its_preset_joins(sources):
    text = sources.run("make", "-n", "claims").output
    wanted = [
        *yaml.safe_load((FOLDER / "claims.yaml").read_text(encoding="utf-8"))["joins"],
        "claims",
    ]
    assert re.search(r"for preset in ([\w ]+);", text)[1].split() == wanted


def _build(sources: Checkout) -> None:
    """Synthetic rows of two tasks where each joined preset has its own: what is the same in two of
    them is equal.
    """
    for name in merged("claims")["joins"]:
        config = merged(name)
        table = synthetic.make(
            models=config["models"], seeds=config["seeds"], tasks=("mnist", "terrain")
        )
        table.loc[
            table["model"].str.startswith("wide") & (table["metric"] == "norm"), "num_samples"
        ] *= 4
        inits = [table.assign(init=init) for init in config["inits"]]
        table = rows.pd.concat(inits)
        table = table[table["experiment"].isin(config["experiments"])]
        folder = sources.path(str(joins.rows_of(config))).parent
        synthetic.write(folder, synthetic.with_replicates(table))


@pytest.mark.full
def test_joined_rows_are_named_if_missing_and_make_table_and_figure_if_built(sources):
    names = merged("claims")["joins"]
    ended_with_a_sentence(sources.dry_run(*preset("claims")), repr(names[0]), f"PRESET={names[0]}")
    _build(sources)
    finished = sources.snakemake("results/claims/tables/claims_table.md", *preset("claims"))
    assert finished.status == 0, finished.output
    assert finished.jobs == {
        "collect_rows": 1,
        "collect_replicates": 1,
        "make_table_claims_table": 1,
    }
    together = rows.read(sources.path("results/claims/rows.csv"))
    parts = [rows.read(sources.path(str(joins.rows_of(merged(name))))) for name in names]
    assert set(together["model"]) == {m for name in names for m in merged(name)["models"]}
    assert len(together) < sum(map(len, parts)), "sizes and the ablation share rows"
    text = sources.path("results/claims/tables/claims_table.md").read_text(encoding="utf-8")
    assert "Wide ViT/8, 3 pre-trainings" in text
    (shrinks,) = [
        line
        for line in text.splitlines()
        if line.startswith("| The post-hoc gap shrinks as models grow")
    ]
    assert "not tested" not in shrinks and "these tasks, this seed |" in shrinks
    finished = sources.snakemake(*preset("claims"))
    assert finished.status == 0, finished.output
    assert set(finished.jobs) == {
        "draw_figure_emergence",
        "draw_figure_vector_localization_emergence",
        "draw_figure_vector_localization_sizes",
        "make_results_page",
        "summarize",
    }
    page = sources.path("results/claims/index.html").read_text(encoding="utf-8")
    assert (
        "Wide ViT/8, 3 pre-trainings" in page
        and 'src="data:image/' in page
        and "Where the time went" not in page
    )


def test_a_figure_of_two_experiments_needs_models_that_have_both(sources):
    """`five_seeds` has sizes of `tiny` and `small`, and `pretraining_ablation` localization of
    other models.
    """
    _build(sources)
    joined = "joins=[five_seeds,untrained,pretraining_ablation]"
    finished = sources.dry_run(*preset("claims"), "--config", joined)
    assert finished.status == 0, finished.output
    drawn = {rule for rule in finished.jobs if rule.startswith("draw_figure")}
    assert drawn == {"draw_figure_emergence", "draw_figure_vector_localization_emergence"}


def test_joined_rows_that_disagree_are_refused(sources):
    _build(sources)
    path = sources.path(str(joins.rows_of(merged("sizes"))))
    table = rows.read(path)
    shared = table.index[(table["experiment"] == "single_task") & (table["model"] == "tiny-pre0")][
        0
    ]
    table.loc[shared, "value"] = table.loc[shared, "value"] - 0.001
    rows.write(path, table)
    finished = sources.snakemake("results/claims/rows.csv", *preset("claims"))
    ended_with_a_sentence(
        finished, "'pretraining_ablation' and 'sizes'", "experiment=single_task", "model=tiny-pre0"
    )
