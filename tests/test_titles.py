"""What methods and modes are called in verdicts: one name each, hyper-parameters in words."""

from __future__ import annotations

import pytest

from tangent_bench import merging
from tangent_bench.figures import _entities
from tangent_bench.jobs import provenance
from tangent_bench.judging.comparison import Comparison, ComparisonLine
from tangent_bench.judging.outcomes import Place
from tangent_bench.judging.verdicts import Estimate
from tangent_bench.report import method_comparison, titles
from tangent_bench.store.layout import Mode
from tests.workflow.checkout import merged

KEPT = merging.find("ties", {"keep": 0.1})
PLACE = Place("tiny", "pretrained", "standard-network")


def compared(baseline, candidate):
    lines = []
    for task in ("p", "all"):
        estimate = Estimate(0.05, 0.01, 0.01)
        lines.append(ComparisonLine(task, candidate, 0.5, 0.55, estimate, 0.05, 1))
    return {PLACE: Comparison(baseline, tuple(lines), 5, {candidate: 2})}


def recorded(folder, merger, about=None):
    """Leaves the record of a method's job."""
    file = f"task_addition.tiny.pretrained.standard-network.{merger.label}.0.json"
    method = {"name": merger.name, "given": dict(merger.values)}
    (folder / "logs/run_method").mkdir(parents=True)
    provenance.write_record(
        folder / "logs/run_method" / file, {"params": about or {"method": method}}
    )


@pytest.mark.parametrize("mode", merged("training_modes")["modes"])
def test_a_mode_has_the_title_of_tables_with_its_id_behind_it(mode):
    place = PLACE._replace(mode=mode)
    parts = Mode.parse(mode)
    title = _entities.mode(parts.training, parts.evaluation).title
    assert titles.place_title(place) == f"tiny, {title} ({mode})"


def test_hyper_parameters_are_words():
    assert titles.named(KEPT) == "ties (keep=0.1)" and titles.titled(KEPT) == "TIES (keep=0.1)"
    assert titles.named(merging.find("ties")) == "ties"
    both = merging.find("lines+ties", {"keep": 0.1, "lines.norm_ratio": False})
    assert titles.named(both) in (
        "lines+ties (norm_ratio=false, keep=0.1)",
        "lines+ties (keep=0.1, norm_ratio=false)",
    )


def test_a_label_is_decoded_by_the_record_of_a_job(tmp_path):
    recorded(tmp_path, KEPT)
    assert titles.of_label(tmp_path, KEPT.label) == "ties (keep=0.1)"
    assert titles.of_label(tmp_path, "magmax") == "magmax"


@pytest.mark.parametrize(
    "about", [{"nothing": 1}, {"method": {"name": "gone", "given": {}}}, {"method": "ties"}]
)
def test_a_label_stays_where_no_record_decodes_it(tmp_path, about):
    recorded(tmp_path, KEPT, about)
    assert titles.of_label(tmp_path, KEPT.label) == KEPT.label


def test_a_table_of_verdicts_has_names_in_words_and_no_column_twice():
    names = {KEPT.label: "ties (keep=0.1)"}
    found = compared("ties", KEPT.label)
    text = method_comparison.text(found, names)
    assert KEPT.label not in text
    assert text.splitlines()[0] == "tiny, Non-lin. FT (standard-network)"
    assert "better     ties (keep=0.1)  tiny, Non-lin. FT (standard-network)" in text
    assert "ties (keep=0.1): the best coefficient is at the edge" in text
    for baseline in ("ties", "candidate", "accuracy", "task"):
        heads = method_comparison._heads(baseline)
        assert len(set(heads)) == len(heads)
    (sentence,) = method_comparison.hits(found, ["better"], names)
    assert sentence == "ties (keep=0.1) is better in tiny, Non-lin. FT (standard-network)."
    assert method_comparison.hits(found, ["worse"], names) == []


def test_a_method_before_a_change_keeps_the_remark():
    found = compared(f"{KEPT.label} (before)", KEPT.label)
    text = method_comparison.text(found, {KEPT.label: "ties (keep=0.1)"})
    assert "Over all tasks, against ties (keep=0.1) (before):" in text
