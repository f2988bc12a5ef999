"""A line for each method, in the order of its accuracy, with the interval of its rows."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import yaml

from tangent_bench import merging
from tangent_bench.figures import _entities, merging_methods
from tangent_bench.figures._entities import APART
from tangent_bench.figures.merging_methods import draw
from tangent_bench.report.titles import titled
from tests import synthetic

ROOT = Path(__file__).parents[2]
SHIFTS = {
    ("ties", ""): 0.05,
    ("tsv_m", ""): 0.1,
    ("ties", "0123abcd"): -0.1,
    ("somebody_else", ""): -0.2,
}


def rows():
    table = synthetic.make(tasks=("mnist", "icons", "terrain"))
    added = table[table["experiment"] == "task_addition"]
    more = [
        added.assign(
            method=m,
            params_id=p,
            value=added["value"] + s,
            low=added["low"] + s,
            high=added["high"] + s,
        )
        for (m, p), s in SHIFTS.items()
    ]
    return pd.concat([table, *more], ignore_index=True)


def test_methods_are_in_the_order_of_their_accuracy():
    axis = draw(rows()).item()
    labels = [text.get_text() for text in axis.get_yticklabels()]
    assert labels == ["somebody_else", "TIES (0123abcd)", "Task arithmetic", "TIES", "TSV-M"]


def test_points_are_the_rows_and_bars_their_intervals():
    table = rows()
    axis = draw(table).item()
    where = {
        "experiment": "task_addition",
        "metric": "accuracy_tuned",
        "task": "all",
        "split": "test",
    }
    where |= {
        "sources": "mnist+icons+terrain",
        "training": "linear",
        "evaluation": "tangent",
        "method": "tsv_m",
    }
    for column, value in where.items():
        table = table[table[column] == value]
    bars = next(c for c in axis.containers if c.get_label() == "Linear FT")
    points = dict(zip((round(y) for y in bars[0].get_ydata()), bars[0].get_xdata(), strict=True))
    assert len(points) == 5 and points[4] == pytest.approx(100 * table["value"].item())
    ends = bars[2][0].get_segments()[list(points).index(4)]
    assert ends[:, 0] == pytest.approx([100 * table["low"].item(), 100 * table["high"].item()])


def test_the_pretrained_model_is_a_rule():
    """It is what every sum is at α = 0, and no shorter one's: those have other tasks."""
    table = rows()
    untouched = table[
        (table["experiment"] == "task_addition")
        & (table["metric"] == "accuracy")
        & (table["coefficient"] == 0.0)
        & (table["task"] == "all")
        & (table["split"] == "test")
    ]
    assert set(untouched["sources"]) == {"mnist+icons+terrain"}
    table.loc[untouched.index, "value"] = 0.4
    shorter = untouched.assign(sources="mnist+icons", value=0.9)
    table = pd.concat([shorter, table], ignore_index=True)
    axis = draw(table).item()
    (rule,) = (line for line in axis.lines if line.get_label() == "Pre-trained")
    assert rule.get_xdata() == pytest.approx([40.0] * 2)


def test_a_method_that_is_not_installed_has_its_name():
    assert (
        merging_methods.label("nowhere", "") == "nowhere"
        and merging_methods.label("ties", "") == "TIES"
    )


def test_hyper_parameters_are_said_in_words_where_the_config_is_at_hand():
    merger = merging.find("ties", {"keep": 0.1})
    plain = merging_methods.label("ties", merger.params_id)
    assert plain == f"TIES ({merger.params_id})"
    with _entities.titled({"methods": {merger.label: titled(merger)}}):
        assert merging_methods.label("ties", merger.params_id) == "TIES (keep=0.1)"
        assert merging_methods.label("ties", "0123abcd") == "TIES (0123abcd)"
    adapted = merging.find("adamerging", {"steps": 7})
    with _entities.titled({"methods": {adapted.label: titled(adapted)}}):
        shown = merging_methods.label("adamerging", adapted.params_id)
    assert shown == "AdaMerging (steps=7) (sees test images)"


def test_methods_that_see_test_images_stand_below_the_others(monkeypatch):
    """TSV-M, which is the best, and one of the two kinds of TIES as if they saw them."""
    seeing = {"tsv_m", "ties"}
    ranked = places_of(draw(rows()).item())
    monkeypatch.setattr(merging, "sees_test_images", seeing.__contains__)
    axis = draw(rows()).item()
    places = places_of(axis)
    apart = {"TSV-M", "TIES", "TIES (0123abcd)"}
    others = [name for name in ranked if name not in apart]
    assert [name for name in places if name not in apart] == others, "in the order as before"
    (rule,) = (line for line in axis.lines if list(line.get_xdata()) == [0, 1])
    height = rule.get_ydata()[0]
    assert {name for name, place in places.items() if place < height} == apart
    (text,) = axis.texts
    assert text.get_text() == APART
    assert max(places[name] for name in apart) < text.get_position()[1] < height
    for bars in axis.containers:
        assert {round(y) for y in bars[0].get_ydata()} == set(places.values())


def test_without_such_methods_there_is_no_rule():
    axis = draw(rows()).item()
    assert not axis.texts
    assert list(places_of(axis).values()) == [0, 1, 2, 3, 4]


def places_of(axis):
    """Label of each line → its height, from the lowest to the highest."""
    labels = [text.get_text() for text in axis.get_yticklabels()]
    return dict(zip(labels, axis.get_yticks(), strict=True))


def test_a_transductive_method_says_so():
    assert (
        merging_methods.label("adamerging", "0123abcd")
        == "AdaMerging (0123abcd) (sees test images)"
    )


@pytest.mark.parametrize("name", ["methods", "methods_negation"])
def test_the_presets_of_methods_make_it(name):
    """It is published with them, and a figure that is not made cannot be."""
    preset = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    modes = ["standard-network", "standard-tangent", "linear-tangent"]
    given = {"num_methods": len(preset["methods"])}
    assert merging_methods.FIGURE.possible(preset["experiments"], modes, **given)
