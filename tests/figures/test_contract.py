"""Every figure and table: from rows of any number of seeds and models, labelled, not cut off, same
bytes twice.
"""

import io
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas

from tangent_bench import registry
from tangent_bench.figures import Figure, _style, vector_localization_table
from tangent_bench.figures._cells import Cell
from tangent_bench.figures._entities import MODES, ZERO_SHOT, mode, modes, task_marker, task_title
from tangent_bench.figures._panels import PAGE
from tangent_bench.report import render
from tests import synthetic

ABOUT = {name: registry.load("figures", name).FIGURE for name in registry.names("figures")}
FIGURES = [name for name, about in ABOUT.items() if about.kind == "figure"]
# the one with most panels takes longest
DRAWN = [pytest.param(n, marks=pytest.mark.slow) if n == "cost_growth" else n for n in FIGURES]
# those about certain models alone are tested beside their files, on rows of these models
TABLES = [name for name, about in ABOUT.items() if about.kind == "table" and not about.models]
ON_AN_AXIS = ("vector_localization_sizes",)  # models stand along x, in the same panels
FEW = ("mnist", "icons", "terrain")
RUNS = {
    "one seed": {},
    "two seeds": {"seeds": (0, 1), "tasks": FEW},
    "five seeds": {"seeds": range(5), "tasks": FEW},
    "two models": {"models": ("tiny", "ViT-B-32"), "tasks": FEW},
    "a user's tasks": {"tasks": ("my_signs", "my_pets")},
}
WHEN = {"one seed": (), "two models": pytest.mark.slow}  # the others are drawn by test-full alone
# Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency", 2009
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ]
)
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ]
)


IMPORTED = "public checkpoints beside own ones"


@cache
def rows(run):
    if run == IMPORTED:
        return synthetic.with_imported(rows("two seeds"))
    return synthetic.make(**RUNS[run])


def test_every_experiment_has_made_up_rows():
    assert sorted(synthetic.EXPERIMENTS) == sorted(registry.names("experiments"))


@pytest.mark.parametrize("name", ABOUT)
def test_says_what_it_is(name):
    about, module = ABOUT[name], registry.load("figures", name)
    assert about.title and module.__doc__
    assert about.reads and set(about.reads) <= set(registry.names("experiments"))
    assert callable(getattr(module, {"figure": "draw", "table": "build"}[about.kind]))
    assert about.caption.strip() and "{" not in about.caption
    caption = about.report_caption
    assert "snakemake.params.run.preset" in caption and "snakemake.params.run.seeds" in caption


@pytest.mark.parametrize(
    "run",
    [pytest.param(run, marks=WHEN.get(run, pytest.mark.full)) for run in (*RUNS, IMPORTED)],
)
@pytest.mark.parametrize("name", DRAWN)
def test_draws_with_labels_and_nothing_cut_off(name, run):
    axes = registry.load("figures", name).draw(rows(run))
    if run == "two models":
        _require_panels_for_each_model(name, axes)
    figure = axes.flat[0].figure
    figure.draw_without_rendering()
    inside = figure.get_tightbbox().padded(-0.02)
    assert inside.x0 >= 0 and inside.y0 >= 0
    assert inside.x1 <= figure.get_figwidth() and inside.y1 <= figure.get_figheight()
    if run not in ("two models", IMPORTED):  # with a panel for each model and protocol
        assert figure.get_figwidth() <= PAGE
    words = [text.get_text() for text in figure.findobj(lambda a: hasattr(a, "get_text"))]
    assert any("%" in text for text in words), "no unit"
    assert "n =" in figure.get_supxlabel()
    assert all(has_words(axis) or has_words(lowest_of_column(axis)) for axis in figure.axes)


def has_words(axis):
    """Whether there are words along x."""
    return bool(axis.get_xlabel() or any(tick.get_text() for tick in axis.get_xticklabels()))


def lowest_of_column(axis):
    """The lowest panel among those that begin at the same x: its words are those of all."""
    begin = axis.get_position().x0
    column = [other for other in axis.figure.axes if abs(other.get_position().x0 - begin) < 0.005]
    return min(column, key=lambda other: other.get_position().y0)


def test_the_overview_explains_modes_that_only_a_later_panel_has():
    axes = registry.load("figures", "overview").draw(rows(IMPORTED)).flat
    words = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert words == ["Pre-trained", "Non-lin. FT", "Post-hoc lin.", "Linear FT"]


def test_the_overview_prints_numbers_as_tables_do():
    """66.85 lies between two, and 100 * 0.6685 a little above it."""
    table = rows("two seeds").copy()
    sums = (table["metric"] == "accuracy_tuned") & (table["task"] == "all")
    table.loc[sums, "value"] = 0.6685
    printed = render.value_and_interval(Cell("", "", "", 0.6685))[0]
    axis = registry.load("figures", "overview").draw(table).flat[0]
    assert [text.get_text() for text in axis.texts].count(printed) == 3


@cache
def num_panels(name):
    """Panels of a figure of one model."""
    return registry.load("figures", name).draw(rows("two seeds")).size


def _require_panels_for_each_model(name, axes):
    if name in ON_AN_AXIS:
        words = " ".join(tick.get_text() for axis in axes.flat for tick in axis.get_xticklabels())
        assert axes.size == num_panels(name) and "Tiny ViT/8" in words and "ViT-B-32" in words
        return
    assert axes.size == 2 * num_panels(name)
    titles = " ".join(axis.get_title() + axis.get_title(loc="left") for axis in axes.flat)
    assert "Tiny ViT/8" in titles and "ViT-B-32" in titles


@pytest.mark.full
@pytest.mark.parametrize("name", FIGURES)
def test_same_rows_same_bytes(name, tmp_path):
    for i in range(2):
        figure = registry.load("figures", name).draw(rows("two seeds")).flat[0].figure
        for ending in ("svg", "pdf"):
            _style.save(figure, tmp_path / f"{i}.{ending}")
    for ending in ("svg", "pdf"):
        first, second = ((tmp_path / f"{i}.{ending}").read_bytes() for i in range(2))
        assert first == second
        assert b"dc:date" not in first and b"CreationDate" not in first


@pytest.mark.parametrize("name", FIGURES)
def test_draws_into_given_axes_or_says_how_many_it_needs(name):
    draw = registry.load("figures", name).draw
    number = num_panels(name)
    axes = Canvas().subplots(1, number, squeeze=False)
    assert list(draw(rows("two seeds"), ax=axes).flat) == list(axes.flat)
    with pytest.raises(ValueError, match="panels"):
        draw(rows("two seeds"), ax=Canvas().subplots(1, number + 1))


@pytest.mark.parametrize("name", ABOUT)
def test_missing_experiment_is_named(name):
    module, missing = registry.load("figures", name), ABOUT[name].reads[0]
    left = rows("two seeds")[lambda table: table["experiment"] != missing]
    with pytest.raises(ValueError, match=f"'{missing}'.*config"):
        (module.draw if ABOUT[name].kind == "figure" else module.build)(left)


@pytest.mark.parametrize(
    "run",
    [pytest.param(run, marks=WHEN.get(run, pytest.mark.full)) for run in (*RUNS, IMPORTED)],
)
@pytest.mark.parametrize("name", TABLES)
def test_tables_render_in_every_format(name, run):
    cells = registry.load("figures", name).build(rows(run))
    names = cells["row"].drop_duplicates()
    assert len(names) and cells.loc[cells["unit"] != "text", "value"].notna().any()
    titles = {"Tiny ViT/8", "ViT-B-32"} if run == "two models" else {"Tiny ViT/8"}
    if name == "claims_table":  # its rows belong to models where there are several
        assert len(titles) == 1 or all(
            names.str.contains(title, regex=False).any() for title in titles
        )
    else:
        families = {"Tiny ViT/8 (C)", "Tiny ViT/8 (C+own)"} if run == IMPORTED else set()
        assert titles <= set(cells["group"]) <= titles | families
        assert run != IMPORTED or "Tiny ViT/8 (C)" in set(cells["group"])
    assert render.markdown(cells, "note").count("\n| ") == len(names) + 1
    assert render.csv(cells).count("\n") == len(names) + 1
    tex = render.latex(cells, "A title: 5 % & more", name)
    assert tex.count(r"\toprule") == tex.count(r"\bottomrule") == 1 and r"5 \% \& more" in tex
    columns = {
        line.count("&")
        for line in tex.splitlines()
        if line.endswith(r"\\") and "multicolumn" not in line
    }
    assert len(columns) == 1 and "%" not in tex.split(r"\midrule")[1]
    assert "<td>" in render.html(cells, "title") and "nan" not in render.plain(cells)


@pytest.mark.parametrize("name", TABLES)
def test_tables_show_the_value_of_the_rows(name):
    table = rows("one seed")
    build = registry.load("figures", name).build
    scaled = table.assign(
        value=table["value"] * 0.5, low=table["low"] * 0.5, high=table["high"] * 0.5
    )
    first, second = build(table), build(scaled)
    share = second["value"] / first["value"]
    measured = (first["unit"] != "text") & (first["row"] != vector_localization_table.UNRELATED)
    assert np.allclose(share[measured].dropna(), 0.5)


def test_words_of_a_markdown_table_stand_to_the_left():
    cells = registry.load("figures", "claims_table").build(rows("one seed"))
    head, rule = render.markdown(cells).splitlines()[:2]
    sides = dict(zip(head.split(" | "), rule.split(" | "), strict=True))
    assert sides["Verdict"] == "---"
    assert sides["Detectable"] == "---:"


def test_table_1_holds_the_right_numbers():
    table = rows("one seed")
    cells = (
        registry.load("figures", "table1_addition")
        .build(table)
        .set_index(["row", "column"])["value"]
    )
    added = table[
        (table["experiment"] == "task_addition")
        & (table["task"] == "all")
        & (table["split"] == "test")
    ]
    linear = added[
        (added["training"] == "linear") & (added["sources"] == "+".join(synthetic.TASKS))
    ]
    for column, metric in (
        ("Absolute", "accuracy_tuned"),
        ("Normalized", "normalized_accuracy_tuned"),
        ("Recovered gain", "recovered_gain_tuned"),
    ):
        assert cells["Linear FT", column] == linear.loc[linear["metric"] == metric, "value"].item()
    start = linear[(linear["metric"] == "normalized_accuracy") & (linear["coefficient"] == 0.0)]
    assert cells["Linear FT", "Norm. at α = 0"] == start["value"].item()


def test_the_sum_by_task_is_that_of_table_1_on_each_task():
    table = rows("one seed")
    table = table.assign(value=table["value"].mask(table["split"] == "val", 0.0))
    cells, whole = (
        registry.load("figures", name).build(table).set_index(["row", "column"])["value"]
        for name in ("addition_by_task", "table1_addition")
    )
    added = table[
        (table["experiment"] == "task_addition")
        & (table["metric"] == "accuracy_tuned")
        & (table["sources"] == "+".join(synthetic.TASKS))
    ]
    expected = added.set_index(["training", "evaluation", "task"])["value"]
    for place in modes(added):
        assert cells["Average", place.title] == whole[place.title, "Absolute"]
        for task in synthetic.TASKS:
            on_it = expected[place.training, place.evaluation, task]
            assert cells[task_title(task), place.title] == on_it
    assert cells["Average", "Pre-trained"] == whole["Pre-trained", "Absolute"]
    zero = table[(table["training"] == "none") & (table["split"] == "test")]
    zero = zero[zero["metric"] == "accuracy"].set_index("task")["value"]
    for task in synthetic.TASKS:
        assert cells[task_title(task), "Pre-trained"] == zero[task]


def test_laws_of_a_perceptron_that_stands_beside_two_models_are_drawn_once():
    draw, table = registry.load("figures", "width_laws").draw, rows("one seed")
    other = table.assign(model="ViT-B-32")
    assert draw(pd.concat([table, other])).shape == (1, 2)
    other["value"] *= 0.9
    assert draw(pd.concat([table, other])).shape == (2, 2)


def test_scatter_has_one_point_per_task_and_greys_the_half_below():
    axis = registry.load("figures", "scatter_posthoc").draw(rows("one seed")).flat[0]
    assert len(axis.containers) == len(synthetic.TASKS)
    corners = axis.collections[0].get_paths()[0].vertices
    assert (corners[:, 1] <= corners[:, 0] + 1e-9).all()


def test_colours_and_markers_belong_to_modes():
    known = (ZERO_SHOT, *MODES)
    assert len({m.colour for m in known}) == len({m.marker for m in known}) == len(known)
    assert all(mode(m.training, m.evaluation) is m for m in known)
    assert mode("attention_only", "tangent") == mode("attention_only", "tangent")
    assert (
        len({task_marker(task, [*synthetic.TASKS, "pets"]) for task in (*synthetic.TASKS, "pets")})
        == 9
    )


@pytest.mark.parametrize(
    "seen", [np.eye(3), PROTANOPIA, DEUTERANOPIA], ids=["normal", "protanopia", "deuteranopia"]
)
def test_colours_of_modes_are_told_apart(seen):
    from matplotlib.colors import to_rgb

    linear = [seen @ np.power(to_rgb(m.colour), 2.2) for m in MODES]
    for i in range(len(linear)):
        for j in range(i):
            assert np.linalg.norm(linear[i] - linear[j]) > 0.2


def test_every_mode_has_a_look_and_a_title_of_its_own():
    """Of a training the evaluation that it was made for has its plain name."""
    found = [mode(t, e) for t in registry.names("training") for e in ("network", "tangent")]
    assert len({(m.colour, m.marker) for m in found}) == len({m.title for m in found}) == len(found)
    titles = {(m.training, m.evaluation): m.title for m in found}
    assert (
        titles["tau_jp", "tangent"] == "τJp FT"
        and titles["attention_only", "network"] == "Attention-only FT"
    )
    assert titles["attention_only", "tangent"] == "Attention-only FT, tangent"
    assert mode("lora_16", "network").title == "Lora 16, network", "a name of printed rows alone"


def test_unknown_kind_and_ending():
    with pytest.raises(ValueError, match="unknown kind 'plot'"):
        Figure("x", reads=("single_task",), kind="plot")
    with pytest.raises(ValueError, match="'jpg'"):
        _style.save(Canvas(), "x.jpg")


def test_only_possible_figures_are_made():
    about = ABOUT["scatter_linear"]
    assert about.possible(["single_task"], ["standard-network", "linear-tangent"])
    assert not about.possible(["single_task"], ["standard-network"])
    assert not about.possible(["task_addition"], ["standard-network", "linear-tangent"])
    many = Figure("", reads=("single_task",), num_methods=2)
    assert many.possible(["single_task"], [], num_methods=2) and not many.possible(
        ["single_task"], []
    )
    along = ABOUT["emergence"]
    assert along.possible(along.reads, ["standard-network"], 2) and not along.possible(
        along.reads, ["standard-network"]
    )
    sizes = ABOUT["vector_localization_sizes"]
    assert sizes.possible(sizes.reads, ["standard-network"], models=["tiny-pre0", "wide-pre0"])
    assert not sizes.possible(sizes.reads, ["standard-network"], models=["tiny-pre0"])
    matrices = ABOUT["vector_localization"]
    assert matrices.possible(matrices.reads, [], 3) and not matrices.possible(matrices.reads, [], 4)


def test_drawing_leaves_matplotlib_as_it_was():
    import matplotlib

    before = dict(matplotlib.rcParams)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # matplotlib's own probing of an error, under NumPy 2.2
        warnings.filterwarnings("ignore", "Conversion of an array", DeprecationWarning)
        figure = registry.load("figures", "overview").draw(rows("two seeds")).flat[0].figure
        figure.savefig(io.BytesIO())
    assert dict(matplotlib.rcParams) == before
