"""The gallery has every published figure, and its code draws what its heading says."""

from __future__ import annotations

import re
from pathlib import Path

import _gallery
import pytest
from matplotlib.figure import Figure as Canvas

from tangent_bench import registry, runs
from tangent_bench.report import published
from tests import pages

ROOT = Path(__file__).parents[2]
PAGE = _gallery.page()
CODE = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
COMMANDS = re.findall(r"^```text\n(.*?)\n```$", PAGE, re.M)
WIDTH = 3.25  # inches


def names():
    return [re.findall(r'run\.figure\("(\w+)"', code)[0] for code in CODE]


def test_every_published_figure_is_in_the_gallery():
    found = {name.rpartition("/")[2] for name in published.names(ROOT / _gallery.PUBLISHED)}
    assert set(names()) == found & set(registry.names("figures"))
    assert len(names()) == len(set(names())) == len(COMMANDS) >= 15


def test_commands_are_about_the_same_figures():
    given = [pages.words(command) for command in COMMANDS]
    assert [words[2] for words in given] == names()
    assert {words[1] for words in given} == {"figure"}


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(code, id=name, marks=() if name == "scatter_linear" else pytest.mark.slow)
        for code, name in zip(CODE, names(), strict=True)
    ],
)
def test_the_code_draws_the_figure(code, monkeypatch, tmp_path):
    (tmp_path / "results").symlink_to(ROOT / "results")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "gallery", "exec"), {})
    (file,) = tmp_path.glob("*.pdf")
    assert file.read_bytes().startswith(b"%PDF")


def test_the_width_of_the_gallery_is_a_column(monkeypatch):
    drawn = runs.open(ROOT / "results/published/tiny").figure(
        "scatter_linear", width=_gallery.WIDTH
    )
    assert isinstance(drawn, Canvas) and drawn.get_figwidth() == WIDTH
