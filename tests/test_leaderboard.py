"""The leaderboard: order, marks, and what a reader is told about how a number came about."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from tangent_bench import merging
from tangent_bench.judging.comparison import crossed
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


def negation(root, place, label, seed, target, folder=True):
    noise = generator("test", "negation", label, seed).normal(0, 0.01, 51)
    arrays = {f"replicates/target_accuracy_tuned/{t}": target + noise for t in TASKS}
    arrays["replicates/control_accuracy_tuned"] = 0.9 + noise
    path = root / layout.outcome(
        "task_negation", *place, seed, "safetensors", label if folder else ""
    )
    artefacts.save(path, "outcome", arrays)
    about = {
        "model": "tiny",
        "init": "pretrained",
        "training": "standard",
        "evaluation": "network",
        "seed": seed,
    }
    more = {"sources": "p", "task": "p", "split": "val", "num_samples": 9, "method": label}
    made = [
        Row("task_negation", metric=f"selected_{m}", value=0.0, **about, **more)
        for m in ("coefficient", "at_edge")
    ]
    rows.write(path.with_suffix(".csv"), rows.frame(made))


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
def found(folder):
    return leaderboard.entries(run(folder), MERGERS)


def run(folder, **changed):
    about = {
        "seeds": range(5),
        "places": [TANGENT, NETWORK],
        "negated": ["task_arithmetic", "ties", HALF.label],
        **changed,
    }
    return leaderboard.Run(folder, "task_arithmetic", "kept", **about)


def of(found, place, merger):
    (entry,) = (e for e in found if e.place == place and e.merger == merger)
    return entry


def test_the_best_comes_first_in_every_mode(found):
    order = [e.merger.label for e in found if e.place == TANGENT]
    assert order[:2] == ["weight_average", HALF.label] and set(order[2:]) == {
        "task_arithmetic",
        "ties",
    }
    accuracy = [e.accuracy for e in found if e.place == TANGENT]
    assert accuracy == sorted(accuracy, reverse=True) and accuracy[0] == pytest.approx(
        0.72, abs=0.01
    )


def test_only_a_best_that_all_others_fall_behind_is_marked(found):
    marked = [(e.place, e.merger.label) for e in found if e.best]
    assert marked == [(TANGENT, "weight_average")], (
        "in the other mode three methods have the same replicates"
    )


def test_distance_and_verdict_are_against_the_best_and_the_baseline(found):
    half = of(found, TANGENT, HALF)
    assert half.behind.estimate.value == pytest.approx(
        -0.15
    ) and half.versus.estimate.value == pytest.approx(0.05)
    assert half.versus.verdict == "better" and of(found, TANGENT, TIES).versus.verdict == "same"
    assert (
        of(found, TANGENT, AVERAGE).behind is None and of(found, TANGENT, ARITHMETIC).versus is None
    )
    assert half.low < half.accuracy < half.high and half.num_seeds == 5


def test_what_other_configs_left_in_the_folder_is_not_read(folder):
    some = leaderboard.entries(run(folder, places=[TANGENT], seeds=[0, 1], negated=[]), MERGERS)
    assert {e.place for e in some} == {TANGENT} and {e.num_seeds for e in some} == {2}
    assert all(e.target is None and e.control is None for e in some)


def test_control_and_targets_stand_on_their_own_images(found, folder):
    """The same noise on 4 images of the control and 30 of the targets: fewer images are a wider interval."""
    entry = of(found, TANGENT, TIES)
    target, control = ((high - low) / 2 for _, low, high in (entry.target, entry.control))
    noise = [generator("test", "negation", "ties", seed).normal(0, 0.01, 51) for seed in range(5)]
    for reach, units in ((target, 30), (control, 4)):
        expected = crossed(np.array(noise), units).estimate().interval()
        assert reach == pytest.approx((expected[1] - expected[0]) / 2)
    assert control > target


def test_tables_have_a_row_for_a_method_and_columns_for_a_mode(found):
    text = render.plain(leaderboard.table(found))
    assert "Linear FT" in text and "Non-lin. FT" in text
    lines = [line for line in text.splitlines() if line.startswith("TIES (keep 0.5)")]
    assert (
        len(lines) == 2
        and "better" in lines[0]
        and "(edge)" in lines[0]
        and "0.25–0.45" in lines[0]
    )
    entry = of(found, NETWORK, TIES)
    assert entry.target[0] == pytest.approx(0.2, abs=0.01) and entry.control[0] == pytest.approx(
        0.9, abs=0.01
    )


def test_who_forgets_most_is_first_and_lower_is_better(found):
    table = leaderboard.negation_table(found)
    assert table["row"].drop_duplicates().tolist() == ["TIES", "Task arithmetic", "TIES (keep 0.5)"]
    verdicts = (
        table[table["column"] == "Verdict"].groupby("row")["text"].unique().map(list).to_dict()
    )
    assert verdicts == {
        "TIES": ["better"],
        "Task arithmetic": ["baseline"],
        "TIES (keep 0.5)": ["worse"],
    }
    assert of(found, TANGENT, TIES).forgets.estimate.value == pytest.approx(0.05, abs=0.02)
    assert (
        of(found, TANGENT, AVERAGE).forgets is None and of(found, TANGENT, AVERAGE).target is None
    )


def test_note_says_what_an_interval_covers(found, folder):
    assert "5 fine-tuning seeds" in leaderboard.note(
        found, "x"
    ) and "over seeds and images" in leaderboard.note(found, "x")


class Page(HTMLParser):
    """Rows of cells with the numbers that they are sorted by, and everything that is opened and not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows, self.open, self.odd = [], [], []
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


def test_page_is_well_formed_and_needs_no_network(found):
    text = leaderboard_page.page(found, "<x>", {("linear", "ties"): 3.2}, "Control")
    page = Page(text)
    assert page.odd == [] and page.open == []
    assert not re.search(r"""src=|href="(?!data:,)|url\(|@import|<x>""", text), (
        "loads nothing, and words are escaped"
    )
    rows = {
        tuple(cell[0] for cell in row[:1]): row
        for row in page.rows
        if len(row) == len(leaderboard_page.HEADS)
    }
    best = next(r for r in page.rows if r and r[0][0] == "Weight average")
    assert "best" in best[0][2] and best[6][0] == "none (α = 1)" and len(rows) == 5
    ties = next(r for r in page.rows if r and r[0][0] == "TIES")
    assert (
        ties[9][:2] == ["3.2", "3.2"]
        and ties[6][0] == "validation, 0 to 3 in 31"
        and ties[7][0] == "none"
    )
    edge = next(r for r in page.rows if r and r[0][0].startswith("TIES (keep"))
    assert edge[5][0] == "0.25–0.45 (edge of its grid)" and edge[4][0] == "better"
    assert (
        "too few to say whether this ranking predicts" in text and text.count("<h2>") == 2 + 1 + 1
    )


def test_methods_that_saw_test_images_are_listed_by_themselves(folder, monkeypatch):
    monkeypatch.setattr(
        merging.module("ties"), "METHOD", replace(TIES.method, data="unlabelled test")
    )
    seen = leaderboard.entries(run(folder), [ARITHMETIC, AVERAGE, TIES])
    apart = [e for e in seen if e.transductive]
    assert {e.merger.label for e in apart} == {"ties"} and all(
        e.behind is None and not e.best for e in apart
    )
    assert apart[0].versus.method == "ties", "it has a verdict against the baseline all the same"
    text = leaderboard_page.page(seen, "x", {}, "Control")
    assert text.count("(transductive)</h2>") == 2 and "TIES (sees test images)" in render.plain(
        leaderboard.table(seen)
    )


def test_seconds_are_of_the_jobs_that_merged(tmp_path):
    for seed, seconds in ((0, 2.0), (1, 4.0)):
        record = {"wildcards": {"training": "linear", "method": "ties"}, "seconds": seconds}
        (tmp_path / "merge").mkdir(exist_ok=True)
        (tmp_path / f"merge/{seed}.json").write_text(json.dumps(record, indent=1))
    assert leaderboard_page.seconds_of(tmp_path) == {("linear", "ties"): 3.0}


def test_without_negation_its_tables_are_empty(found):
    none = [e for e in found if not e.target]
    table = leaderboard.negation_table(none)
    assert len(table) == 0 and render.markdown(table, "note") and render.csv(table)
    assert render.latex(table, "caption", "label") and np.size(table) == 0
