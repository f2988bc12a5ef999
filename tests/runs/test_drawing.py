"""Figures for a page: what was asked for is drawn, nothing covers anything, and what cannot be is
said in a sentence.
"""

from __future__ import annotations

import io
import re
from itertools import combinations
from pathlib import Path

import matplotlib
import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text
from PIL import Image

from tangent_bench import registry, runs
from tangent_bench.figures import _style
from tangent_bench.report import published as publishing
from tests import synthetic
from tests.runs.conftest import FEW

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "results/published"
GOLDEN = ROOT / "tests/golden/overview_column.png"
COLUMN = 3.25  # inches
LEAST_POINTS = 5.9
TOUCHING = 1.0  # points by which neighbours may meet
NEAR = 2.0  # of 255, mean over the pixels of a picture


def texts(artist):
    """The visible texts of a figure or axes."""
    found = artist.findobj(Text)
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def words(figure):
    return "\n".join(text.get_text() for text in texts(figure))


def pixels(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    return np.asarray(Image.open(buffer).convert("L"), float)


# Widths


def test_a_figure_has_the_width_height_and_letters_that_are_asked_for(run):
    figure = run.figure("overview", width="82.55mm", height=2.5, font="DejaVu Serif", font_size=9)
    assert figure.get_figwidth() == pytest.approx(COLUMN) and figure.get_figheight() == 2.5
    label = figure.axes[0].yaxis.label
    assert label.get_fontsize() == 9.0 and label.get_fontfamily()[0] == "DejaVu Serif"
    tick = figure.axes[0].get_yticklabels()[0]
    assert tick.get_fontsize() == pytest.approx(7.0 * 9 / 8)
    assert tick.get_fontfamily()[0] == "DejaVu Serif"


def test_a_figure_without_wishes_is_that_of_the_results_page(run, made):
    own = registry.load("figures", "overview").draw(made).flat[0].figure
    own.draw_without_rendering()
    asked = run.figure("overview")
    assert asked.get_size_inches() == pytest.approx(own.get_size_inches())
    assert words(asked) == words(own)


def test_panels_of_a_narrow_page_stand_below_one_another(run):
    wide = run.figure("number_of_tasks")
    narrow = run.figure("number_of_tasks", width=COLUMN)
    assert len(wide.axes) == len(narrow.axes) == 2
    lines = [axis.get_subplotspec().rowspan.start for axis in narrow.axes]
    assert lines == [0, 1] and narrow.get_figheight() > 1.5 * wide.get_figheight()


def test_the_note_is_left_out_where_it_is_not_wanted(run):
    assert "n = " in run.figure("overview", width=COLUMN).get_supxlabel()
    assert run.figure("overview", width=COLUMN, note=False).get_supxlabel() == ""


def depth(first, second):
    """How far two boxes, which may be turned, reach into one another.

    They are apart where some side of one separates them.
    """
    depths = []
    for side in (*sides(first), *sides(second)):
        a = first @ side
        b = second @ side
        depths.append(min(a.max(), b.max()) - max(a.min(), b.min()))
    return min(depths)


def corners(artist):
    """The corners of an artist's box, turned as its words are."""
    box = artist.get_window_extent()
    middle = np.array([box.x0 + box.x1, box.y0 + box.y1]) / 2
    angle = artist.get_rotation() if isinstance(artist, Text) else 0.0
    if angle:
        artist.set_rotation(0.0)
        box = artist.get_window_extent()
        artist.set_rotation(angle)
    half = np.array([box.width, box.height]) / 2
    sine = np.sin(np.radians(angle))
    cosine = np.cos(np.radians(angle))
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    return middle + signs * half @ np.array([[cosine, sine], [-sine, cosine]])


def sides(box):
    """The directions of the two sides of a box."""
    found = np.array([box[1] - box[0], box[3] - box[0]])
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def covered(axis):
    """Pairs of texts of an axis that cover one another: titles, labels, numbers, the legend."""
    legend = axis.get_legend()
    hidden = {id(text) for text in beyond(axis)}
    if legend is not None:
        hidden |= {id(text) for text in texts(legend)}
    parts = [text for text in texts(axis) if id(text) not in hidden]
    if legend is not None:
        parts.append(legend)
    least = TOUCHING * axis.get_figure(root=True).dpi / 72
    boxes = [(part, corners(part)) for part in parts]
    return [(a, b) for (a, box), (b, other) in combinations(boxes, 2) if depth(box, other) > least]


def beyond(axis):
    """Labels of ticks that lie beyond the ends of an axis, where they are not drawn."""
    found = []
    for side in (axis.xaxis, axis.yaxis):
        low, high = sorted(side.get_view_interval())
        for tick in (*side.get_major_ticks(), *side.get_minor_ticks()):
            if not low <= tick.get_loc() <= high:
                found += [tick.label1, tick.label2]
    return found


def require_legible(figure):
    _style.settle(figure)  # as a file has it
    figure.draw_without_rendering()
    assert min(text.get_fontsize() for text in texts(figure)) >= LEAST_POINTS
    inside = figure.get_tightbbox().padded(-0.02)
    assert inside.x0 >= 0 and inside.y0 >= 0
    assert inside.x1 <= figure.get_figwidth() and inside.y1 <= figure.get_figheight()
    for axis in figure.axes:
        pairs = [[getattr(a, "get_text", lambda: "legend")() for a in p] for p in covered(axis)]
        assert pairs == [], axis.get_title()


@pytest.mark.parametrize("name", ["overview", "scatter_linear"])
def test_a_column_is_legible(run, name):
    require_legible(run.figure(name, width=COLUMN))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in publishing.names(PUBLISHED) if "/figures/" in name]
)
@pytest.mark.parametrize("language", ["en", pytest.param("de", marks=pytest.mark.full)])
def test_every_published_figure_is_legible_in_a_column(name, language):
    preset, _, figure = name.partition("/figures/")
    run = runs.open(PUBLISHED / preset)
    require_legible(run.figure(figure, width=COLUMN, language=language))


def test_what_covers_something_would_be_noticed():
    figure = Canvas(figsize=(2, 2))
    axis = figure.subplots()
    axis.text(0.5, 0.5, "one")
    axis.text(0.52, 0.5, "two")
    figure.draw_without_rendering()
    assert len(covered(axis)) == 1


@pytest.mark.parametrize(("turn", "step", "num"), [(0, 0.2, 1), (45, 0.2, 0), (45, 0.05, 1)])
@pytest.mark.parametrize("mode", ["default", "anchor"])
def test_words_at_an_angle_cover_one_another_where_their_lines_do(turn, step, num, mode):
    figure = Canvas(figsize=(4, 4))
    axis = figure.subplots()
    for place in (0.4, 0.4 + step):
        axis.text(place, 0.5, "StreetNumbers", rotation=turn, rotation_mode=mode)
    figure.draw_without_rendering()
    assert len(covered(axis)) == num


@pytest.mark.parametrize("turn", [0, 45, 90])
def test_the_box_of_turned_words_is_as_wide_and_high_as_what_is_drawn(turn):
    figure = Canvas(figsize=(2, 2))
    text = figure.text(0.5, 0.5, "Symbols", rotation=turn, rotation_mode="anchor")
    found = corners(text)
    box = text.get_window_extent()
    assert np.ptp(found, axis=0) == pytest.approx([box.width, box.height])
    assert found.min(axis=0) == pytest.approx([box.x0, box.y0])


# The caller's own axes


def test_the_callers_axes_keep_their_look_and_size(made):
    settings = {"font.family": "DejaVu Serif", "font.size": 6.0, "axes.labelsize": 11.0}
    draw = registry.load("figures", "overview").draw
    with matplotlib.rc_context(settings):
        figure = Canvas(figsize=(3.3, 3.0), layout="constrained")
        draw(made, figure.subplots())
        figure.draw_without_rendering()
    assert {tuple(text.get_fontfamily()) for text in texts(figure)} == {("DejaVu Serif",)}
    assert figure.axes[0].yaxis.label.get_fontsize() == 11.0
    assert list(figure.get_size_inches()) == [3.3, 3.0]


def test_a_narrow_axis_of_the_callers_is_legible(made):
    with matplotlib.style.context("tangent_bench.figures.paper"):
        figure = Canvas(figsize=(3.3, 3.0), layout="constrained")
        registry.load("figures", "overview").draw(made, figure.subplots())
        require_legible(figure)


def test_the_style_file_is_the_look_of_the_suite(run):
    with matplotlib.style.context("tangent_bench.figures.paper"):
        figure = Canvas()
        axis = figure.subplots()
        axis.set_xlabel("x")
        figure.draw_without_rendering()
    own = run.figure("overview").axes[0]
    for mine, theirs in ((axis.xaxis.label, own.yaxis.label), (axis.title, own.title)):
        assert mine.get_fontproperties() == theirs.get_fontproperties()
    assert axis.spines["left"].get_linewidth() == own.spines["left"].get_linewidth()


# What is shown


def test_modes_are_those_that_are_asked_for(run):
    legend = run.figure("overview", modes=["linear-tangent"]).axes[0].get_legend()
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == ["Pre-trained", "Linear FT"]


def test_tasks_are_those_that_are_asked_for(run):
    figure = run.figure("scatter_linear", tasks=["mnist", "terrain"])
    assert len(figure.axes[0].containers) == 2 < len(FEW)
    (panel, *_) = run.figure("task_matrix", tasks=["mnist", "terrain"]).axes
    assert [text.get_text() for text in panel.get_yticklabels()][1:] == ["MNIST", "Terrain"]


def test_labels_and_language_say_what_is_asked_for(run, tmp_path):
    file = tmp_path / "labels.yaml"
    file.write_text(
        "modes: {linear-tangent: Ours}\nwords: {Test accuracy (%): Accuracy}\n", encoding="utf-8"
    )
    said = words(run.figure("overview", labels=file))
    assert "Ours" in said and "Linear FT" not in said
    assert "Accuracy" in said and "Test accuracy" not in said
    german = words(run.figure("overview", language="de", labels={"modes": {"linear-tangent": "X"}}))
    assert "Testgenauigkeit (%)" in german and re.search(r"\d\s\d{3}\sTestbilder", german)
    assert "X" in german and "Lineares FT" not in german and "Nichtlineares FT" in german
    assert "Linear FT" in words(run.figure("overview")), "labels are those of one figure"


def test_labels_of_tasks_methods_and_models():
    table = synthetic.make(tasks=FEW)
    labels = {"tasks": {"mnist": "Figures"}, "models": {"tiny": "Toy"}}
    said = words(runs.draw(table, "scatter_linear", labels=labels))
    assert "Figures" in said and "MNIST" not in said and "Toy" in said


def test_numbers_at_axes_are_written_as_the_language_does(run):
    figure = run.figure("accuracy_vs_coefficient", language="de")
    figure.draw_without_rendering()
    ticks = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    assert "0,4" in ticks and not any("." in text for text in ticks)


# Several folders


def test_the_same_model_of_two_folders_stands_side_by_side(folder, copied):
    run = runs.open(folder, copied)
    titles = [axis.get_title(loc="left") for axis in run.figure("overview").axes]
    assert titles == ["Tiny ViT/8, tiny", "Tiny ViT/8, again"]
    groups = run.table("table1_addition").cells["group"].unique().tolist()
    assert groups == titles


def test_models_of_two_folders_keep_their_names_where_they_differ(folder, tmp_path):
    synthetic.write(tmp_path, synthetic.make(tasks=FEW, models=("ViT-B-32",)))
    run = runs.open(folder, tmp_path)
    assert set(run.rows["model"]) == {"tiny", "ViT-B-32"} and run.titles == {}


# Golden image


def test_the_column_looks_as_it_did(run):
    golden = np.asarray(Image.open(GOLDEN).convert("L"), float)
    today = pixels(run.figure("overview", width=COLUMN))
    assert today.shape == golden.shape
    assert np.abs(today - golden).mean() < NEAR
    assert np.abs(np.roll(today, 3, axis=0) - golden).mean() > NEAR, "a shift would be noticed"


# Sentences

WRONG = [
    ("overviev", {}, "There is no figure 'overviev'.*Did you mean 'overview'"),
    ("table1_addition", {}, "'table1_addition' is a table"),
    ("overview", {"width": "wide"}, "The width 'wide' is no length"),
    ("overview", {"height": "0in"}, "The height '0in' is no size"),
    ("overview", {"font": "DejaVu Serf"}, "There is no font 'DejaVu Serf'.*'DejaVu Serif'"),
    ("overview", {"font_size": 100.0}, "The font size 100"),
    ("overview", {"modes": ["linear-tangnt"]}, "no mode 'linear-tangnt'.*'linear-tangent'"),
    ("scatter_linear", {"modes": ["linear-tangent"]}, "compares standard-network with"),
    ("scatter_linear", {"tasks": ["mnits"]}, "no task 'mnits'.*Did you mean 'mnist'"),
    ("overview", {"tasks": ["mnist"]}, "means over all tasks.*scatter_linear"),
    ("disentanglement_maps", {"tasks": ["mnist"]}, "nothing about mnist alone"),
    ("overview", {"language": "german"}, "There is no language 'german'.*de, en"),
    ("overview", {"labels": {"mode": {}}}, "unknown key 'mode'.*Did you mean 'modes'"),
    ("overview", {"labels": {"tasks": {"mnits": "x"}}}, "no 'mnits' among the tasks.*'mnist'"),
    ("overview", {"labels": {"tasks": {"mnist": 3}}}, "title of tasks.mnist is 3"),
    ("overview", {"labels": "nowhere.yaml"}, "no file of labels nowhere.yaml"),
]


@pytest.mark.parametrize(("name", "options", "sentence"), WRONG)
def test_a_wrong_wish_is_one_sentence(run, name, options, sentence):
    with pytest.raises(ValueError, match=sentence) as error:
        run.figure(name, **options)
    assert "\n" not in str(error.value)


def test_rows_that_a_figure_needs_are_missed_in_a_sentence(made):
    few = made.loc[made["experiment"] == "single_task"]
    with pytest.raises(ValueError, match="'overview' shows task_addition and task_negation.*have"):
        runs.draw(few, "overview")
