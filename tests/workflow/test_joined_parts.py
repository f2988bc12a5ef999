"""Two halves of a run, made apart and joined, make what the whole makes."""

from __future__ import annotations

import pytest
import yaml

from tangent_bench import registry
from tangent_bench.report import render
from tangent_bench.store import rows
from tests import synthetic
from tests.workflow.checkout import Checkout, merged, preset

pytestmark = pytest.mark.slow

WHOLE = merged("five_seeds")
TASKS = tuple(WHOLE["tasks"])
TABLE = "tables/table1_addition.md"


@pytest.fixture
def halves(tmp_path):
    """A checkout with presets `first` and `second`, built of synthetic rows, and `both`."""
    checkout = Checkout.of_sources(tmp_path / "checkout")
    five = yaml.safe_load(checkout.path("config/five_seeds.yaml").read_text(encoding="utf-8"))
    for name, seeds in (("first", [0, 1]), ("second", [2, 3, 4])):
        about = five | {"preset": name, "results": f"results/{name}", "models": ["tiny"]}
        _write(checkout, about | {"seeds": seeds})
        synthetic.write(checkout.path(f"results/{name}"), _made(seeds))
    both = {"preset": "both", "results": "results/both", "experiments": []}
    _write(checkout, both | {"joins": ["first", "second"]})
    return checkout


def _write(checkout: Checkout, config: dict) -> None:
    file = checkout.path(f"config/{config['preset']}.yaml")
    file.write_text(yaml.safe_dump(config), encoding="utf-8")


def _made(seeds: list[int]) -> rows.pd.DataFrame:
    table = synthetic.make(seeds=seeds, tasks=TASKS)
    return synthetic.with_replicates(table[table["experiment"].isin(WHOLE["experiments"])])


def test_a_table_of_joined_halves_is_that_of_the_whole(halves):
    finished = halves.snakemake(f"results/both/{TABLE}", *preset("both"))
    assert finished.status == 0, finished.output
    cells = registry.load("figures", "table1_addition").build(_made([0, 1, 2, 3, 4]))
    whole = render.markdown(cells).splitlines()
    text = halves.path(f"results/both/{TABLE}").read_text(encoding="utf-8")
    assert text.splitlines()[: len(whole)] == whole and "5 seeds (0, 1, 2, 3, 4)" in text


def test_halves_that_are_no_parts_of_one_run_make_what_they_have_in_common(halves):
    planned = halves.dry_run(*preset("both"))
    assert {"make_table_table1_addition", "draw_figure_overview"} < set(planned.jobs)
    file = halves.path("config/second.yaml")
    changed = yaml.safe_load(file.read_text(encoding="utf-8")) | {"inits": ["random"]}
    _write(halves, changed)
    planned = halves.dry_run(*preset("both"))
    assert planned.status == 0, planned.output
    assert "make_table_claims_table" in planned.jobs
    assert not {"make_table_table1_addition", "draw_figure_overview"} & set(planned.jobs)
