"""Figures of localization: what stands where, beside which reference, and for which models."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tangent_bench.figures import (
    _localization,
    _trunk,
    vector_localization,
    vector_localization_emergence,
    vector_localization_sizes,
    vector_localization_table,
    vector_localization_tasks,
)
from tests import synthetic

pytestmark = pytest.mark.slow

TASKS = ("mnist", "icons", "terrain")
RATIOS = ("others_over_own", "one_other_over_own")


@pytest.fixture(scope="module")
def table():
    return synthetic.make(tasks=TASKS)


def value(table, **where):
    for column, wanted in where.items():
        table = table[table[column] == wanted]
    return table["value"].item()


def marks(axis) -> dict[str, np.ndarray]:
    """Label → what has error bars, [points, 2]."""
    return {
        container.get_label(): np.array(container.lines[0].get_xydata())
        for container in axis.containers
    }


def test_a_row_of_the_matrix_is_a_vector_and_a_column_an_evaluated_task(table):
    axes = vector_localization.draw(table)
    titles = [axis.get_title().partition("\n")[2] for axis in axes.flat]
    assert titles[:2] == ["Non-lin. FT, α = 1", "Non-lin. FT, α = 0.2"]
    assert axes.shape == (1, 4)
    axis = axes[0, 3]
    assert axis.get_title() == "Tiny ViT/8\nLinear FT, α = 1"
    assert axis.get_xlabel().startswith("evaluated task") and not axis.get_ylabel()
    assert axes[0, 0].get_ylabel() == "task of the vector"
    at = {"training": "linear", "evaluation": "tangent", "coefficient": 1.0}
    shown = {text.get_position(): text.get_text() for text in axis.texts}
    assert len(shown) == 9
    for i, source in enumerate(TASKS):
        for j, task in enumerate(TASKS):
            ratio = value(table, metric="localization_ratio", sources=source, task=task, **at)
            assert shown[j, i] == f"{ratio:.2f}".removeprefix("0")
    assert shown[1, 0] != shown[0, 1], "or the other way around would pass"
    own = value(table, metric="relative_change", sources="icons", task="icons", **at)
    assert axis.get_xticklabels()[1].get_text() == f"Icons, {100 * own:.0f} %"


def test_colours_end_at_twice_the_own_change_and_hold_one(table):
    for factor, highest in ((1.0, 1.0), (1.6, None), (9.0, 2.0)):
        other = (table["metric"] == "localization_ratio") & (table["sources"] != table["task"])
        scaled = table.assign(value=table["value"].mask(other, factor * table["value"]))
        largest = scaled.loc[scaled["metric"] == "localization_ratio", "value"].max()
        image = vector_localization.draw(scaled).flat[0].images[0]
        assert image.get_clim() == (0.0, highest or largest)


def test_towers_with_one_mode_each_stand_abreast(table):
    standard = table[(table["training"] == "standard") & (table["evaluation"] == "network")]
    standard = standard[standard["coefficient"] != 0.2]
    towers = [standard.assign(init=init) for init in ("random", "step-3", "pretrained")]
    axes = vector_localization.draw(pd.concat(towers, ignore_index=True))
    assert axes.shape == (1, 3) and "(random)" in axes[0, 0].get_title()


def test_ways_are_modes_at_their_coefficients_in_the_tangent_space_at_the_first(table):
    found = [way.title for way in _localization.ways(table)]
    expected = ["Non-lin. FT, α = 1", "Non-lin. FT, α = 0.2"]
    assert found == [*expected, "Post-hoc lin., α = 1", "Linear FT, α = 1"]
    few = table[(table["coefficient"] != 1.0) | (table["experiment"] != "vector_localization")]
    assert [way.coefficient for way in _localization.ways(few)] == [0.2] * 3
    assert all(way.whole for way in _localization.ways(few))


def test_coefficients_of_several_seeds_are_met_although_their_mean_is_rounded():
    rows = synthetic.make(seeds=range(3), tasks=TASKS)
    assert np.mean([0.2] * 3) != 0.2
    axis = vector_localization_tasks.draw(rows).flat[0]
    assert np.isfinite(marks(axis)["Non-lin. FT, α = 0.2"]).all()


def test_marks_and_references_by_task(table):
    axes = vector_localization_tasks.draw(table)
    for axis, metric, reference in zip(axes.flat, RATIOS, (2**0.5, 1.0), strict=True):
        found = marks(axis)
        labels = ["Non-lin. FT, α = 1", "Non-lin. FT, α = 0.2", "Post-hoc lin.", "Linear FT"]
        assert list(found) == labels
        at = {"training": "standard", "evaluation": "tangent", "coefficient": 1.0}
        for number, task in enumerate((*TASKS, "all")):
            expected = value(table, metric=metric, task=task, **at)
            assert found["Post-hoc lin."][number, 0] == pytest.approx(expected)
            assert abs(found["Post-hoc lin."][number, 1] - number) < 0.5
        dotted = [line for line in axis.lines if line.get_linestyle() == ":"]
        assert [line.get_xdata()[0] for line in dotted] == [pytest.approx(reference)]
    ticks = [tick.get_text() for tick in axes.flat[0].get_yticklabels()]
    assert ticks == ["MNIST", "Icons", "Terrain", "Average"]


SHARES = {"random": 1.4, "step-3": 1.2, "step-10": 1.1, "pretrained": 1.0, "shuffled-100": 1.3}


def along(model="tiny", factor=1.0):
    """Rows whose every number is a multiple of what the last initialisation has."""
    rows = synthetic.make(tasks=TASKS).assign(model=model)
    numbers = ["value", "low", "high"]
    parts = [
        rows.assign(init=init, **{c: rows[c] * share * factor for c in numbers})
        for init, share in SHARES.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_lines_follow_the_pretraining(table):
    axes = vector_localization_emergence.draw(along())
    at = {"training": "standard", "evaluation": "network", "sources": "each", "task": "all"}
    for axis, metric, reference in zip(axes.flat, RATIOS, (2**0.5, 1.0), strict=True):
        for alpha, label in ((1.0, "Non-lin. FT, α = 1"), (0.2, "Non-lin. FT, α = 0.2")):
            last = value(table, metric=metric, coefficient=alpha, **at)
            points = marks(axis)[label]
            assert points[:, 0] == pytest.approx([np.log10(3), 1.0, 2.0])
            assert points[:, 1] == pytest.approx([1.2 * last, 1.1 * last, last])
            at_random = [c for c in axis.containers if c.lines[0].get_xdata()[0] == -_trunk.APART]
            heights = [c.lines[0].get_ydata()[0] for c in at_random]
            assert min(abs(height - 1.4 * last) for height in heights) < 1e-9
        dotted = [line.get_ydata()[0] for line in axis.lines if line.get_linestyle() == ":"]
        assert dotted == [pytest.approx(reference)]
        assert axis.get_ylim()[0] == 0.0


def test_pretrainings_are_one_family_along_the_pretraining():
    family = pd.concat(
        [along(f"tiny-pre{number}", factor) for number, factor in enumerate((1.0, 0.9, 0.5))],
        ignore_index=True,
    )
    axes = vector_localization_emergence.draw(family)
    assert axes.shape == (1, 2)
    assert axes[0, 0].get_title(loc="left") == "Tiny ViT/8, pre-trainings 0, 1, 2"
    one = marks(vector_localization_emergence.draw(along()).flat[0])["Linear FT"]
    assert marks(axes[0, 0])["Linear FT"][:, 1] == pytest.approx(0.8 * one[:, 1])


def sized(*factors, names=("tiny-pre{}", "wide-pre{}"), inits=("pretrained",)):
    """Three pre-trainings of two sizes; the larger has 0.7 times the numbers of the smaller."""
    parts = []
    for size, name in enumerate(names):
        for number, factor in enumerate(factors):
            rows = synthetic.make(tasks=TASKS).assign(model=name.format(number))
            rows["value"] *= factor * 0.7**size
            norms = rows["metric"] == "norm"
            rows["num_samples"] = rows["num_samples"].mask(norms, 850_000 * 4**size)
            parts += [rows.assign(init=init) for init in inits]
    return pd.concat(parts, ignore_index=True)


def test_sizes_stand_along_their_parameters_with_the_mean_of_pretrainings(table):
    axes = vector_localization_sizes.draw(sized(1.0, 0.8, 0.6))
    at = {"training": "linear", "evaluation": "tangent", "sources": "each", "task": "all"}
    for axis, metric in zip(axes.flat, RATIOS, strict=True):
        last = value(table, metric=metric, coefficient=1.0, **at)
        points = marks(axis)["Linear FT"]
        assert points[:, 1] == pytest.approx([0.8 * last, 0.56 * last])
        assert points[1, 0] == pytest.approx(4 * points[0, 0])
        assert points[0, 0] == pytest.approx(850_000, rel=0.1)
        ticks = [tick.get_text() for tick in axis.get_xticklabels()]
        assert ticks == ["0.85 M\nTiny ViT/8", "3.4 M\nWide ViT/8"]
        dots = [line.get_ydata()[0] for line in axis.lines if line.get_marker() == "."]
        assert any(abs(dot - 0.42 * last) < 1e-9 for dot in dots), "single pre-trainings"


def test_sizes_need_both_experiments_of_a_model():
    """Joined rows may have one of a model and the other of another."""
    rows = sized(1.0, names=("tiny-pre{}", "wide-pre{}"))
    small = rows["model"] == "tiny-pre0"
    geometry = rows["experiment"] == "vector_geometry"
    with pytest.raises(ValueError, match="No model has rows of both vector_localization and vec"):
        vector_localization_sizes.draw(rows[small == geometry])
    both = vector_localization_sizes.draw(rows[small | geometry])
    assert {len(points) for points in marks(both.flat[0]).values()} == {1}


def test_sizes_compare_what_was_pretrained_alike_at_its_end():
    """A shipped model beside them had another recipe; towers on the way are other models."""
    shipped = synthetic.make(tasks=TASKS)
    shipped["num_samples"] = shipped["num_samples"].mask(shipped["metric"] == "norm", 850_000)
    alike = sized(1.0, 0.8)
    more = pd.concat(
        [shipped, alike, along("tiny-pre0", factor=3.0).query("init != 'pretrained'")],
        ignore_index=True,
    )
    for axis, other in zip(
        vector_localization_sizes.draw(more).flat,
        vector_localization_sizes.draw(alike).flat,
        strict=True,
    ):
        found, expected = marks(axis), marks(other)
        assert list(found) == list(expected)
        for label, points in found.items():
            assert points == pytest.approx(expected[label])


def test_the_table_has_the_means_and_the_reference_of_no_localization(table):
    cells = vector_localization_table.build(table).set_index(["row", "column"])
    at = {"training": "standard", "evaluation": "network", "coefficient": 0.2, "sources": "each"}
    row = "Non-lin. FT, α = 0.2"
    for column, metric, task, unit in vector_localization_table.COLUMNS:
        assert cells.loc[(row, column), "value"] == value(table, metric=metric, task=task, **at)
        assert cells.loc[(row, column), "unit"] == unit
    reference = cells.loc["Not localized"]
    assert reference["value"].to_dict() == {"Others / own": 2**0.5, "One other / own": 1.0}
    assert cells.index[cells["grey"]].get_level_values("row").unique().tolist() == ["Not localized"]
    assert ("Linear FT, α = 0.2", "Others / own") not in cells.index
