"""The leaderboard: order, marks, and what a reader is told about how a number came about."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tangent_bench import merging
from tangent_bench.figures._entities import APART, FITTED
from tangent_bench.judging import rankings
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
PUBLISHED = Path(__file__).parents[1] / "results/published/methods"
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
    tangent, network = (line for line in text.splitlines() if line.startswith("TIES (keep=0.5)"))
    assert "better" in tangent
    assert "(edge)" in tangent
    assert "0.25–0.45" in tangent
    negation = of(ranked, NETWORK, TIES).negation
    assert negation.target.value == pytest.approx(0.2, abs=0.01)
    assert negation.control.value == pytest.approx(0.9, abs=0.01)


def test_the_most_forgetful_is_first_and_lower_is_better(ranked):
    table = leaderboard.negation_table(ranked)
    assert table["row"].drop_duplicates().tolist() == ["TIES", "Task arithmetic", "TIES (keep=0.5)"]
    verdicts = table[table["column"] == "Verdict"].drop_duplicates(["row", "text"])
    assert dict(zip(verdicts["row"], verdicts["text"], strict=True)) == {
        "TIES": "better",
        "Task arithmetic": "baseline",
        "TIES (keep=0.5)": "worse",
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
    edge = page.row("TIES (keep=0.5)")
    assert edge[5][0] == "0.25–0.45 (edge of its grid)"
    assert edge[4][0] == "better"


def test_page_has_a_list_for_each_mode_then_negation_then_agreement(text):
    titles = re.findall("<h2>(.*?)</h2>", text)
    assert titles[2:] == ["Negation", "Does this ranking predict CLIP's?"]
    assert len(titles) == 4
    assert "too few to say whether this ranking predicts" in text


# Methods that see test images: nothing that others are ranked in changes with them


def seeing(merger):
    """The same method as if it saw test images."""
    (link,) = merger.links
    sees = SimpleNamespace(METHOD=replace(link.contract, data="unlabelled test"))
    return replace(merger, links=(merging.Link(link.name, sees),))


@pytest.fixture(scope="module")
def with_and_without(folder):
    """All entries, two of which saw test images, and those of the other methods alone."""
    others = [ARITHMETIC, AVERAGE]
    everyone = [ARITHMETIC, seeing(TIES), seeing(HALF), AVERAGE]
    return leaderboard.entries(run(folder), everyone), leaderboard.entries(run(folder), others)


def test_methods_that_saw_test_images_are_listed_by_themselves(with_and_without):
    ranked, without = with_and_without
    apart = [entry for entry in ranked if entry.sees_test_images]
    assert {entry.merger.label for entry in apart} == {"ties", HALF.label}
    assert {entry.behind for entry in apart} == {None}, "they are not compared among themselves"
    assert not any(entry.best for entry in apart), "the first of two is no winner"
    assert {entry.versus.num_candidates for entry in apart} == {2}, "a family of their own"
    kept = [entry for entry in ranked if not entry.sees_test_images]
    assert [repr(entry) for entry in kept] == [repr(entry) for entry in without]


def test_tables_set_them_apart_in_every_format(with_and_without):
    for build in (leaderboard.table, leaderboard.negation_table):
        with_them, alone = map(build, with_and_without)
        ranked, below = render.markdown(with_them).split(APART)
        assert ranked.strip() == render.markdown(alone).strip()
        assert below.count("| TIES") == 2
        for text in (render.plain(with_them), render.latex(with_them, "c", "l")):
            first, *rest = re.split(re.escape(APART).replace(r"\ ", r"\s"), text)
            assert "TIES" not in first
            assert "TIES" in rest[0]
        pages = re.findall("<table.*?</table>", render.html(with_them, "title"), re.DOTALL)
        assert ["TIES" in page for page in pages] == [False, True]
        for line in render.csv(with_them).splitlines()[1:]:
            assert line.startswith("TIES") == (APART in line)
        assert "apart" not in render.csv(alone)


def test_the_page_has_them_in_a_section_that_says_why(with_and_without):
    ranked, without = (leaderboard_page.page(part, "x", {}, "C") for part in with_and_without)
    before, after = ranked.split("<h2>Apart: methods that see test images</h2>")
    apart, agreement = after.split("<h2>Does this ranking predict CLIP's?</h2>")
    assert APART in apart
    # A heading for each of two modes, and one for negation.
    assert apart.count("<h3>") == 3
    assert 'class="words best"' not in apart
    assert "TIES" not in before
    assert "TIES" not in agreement
    lists = re.compile("<h2>.*", re.DOTALL)
    assert lists.search(before)[0].strip() == lists.search(without)[0].split("<h2>Does")[0].strip()
    assert "<h2>Apart" not in without


def test_they_do_not_count_in_the_rankings(with_and_without, monkeypatch):
    counted = []

    def agreement(ours, family):
        counted.append(set(ours))
        return rankings.Agreement(family, (), None, 1, 0)

    monkeypatch.setattr(leaderboard.rankings, "agreement", agreement)
    leaderboard.agreements(with_and_without[0])
    assert len(counted) == len(rankings.FAMILIES)
    assert set.union(*counted) == {"task_arithmetic", "weight_average"}


def test_the_note_names_their_family(with_and_without):
    ranked, without = with_and_without
    words = "those that see test images are a family of their own"
    assert words in leaderboard.note(ranked, "x")
    assert words not in leaderboard.note(without, "x")


def test_methods_that_are_fitted_to_labels_are_a_list_and_a_block_of_their_own(folder):
    (link,) = TIES.links
    fits = SimpleNamespace(METHOD=replace(link.contract, data="labelled validation"))
    fitted = replace(TIES, links=(merging.Link(link.name, fits),))
    everyone = [ARITHMETIC, fitted, seeing(HALF), AVERAGE]
    ranked = leaderboard.entries(run(folder), everyone)
    by_label = {entry.merger.label: entry for entry in ranked}
    assert by_label["ties"].behind is None and not by_label["ties"].best
    assert by_label["ties"].versus.num_candidates == 1, "a family of its own"
    _, below, last = re.split(
        "|".join(map(re.escape, (FITTED, APART))), render.markdown(leaderboard.table(ranked))
    )
    assert "TIES (fitted to validation labels)" in below and "TIES (keep" in last
    page = leaderboard_page.page(ranked, "x", {}, "C")
    apart = page.split("<h2>Apart: methods that are fitted to validation labels</h2>")[1]
    assert FITTED in apart and "those fitted to validation labels" in page


@pytest.mark.parametrize("file", ["methods_addition.md", "methods_addition.tex"])
def test_published_tables_set_them_apart(file):
    text = (PUBLISHED / "tables" / file).read_text(encoding="utf-8")
    first, rest = text.split(APART)
    assert "AdaMerging" not in first
    assert "AdaMerging (sees test images)" in rest


def test_the_published_page_sets_them_apart():
    text = (PUBLISHED / "leaderboard.html").read_text(encoding="utf-8")
    before, after = text.split("<h2>Apart: methods that see test images</h2>")
    assert "AdaMerging" not in before
    assert after.count("AdaMerging") == 3, "once for each mode"


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


def test_published_page_and_table_print_the_same_numbers():
    """Also where a half is to be rounded."""
    table = (PUBLISHED / "tables/methods_addition.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| ([^|]+) \| ([\d.]+) \[([\d.]+), ([\d.]+)\]", table, re.M)
    page = Page((PUBLISHED / "leaderboard.html").read_text(encoding="utf-8"))
    assert len(found) > 20
    for method, value, low, high in found:  # of the first mode, whose lists come first
        cells = [cell[0].strip() for cell in page.row(method.removesuffix(" (sees test images)"))]
        assert (cells[1], cells[2]) == (value, f"{low} to {high} %"), method
