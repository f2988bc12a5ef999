"""Emergence: initialisations in the order of pre-training, pre-trainings beside one another, the
control apart.
"""

import numpy as np
import pandas as pd
import pytest

from tangent_bench.figures import _trunk, emergence
from tests import synthetic

pytestmark = pytest.mark.slow

SHARES = {"pretrained": 1.0, "step-10": 0.6, "random": 0.1, "step-3": 0.3, "shuffled-100": 0.2}
FACTOR = {"tiny-pre0": 1.0, "tiny-pre1": 0.8, "tiny-pre2": 0.6}
ASIDE = 2.0 + _trunk.ASIDE
PLACES = {
    "random": -_trunk.APART,
    "step-3": np.log10(3),
    "step-10": 1.0,
    "pretrained": 2.0,
    "shuffled-100": ASIDE,
}
ORDER = ["step-3", "step-10", "pretrained"]


def along(model="tiny", shares=SHARES, factor=1.0):
    """Rows whose every number is a share of what the last initialisation has."""
    rows = synthetic.make(tasks=("mnist", "icons")).assign(model=model)
    numbers = ["value", "low", "high"]
    parts = [
        rows.assign(init=init, **{c: rows[c] * share * factor for c in numbers})
        for init, share in shares.items()
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def table():
    return along()


@pytest.fixture(scope="module")
def family():
    return pd.concat(
        [along(model, factor=factor) for model, factor in FACTOR.items()], ignore_index=True
    )


def drawn(axis):
    """(x, y) of everything with error bars, by label or arm."""
    lines = [(container.lines[0], container.get_label()) for container in axis.containers]
    return [
        (np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float), name)
        for line, name in lines
    ]


def at_the_end(table, **where):
    """The row of the first mode at the pre-trained initialisation."""
    where |= {
        "init": "pretrained",
        "training": "standard",
        "evaluation": "network",
        "split": "test",
        "params_id": "",
    }
    found = table[
        np.logical_and.reduce([table[column] == value for column, value in where.items()])
    ]
    assert len(found) == 1, found
    return 100 * found["value"].item()


def test_lines_rise_with_the_part_of_the_trunk(table):
    for axis in emergence.draw(table).flat:
        assert [tick.get_text() for tick in axis.get_xticklabels()] == [
            "random",
            "3 %",
            "10 %",
            "100 %",
        ]
        assert axis.get_xticks() == pytest.approx([PLACES[init] for init in ("random", *ORDER)])
        for x, y, label in drawn(axis):
            if not np.isnan(y).all() and not label.startswith("_"):
                assert x == pytest.approx([PLACES[init] for init in ORDER])
                assert y / y[-1] == pytest.approx([0.3, 0.6, 1.0])


def test_random_and_shuffled_stand_apart_from_the_line(table):
    for axis in emergence.draw(table).flat:
        lines = [y for _, y, label in drawn(axis) if not label.startswith("_")]
        top = [
            y[-1] for y in lines if not np.isnan(y).all()
        ]  # the control's entry in the legend has no points
        for init in ("random", "shuffled-100"):
            found = [y for x, y, _ in drawn(axis) if np.allclose(x, PLACES[init])]
            assert found and all(
                min(abs(y[0] / SHARES[init] - t) for t in top) < 1e-9 for y in found
            )
            (hollow,) = {
                c.lines[0].get_markerfacecolor() == "white"
                for c in axis.containers
                if np.allclose(np.asarray(c.lines[0].get_xdata(), float), PLACES[init])
            }
            assert hollow == (init == "shuffled-100")
    words = [text.get_text() for text in emergence.draw(table).flat[0].get_legend().get_texts()]
    assert words == [
        "untouched",
        "Non-lin. FT, single tasks",
        "Non-lin. FT, sum",
        "captions shuffled",
    ]


def test_each_panel_shows_its_quantity(table):
    expected = (
        {
            "experiment": "task_addition",
            "metric": "recovered_gain_tuned",
            "sources": "mnist+icons",
            "task": "all",
        },
        {
            "experiment": "disentanglement",
            "metric": "relative_disentanglement_error",
            "sources": "each",
        },
        {"experiment": "pretraining_ablation", "metric": "matched_disentanglement_error"},
    )
    for axis, where in zip(emergence.draw(table).flat[1:], expected, strict=True):
        (y,) = [y for _, y, label in drawn(axis) if label == "Non-lin. FT"]
        assert y[-1] == pytest.approx(at_the_end(table, **where))


def test_pretrainings_are_thin_and_their_mean_is_bold(family):
    axes = emergence.draw(family)
    assert (
        axes.size == 4 and axes.flat[0].get_title(loc="left") == "Tiny ViT/8, pre-trainings 0, 1, 2"
    )
    axis, (where, _) = axes.flat[3], emergence.PARTS[2]
    single = at_the_end(family[family["model"] == "tiny-pre0"], **where)
    (bold,) = [c for c in axis.containers if c.get_label() == "Non-lin. FT"]
    assert bold.lines[0].get_ydata()[-1] == pytest.approx(single * np.mean(list(FACTOR.values())))
    thin = [
        line.get_ydata()[-1]
        for line in axis.lines
        if line.get_alpha() and len(line.get_xdata()) == 3
    ]
    assert {round(y, 9) for y in thin} >= {round(single * factor, 9) for factor in FACTOR.values()}
    note = axes.flat[0].figure.get_supxlabel().replace("\n", " ")
    assert (
        "each of 3 pre-trainings" in note
        and "images, conditional on these pre-trainings and seeds" in note
    )


def test_lanes_with_other_seeds_and_pretrainings_have_their_own_words(family):
    five = [along("tiny").assign(seed=seed) for seed in range(5)]
    axes = emergence.draw(pd.concat([family, *five], ignore_index=True))
    note = axes.flat[0].figure.get_supxlabel().replace("\n", " ")
    assert "5 seeds (0, 1, 2, 3, 4)" in note
    assert (
        "Tiny ViT/8, pre-trainings 0, 1, 2 (1 seed): thin: each of 3 pre-trainings; bold: their "
        "mean; 95 % intervals: images, conditional on these pre-trainings and seeds. "
        "Tiny ViT/8: 95 % intervals: seeds and images, conditional on this pre-training"
    ) in note


def test_five_pretrainings_widen_the_interval_by_their_spread():
    """s² / 5 + the images' variance, with Satterthwaite's degrees: only s² has few, four."""
    from scipy.stats import t

    many = {f"tiny-pre{k}": 1 + 0.2 * k for k in range(5)}
    table = pd.concat(
        [along(model, factor=factor) for model, factor in many.items()], ignore_index=True
    )
    axis, (where, _) = emergence.draw(table).flat[3], emergence.PARTS[2]
    (bold,) = [c for c in axis.containers if c.get_label() == "Non-lin. FT"]
    low, high = bold.lines[2][0].get_segments()[-1][:, 1]
    single = at_the_end(table[table["model"] == "tiny-pre0"], **where)
    values = single * np.array(list(many.values()))
    images = np.mean(
        (100 * 0.03 * np.array(list(many.values())) / 1.959964) ** 2
    )  # synthetic: ± 0.03
    spread = values.var(ddof=1) / 5
    degrees = 4 * (spread + images) ** 2 / spread**2
    half = t.ppf(0.975, degrees) * np.sqrt(spread + images)
    assert (high - low) / 2 == pytest.approx(half, rel=1e-6)


def test_own_heads_have_panels_of_their_own(table):
    own = along(shares={"whole-3": 0.3, "whole-10": 0.6, "pretrained": 1.0})
    matched = own["experiment"] == "pretraining_ablation"
    own = own.assign(
        params_id=own["params_id"].mask(matched, "own heads"), value=own["value"].mask(matched, 0.2)
    )
    axes = emergence.draw(own)
    assert axes.size == 4 and "text tower of the time" in axes.flat[0].get_title(loc="left")
    both = emergence.draw(
        pd.concat([table, own[matched | (own["init"] != "pretrained")]], ignore_index=True)
    )
    assert both.size == 8
    (final,) = [y for _, y, label in drawn(both.flat[3]) if label == "Non-lin. FT"]
    (of_the_time,) = [y for _, y, label in drawn(both.flat[7]) if label == "Non-lin. FT"]
    assert (
        final[-1] == pytest.approx(at_the_end(table, **emergence.MATCHED))
        and of_the_time.tolist() == [20.0] * 3
    )
    for axis in both.flat[4:]:
        assert [tick.get_text() for tick in axis.get_xticklabels()] == ["3 %", "10 %", "100 %"]


def test_the_mean_under_own_heads_is_of_the_models_that_have_them(family):
    """The others end at the same tower, and would stand in the mean of the end alone."""
    own = along("tiny-pre0", shares={"whole-3": 0.3, "whole-10": 0.6}, factor=FACTOR["tiny-pre0"])
    matched = own["experiment"] == "pretraining_ablation"
    own = own.assign(params_id=own["params_id"].mask(matched, "own heads"))
    axes = emergence.draw(pd.concat([family, own], ignore_index=True))
    (end,) = [y[-1] for _, y, label in drawn(axes.flat[5]) if label == "Non-lin. FT"]
    where = {**emergence.GAIN, "model": "tiny-pre0"}
    assert axes.size == 8 and end == pytest.approx(at_the_end(family, **where))


@pytest.mark.parametrize("inits", [("pretrained",), ("random", "pretrained")])
def test_models_that_were_not_followed_are_left_out(family, inits):
    """Before and after are no course: `untrained` is in the table of claims."""
    others = [
        synthetic.make(models=[name], seeds=range(5), tasks=("mnist", "icons")).assign(init=init)
        for name in ("tiny", "wide-pre0")
        for init in inits
    ]
    axes = emergence.draw(pd.concat([family, *others], ignore_index=True))
    assert axes.size == 4 and "1 seed (0)" in axes.flat[0].figure.get_supxlabel()


def test_without_a_pair_that_can_be_matched_the_panel_says_so(table):
    matched = table["metric"].str.startswith("matched_") & (table["metric"] != "matched_pairs")
    left = table[~matched]
    left = left.assign(value=left["value"].mask(left["metric"] == "matched_pairs", 0.0))
    axes = emergence.draw(left)
    assert "no pair of tasks" in " ".join(text.get_text() for text in axes.flat[3].texts)
    assert "none at equal accuracy (0 of 1 pairs" in axes.flat[0].figure.get_supxlabel().replace(
        "\n", " "
    )
