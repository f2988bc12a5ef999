"""Published figures are those of today's code and of the rows beside them, fit a page of print, and
hide no line under a legend.
"""

from __future__ import annotations

import base64
import io
import re
from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from PIL import Image

from tangent_bench import registry
from tangent_bench.figures import _style
from tangent_bench.figures._panels import PAGE
from tangent_bench.report import published, render
from tangent_bench.store import replicates

FOLDER = Path(__file__).parents[2] / "results/published"
NAMES = published.names(FOLDER)
# Ids that are digests of what they name.
_DIGESTS = re.compile(r"\b(p|m|h|image|C\w+_)([0-9a-f]{10})\b")
_IMAGE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=\s]+)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_VERSION = re.compile(r"Matplotlib v([\w.]+)")
NEAR = 0.02  # points of print, or steps of 256 of a pixel
pytestmark = pytest.mark.slow


@cache
def drawn(name):
    """The figure as today's code draws it from the published rows, in its last layout."""
    figure = published.draw(FOLDER, name).flat[0].figure
    with _style.look():
        _style.settle(figure)
        figure.draw_without_rendering()
    return figure


def saved(figure, path):
    _style.save(figure, path)
    return path


def texts(svg):
    """Every text of a drawing, in order; matplotlib writes it beside its letters."""
    return re.findall(r"<!-- (.*?) -->", svg, re.S)


def parts(svg):
    """What a drawing is made of: its markup without numbers, the numbers, and its pixels."""
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    pixels = []
    for content in _IMAGE.findall(svg):
        pixels.append(np.asarray(Image.open(io.BytesIO(base64.b64decode(content))), float))
    svg = _IMAGE.sub("", svg)
    order = {}
    for found in _DIGESTS.finditer(svg):
        order.setdefault(found[0], f"{found[1]}:{len(order)}")
    svg = _DIGESTS.sub(lambda found: order[found[0]], svg)
    numbers = np.array([float(number) for number in _NUMBER.findall(svg)])
    return _NUMBER.sub("0", svg), numbers, pixels


def require_same(first, second):
    """Two drawings differ by no more than machines do in the last digits."""
    markup, numbers, pixels = parts(first)
    other_markup, other_numbers, other_pixels = parts(second)
    assert markup == other_markup
    assert numbers == pytest.approx(other_numbers, abs=NEAR)
    for mine, theirs in zip(pixels, other_pixels, strict=True):
        assert mine.shape == theirs.shape
        assert np.abs(mine - theirs).mean() < NEAR


def test_figures_of_every_preset_are_published():
    presets = {name.partition("/")[0] for name in NAMES}
    assert presets == {"analogies", "claims", "cost", "emergence", "five_seeds", "methods"} | {
        "sweep",
        "sweep_penalties",
        "three_models",
        "tiny",
        "training_modes",
    }
    assert len(NAMES) > 20
    known = {*registry.names("figures"), "sweep"}
    assert {Path(name).name for name in NAMES} <= known


@pytest.mark.parametrize("name", NAMES)
def test_the_picture_is_that_of_the_published_rows(name, tmp_path):
    tracked = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    today = saved(drawn(name), tmp_path / "today.svg").read_text(encoding="utf-8")
    assert texts(today) == texts(tracked), "`make redraw` draws it again"
    if _VERSION.search(tracked)[1] != matplotlib.__version__:
        pytest.skip("another matplotlib drew it: its texts alone are compared")
    require_same(today, tracked)
    pixels = [
        np.asarray(Image.open(path), float)
        for path in (saved(drawn(name), tmp_path / "today.png"), FOLDER / f"{name}.png")
    ]
    assert pixels[0].shape == pixels[1].shape
    assert np.abs(pixels[0] - pixels[1]).mean() < NEAR


@pytest.mark.parametrize("name", NAMES)
def test_a_page_of_print_holds_it_and_nothing_is_cut_off(name):
    figure = drawn(name)
    assert figure.get_figwidth() <= PAGE
    assert figure.get_figheight() <= 1.6 * PAGE
    inside = figure.get_tightbbox().padded(-0.02)
    assert inside.x0 >= 0 and inside.y0 >= 0
    assert inside.x1 <= figure.get_figwidth() and inside.y1 <= figure.get_figheight()


@pytest.mark.parametrize("name", NAMES)
def test_no_legend_lies_on_a_line(name):
    for axis in drawn(name).axes:
        legend = axis.get_legend()
        if legend is None:
            continue
        box = legend.get_window_extent()
        hidden = [line for line in axis.lines if is_of_data(line, axis) and meets(line, box)]
        assert hidden == [], (axis.get_xlabel(), [line.get_label() for line in hidden])


# Those of merging methods are made of outcomes, not of rows.
OF_ROWS = (
    *("tiny", "three_models", "five_seeds", "claims", "training_modes", "emergence"),
    "analogies",
)


@pytest.mark.parametrize(
    "file",
    [file for preset in OF_ROWS for file in sorted((FOLDER / preset / "tables").glob("*_*.md"))],
    ids=lambda file: f"{file.parts[-3]}/{file.stem}",
)
def test_tables_are_those_of_the_published_rows(file):
    table = published.read(file.parents[1] / "rows.csv.gz")
    cells = registry.load("figures", file.stem).build(table)
    assert file.read_text(encoding="utf-8").startswith(render.markdown(cells).rstrip())


@pytest.mark.parametrize("preset", ["tiny", "three_models", "five_seeds", "training_modes"])
def test_the_average_of_the_sum_is_the_mean_over_tasks(preset):
    table = published.read(FOLDER / preset / "rows.csv.gz")
    cells = registry.load("figures", "addition_by_task").build(table)
    values = cells.pivot(index="row", columns=["group", "column"], values="value")
    assert len(values) == 9
    means = values.drop(index="Average").mean()
    assert means.to_numpy() == pytest.approx(values.loc["Average"].to_numpy(), abs=1e-9)


def is_of_data(line, axis):
    """Whether both coordinates of a line are data: a rule across the axis has one that is not."""
    return all(line.get_transform().contains_branch_seperately(axis.transData))


def meets(line, box):
    path = line.get_transform().transform_path(line.get_path())
    if line.get_linestyle() == "None":
        return any(box.contains(*point) for point in path.vertices)
    return len(path.vertices) > 0 and path.intersects_bbox(box, filled=False)


def test_intervals_stand_on_the_published_replicates():
    """Without them a figure would have other intervals than the table of the same run."""
    folders = {file.parent for file in FOLDER.glob(f"*/{replicates.FILE}")}
    assert {folder.name for folder in folders} >= {"claims", "five_seeds", "tiny"}
    for folder in folders:
        assert replicates.of(published.read(folder / "rows.csv.gz")), folder


def test_a_change_would_be_noticed():
    svg = (FOLDER / "tiny/figures/scatter_linear.svg").read_text(encoding="utf-8")
    require_same(svg, svg.replace("<dc:format>", "<dc:format> "))
    moved = re.sub(r'(<use [^>]*x=")([\d.]+)', lambda m: f"{m[1]}{float(m[2]) + 0.1}", svg, count=1)
    assert moved != svg
    with pytest.raises(AssertionError):
        require_same(svg, moved)
    with pytest.raises(AssertionError):
        require_same(svg, svg.replace("<g id=", '<g class="x" id=', 1))
    assert texts(svg)[:2] != texts(svg.replace("<!-- 40 -->", "<!-- 41 -->", 1))[:2]


def test_a_legend_on_a_line_would_be_noticed():
    figure = matplotlib.figure.Figure()
    axis = figure.subplots()
    (line,) = axis.plot([0, 1], [0, 1], label="a")
    rule = axis.axvline(0.5)
    for place, hides in (("center", True), ("upper left", False)):
        box = axis.legend(loc=place).get_window_extent()
        assert meets(line, box) == hides
    assert is_of_data(line, axis)
    assert not is_of_data(rule, axis)


def test_redrawing_says_what_changed_and_leaves_the_rest(tmp_path):
    source = FOLDER / "sweep"
    folder = tmp_path / "sweep"
    folder.mkdir()
    for name in ("rows.csv", "sweep.svg", "sweep.png"):
        (folder / name).write_bytes((source / name).read_bytes())
    (folder / "sweep.svg").write_text("<svg/>")
    changed = [file.name for file in published.redraw(tmp_path)]
    assert "sweep.svg" in changed
    assert list(published.redraw(tmp_path)) == []
    assert texts((folder / "sweep.svg").read_text()) == texts((source / "sweep.svg").read_text())


def test_rows_that_are_not_there_are_one_sentence(tmp_path):
    folder = tmp_path / "x/figures"
    folder.mkdir(parents=True)
    (folder / "overview.svg").write_text("<svg/>")
    with pytest.raises(ValueError, match=r"Missing file .*rows.csv.gz.*make publish"):
        list(published.redraw(tmp_path))
