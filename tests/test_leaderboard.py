"""The leaderboard: order, marks, and what a reader is told about how a number came about."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tangent_bench import merging
from tangent_bench.judging.components import crossed
from tangent_bench.report import leaderboard, leaderboard_page, render
from tangent_bench.seeds import generator
from tangent_bench.store import artefacts, layout, rows
from tangent_bench.store.rows import Row
from tests.test_outcomes import NETWORK, TANGENT, TASKS, labels_of, outcome

MERGERS = list(
    merging.asked(
        ["task_arithmetic", "ties", {"name": "ties", "keep": 0.5}, "weight_average"]
    ).values()
)
ARITHMETIC, TIES, HALF, AVERAGE = MERGERS
NEGATED = ("task_arithmetic", "ties", HALF.label)


def negation(root, place, label, seed, target, folder=True):
    noise = generator("test", "negation", label, seed).normal(0, 0.01, 51)
    arrays = {f"replicates/target_accuracy_tuned/{task}": target + noise for task in TASKS}
    arrays["replicates/control_accuracy_tuned"] = 0.9 + noise
    method = label if folder else ""
    path = root / layout.outcome("task_negation", *place, seed, "safetensors", method)
    artefacts.save(path, "outcome", arrays)
    row = Row(
        "task_negation",
        metric="selected_coefficient",
        value=0.0,
        model="tiny",
        init="pretrained",
        training="standard",
        evaluation="network",
        seed=seed,
        sources="p",
        task="p",
        split="val",
        num_samples=9,
        method=label,
    )
    at_edge = replace(row, metric="selected_at_edge")
    rows.write(path.with_suffix(".csv"), rows.frame([row, at_edge]))


def fill(root):
    """Outcomes of four methods in two modes."""
    shifts = {TANGENT: (0.0, 0.05, 0.2), NETWORK: (0.02, 0.02, 0.02)}
    for place, (ties, half, average) in shifts.items():
        labels_of(root, place)
        path = root / layout.base(place.model, place.init, "kept")
        artefacts.save(path, "base features", {"test/blocks": np.arange(4)})
        for seed in range(5):
            outcome(root, place, "task_arithmetic", seed, folder=False)
            outcome(root, place, "ties", seed, ties)
            outcome(root, place, HALF.label, seed, half, edge=1.0)
            outcome(root, place, "weight_average", seed, average)
            negation(root, place, "task_arithmetic", seed, 0.25, folder=False)
            negation(root, place, "ties", seed, 0.2)
            negation(root, place, HALF.label, seed, 0.35)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("leaderboard"))


@pytest.fixture(scope="module")
def ranked(folder):
    return leaderboard.entries(run(folder), MERGERS)


def run(folder, places=(TANGENT, NETWORK), seeds=range(5), negated=NEGATED):
    return leaderboard.MergingRun(folder, "task_arithmetic", "kept", seeds, places, negated)


def of(ranked, place, merger):
    (entry,) = (e for e in ranked if e.place == place and e.merger == merger)
    return entry


@pytest.mark.slow
def test_the_best_comes_first_in_every_mode(ranked):
    entries = [entry for entry in ranked if entry.place == TANGENT]
    labels = [entry.merger.label for entry in entries]
    assert labels[:2] == ["weight_average", HALF.label]
    assert set(labels[2:]) == {"task_arithmetic", "ties"}
    accuracy = [entry.accuracy for entry in entries]
    assert accuracy == sorted(accuracy, reverse=True)
    assert accuracy[0] == pytest.approx(0.72, abs=0.01)


def test_only_a_best_that_all_others_fall_behind_is_marked(ranked):
    marked = [(entry.place, entry.merger.label) for entry in ranked if entry.best]
    assert marked == [(TANGENT, "weight_average")], "elsewhere three methods have equal replicates"


def test_distance_and_verdict_are_against_the_best_and_the_baseline(ranked):
    half = of(ranked, TANGENT, HALF)
    assert half.behind.estimate.value == pytest.approx(-0.15)
    assert half.versus.estimate.value == pytest.approx(0.05)
    assert half.verdict == "better"
    assert of(ranked, TANGENT, TIES).verdict == "same"
    assert of(ranked, TANGENT, AVERAGE).behind is None
    assert of(ranked, TANGENT, ARITHMETIC).versus is None
    assert half.low < half.accuracy < half.high
    assert half.num_seeds == 5


def test_outcomes_of_other_configs_are_not_read(folder):
    some = leaderboard.entries(run(folder, [TANGENT], [0, 1], negated=[]), MERGERS)
    assert {entry.place for entry in some} == {TANGENT}
    assert {entry.num_seeds for entry in some} == {2}
    assert {entry.negation for entry in some} == {None}


def test_control_and_targets_stand_on_their_own_images(ranked):
    """Equal noise on 4 images of the control and 30 of the targets: fewer are wider."""
    negation = of(ranked, TANGENT, TIES).negation
    noise = [generator("test", "negation", "ties", seed).normal(0, 0.01, 51) for seed in range(5)]
    for interval, units in ((negation.target, 30), (negation.control, 4)):
        low, high = crossed(np.array(noise), units).estimate().interval()
        assert interval.high - interval.low == pytest.approx(high - low)
    assert _width(negation.control) > _width(negation.target)


def _width(interval):
    return interval.high - interval.low


def test_tables_have_a_row_for_a_method_and_columns_for_a_mode(ranked):
    text = render.plain(leaderboard.table(ranked))
    assert "Linear FT" in text
    assert "Non-lin. FT" in text
    tangent, network = (line for line in text.splitlines() if line.startswith("TIES (keep 0.5)"))
    assert "better" in tangent
    assert "(edge)" in tangent
    assert "0.25–0.45" in tangent
    negation = of(ranked, NETWORK, TIES).negation
    assert negation.target.value == pytest.approx(0.2, abs=0.01)
    assert negation.control.value == pytest.approx(0.9, abs=0.01)


def test_the_most_forgetful_is_first_and_lower_is_better(ranked):
    table = leaderboard.negation_table(ranked)
    assert table["row"].drop_duplicates().tolist() == ["TIES", "Task arithmetic", "TIES (keep 0.5)"]
    verdicts = table[table["column"] == "Verdict"].drop_duplicates(["row", "text"])
    assert dict(zip(verdicts["row"], verdicts["text"], strict=True)) == {
        "TIES": "better",
        "Task arithmetic": "baseline",
        "TIES (keep 0.5)": "worse",
    }
    assert len(verdicts) == 3, "the same in both modes"
    forgets = of(ranked, TANGENT, TIES).negation.forgets
    assert forgets.estimate.value == pytest.approx(0.05, abs=0.02)
    assert of(ranked, TANGENT, AVERAGE).negation is None


def test_note_says_what_an_interval_covers(ranked):
    note = leaderboard.note(ranked, "x")
    assert "5 fine-tuning seeds" in note
    assert "over seeds and images" in note


class Page(HTMLParser):
    """Rows of cells with their sort keys and classes, and the tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows = []
        self.open = []
        self.odd = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in ("meta", "link", "line", "circle", "br", "doctype"):
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append(["", attrs.get("data-value"), attrs.get("class", "")])

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        self.odd += [] if self.open and self.open[-1] == tag else [tag]
        if self.open:
            self.open.pop()

    def handle_data(self, data):
        if self.rows and self.rows[-1] and {"td", "th"} & set(self.open):
            self.rows[-1][-1][0] += data

    def row(self, method):
        """The first row of a method."""
        return next(row for row in self.rows if row and row[0][0] == method)


@pytest.fixture(scope="module")
def text(ranked):
    return leaderboard_page.page(ranked, "<x>", {("linear", "ties"): 3.2}, "Control")


def test_page_is_well_formed_and_needs_no_network(text):
    page = Page(text)
    assert page.odd == []
    assert page.open == []
    assert not re.search(r"""src=|href="(?!data:,)|url\(|@import""", text), "loads nothing"
    assert "<x>" not in text, "words are escaped"


def test_page_says_how_each_number_came_about(text):
    page = Page(text)
    best = page.row("Weight average")
    assert len(best) == len(leaderboard_page.HEADS)
    assert "best" in best[0][2]
    assert best[6][0] == "none (α = 1)"
    ties = page.row("TIES")
    assert ties[9][:2] == ["3.2", "3.2"]
    assert ties[6][0] == "validation, 0 to 3 in 31"
    assert ties[7][0] == "none"
    edge = page.row("TIES (keep 0.5)")
    assert edge[5][0] == "0.25–0.45 (edge of its grid)"
    assert edge[4][0] == "better"


def test_page_has_a_list_for_each_mode_then_negation_then_agreement(text):
    titles = re.findall("<h2>(.*?)</h2>", text)
    assert titles[2:] == ["Negation", "Does this ranking predict CLIP's?"]
    assert len(titles) == 4
    assert "too few to say whether this ranking predicts" in text


def test_methods_that_saw_test_images_are_listed_by_themselves(folder, monkeypatch):
    transductive = replace(TIES.method, data="unlabelled test")
    monkeypatch.setattr(merging.module("ties"), "METHOD", transductive)
    ranked = leaderboard.entries(run(folder), [ARITHMETIC, AVERAGE, TIES])
    apart = [entry for entry in ranked if entry.transductive]
    assert {entry.merger.label for entry in apart} == {"ties"}
    assert {entry.behind for entry in apart} == {None}
    assert not any(entry.best for entry in apart)
    assert apart[0].versus.method == "ties", "it has a verdict against the baseline all the same"
    text = leaderboard_page.page(ranked, "x", {}, "Control")
    assert text.count("(transductive)</h2>") == 2
    assert "TIES (sees test images)" in render.plain(leaderboard.table(ranked))


def test_seconds_are_of_the_jobs_that_merged(tmp_path):
    for seed, seconds in ((0, 2.0), (1, 4.0)):
        record = {"wildcards": {"training": "linear", "method": "ties"}, "seconds": seconds}
        (tmp_path / "merge").mkdir(exist_ok=True)
        (tmp_path / f"merge/{seed}.json").write_text(json.dumps(record, indent=1))
    assert leaderboard_page.seconds_of(tmp_path) == {("linear", "ties"): 3.0}


def test_without_negation_its_tables_are_empty(ranked):
    table = leaderboard.negation_table([entry for entry in ranked if not entry.negation])
    assert len(table) == 0
    assert render.markdown(table, "note")
    assert render.csv(table)
    assert render.latex(table, "caption", "label")
