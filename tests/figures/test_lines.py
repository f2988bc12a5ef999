"""Words in lines: within their room, as long as one another, and with their units."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure as Canvas

from tangent_bench.figures import _lines

ARROW = "Control accuracy (%), higher keeps more →"


def made(words, **options):
    return Canvas(figsize=(4, 4)).text(0.5, 0.5, words, **options)


@pytest.mark.parametrize("rotation", [0, 90])
def test_lines_are_no_longer_than_their_room(rotation):
    text = made(ARROW, rotation=rotation)
    assert _lines.length_of(text) > 1.8
    assert _lines.break_at(text, 1.8) == text.get_text().count("\n") == 1
    assert _lines.length_of(text) <= 1.8
    first, second = text.get_text().split("\n")
    assert abs(len(first) - len(second)) < 6


def test_what_fits_stays_and_a_word_is_never_broken():
    text = made(ARROW)
    assert _lines.break_at(text, 10.0) == 0 and text.get_text() == ARROW
    word = made("Kernregression")
    assert _lines.break_at(word, 0.1) == 0 and word.get_text() == "Kernregression"


def test_a_unit_and_an_arrow_stay_with_their_word():
    text = made(ARROW)
    _lines.break_at(text, 0.1)
    assert "accuracy (%)," in text.get_text() and "more →" in text.get_text()


def test_the_box_of_words_with_an_arrow_is_that_of_the_words():
    axis = Canvas(figsize=(4, 4)).subplots()
    arrow = {"arrowprops": {"arrowstyle": "->"}, "textcoords": "offset points"}
    pointing = axis.annotate("here", (0.1, 0.1), (100, 100), **arrow)
    alone = axis.text(0.5, 0.5, "here")
    assert _lines.inches(pointing) == pytest.approx(_lines.inches(alone), rel=0.05)
