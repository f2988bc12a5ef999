"""Sheets of glyphs: what is in them, whose it is, and what happens where a file is missing."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tangent_bench import typefaces
from tangent_bench.typefaces import _archives, _icons, build, glyphs, sheets
from tangent_bench.typefaces._drawing import Face
from tangent_bench.typefaces.sheets import CELL, LONGER, GlyphName

COLLECTIONS = tuple(typefaces.SHEETS)
DEJAVU = _archives.files(Path(), "matplotlib")["DejaVuSans.ttf"]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_every_glyph_has_a_name_of_its_own(collection):
    drawn = glyphs(collection)
    columns = (drawn.families, drawn.names, drawn.variants, drawn.kinds)
    names = list(zip(*(column.tolist() for column in columns)))
    assert len(names) == len(set(names)) == len(drawn.inks)
    assert all(all(part and part == part.strip() for part in name) for name in names)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_ink_is_centred_and_of_one_size(collection):
    """The longer side is LONGER pixels; a faint edge may round to paper."""
    inked = glyphs(collection).inks > 0
    spans = []
    for across in (inked.any(axis=1), inked.any(axis=2)):
        before = across.argmax(axis=1)
        after = across[:, ::-1].argmax(axis=1)
        assert np.abs(before - after).max() <= 1
        spans.append(CELL - before - after)
    longer = np.maximum(*spans)
    assert longer.max() == LONGER and longer.min() >= LONGER - 2
    assert (longer == LONGER).mean() > 0.999


def test_collections_are_as_large_as_tasks_need():
    assert len(set(glyphs("letters").families.tolist())) >= 100
    assert set(glyphs("letters").kinds.tolist()) == {
        "serif", "sans", "mono", "hand", "display", "slab",
    }  # fmt: skip
    scripts = glyphs("scripts")
    for kind in set(scripts.kinds.tolist()):
        assert len(set(scripts.families[scripts.kinds == kind].tolist())) >= 3, kind


def test_variants_of_an_icon_share_its_name():
    icons = glyphs("icons")
    found = {}
    for family, name, variant in zip(icons.families, icons.names, icons.variants):
        found.setdefault((str(family), str(name)), set()).add(str(variant))
    assert found["Material Design", "home"] == {"fill", "outline"}
    assert found["Remix", "home"] == found["Phosphor", "bell"] == {"fill", "outline"}
    assert found["Font Awesome", "bell"] == {"fill", "outline"}


def test_letters_show_what_their_names_say():
    """The sheet of a typeface that is installed is drawn anew from it."""
    drawn = glyphs("scripts")
    own = (drawn.families == "DejaVu Sans") & (drawn.variants == "regular")
    face = Face(DEJAVU)
    for name in "αΩשܐب":
        rows = np.flatnonzero(own & (drawn.names == name))
        for row in rows:
            again = face.cell(name)
            assert again is not None
            assert np.abs(again.astype(int) - drawn.inks[row]).mean() < 4, name
    assert own.sum() > 200


def test_every_family_stands_on_the_page_of_licences():
    page = (typefaces.FOLDER / "assets/LICENCES.md").read_text(encoding="utf-8")
    for collection in COLLECTIONS:
        for family in set(glyphs(collection).families.tolist()):
            assert f"| {family} | " in page
    for line in page.splitlines():
        if "](licences/" in line:
            text = line.split("](licences/")[1].split(")")[0]
            assert (typefaces.FOLDER / "assets/licences" / text).is_file(), text


def test_every_sheet_is_listed():
    """Digests of code see files that are named alone."""
    named = {file for pairs in typefaces.SHEETS.values() for pair in pairs for file in pair}
    present = (typefaces.FOLDER / "assets").rglob("*.*")
    found = {file.relative_to(typefaces.FOLDER).as_posix() for file in present}
    assert named == {file for file in found if file.endswith((".png", ".csv"))}


def test_a_sheet_comes_back_as_it_was_written(tmp_path):
    inks = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (35, CELL, CELL), np.uint8)
    names = [GlyphName("a, b", '"', str(number), "é") for number in range(35)]
    sheets.write(tmp_path / "x.png", tmp_path / "x.csv", list(zip(names, inks)))
    again, names_again = sheets.read(tmp_path / "x.png", tmp_path / "x.csv")
    assert np.array_equal(again, inks) and names_again == names


def test_what_does_not_fit_is_refused_in_words(tmp_path):
    with pytest.raises(ValueError, match="no collection of glyphs 'runes': expected one of icons"):
        glyphs("runes")
    with pytest.raises(ValueError, match=r"There is no .*x\.png: expected a sheet"):
        sheets.read(tmp_path / "x.png", tmp_path / "x.csv")
    Image.new("L", (CELL, CELL)).save(tmp_path / "x.png")
    (tmp_path / "x.csv").write_text("family,name,variant,kind\na,b,c,d\n")
    with pytest.raises(ValueError, match=r"48, 48\) pixels large, but the 1 lines"):
        sheets.read(tmp_path / "x.png", tmp_path / "x.csv")


def test_packages_are_those_that_are_pinned(tmp_path):
    with pytest.raises(
        ValueError, match=r"There is no .*\.whl: `make typefaces` downloads qtawesome 1"
    ):
        _archives.files(tmp_path, "qtawesome")
    entry = _archives.packages()["qtawesome"]
    (tmp_path / entry.file).write_bytes(b"other")
    with pytest.raises(ValueError, match="is not the file that packages.csv names"):
        _archives.files(tmp_path, "qtawesome")
    lines = build.wheels().splitlines()
    assert f"qtawesome==1.4.2 --hash=sha256:{entry.sha256}" in lines
    assert "fonts-noto-core=20201225-1" in build.debian().splitlines()
    of_packages = len(lines) + len(build.debian().splitlines())
    assert of_packages == len(_archives.packages()) - 1, "all but the one that is installed"


def test_every_family_comes_from_a_package():
    with open(_archives.TABLE, encoding="utf-8", newline="") as lines:
        assert len(list(csv.DictReader(lines))) == len(_archives.packages())
    assert {row["package"] for row in build.families()} <= set(_archives.packages())


@pytest.mark.parametrize(
    ("family", "key", "expected"),
    [
        ("Material Design", "file-plus-outline", ("file plus", "outline")),
        ("Material Design", "alert-outline", ("alert", "outline")),
        ("Material Design", "home", ("home", "fill")),
        ("Phosphor", "bell-fill", ("bell", "fill")),
        ("Phosphor", "bell-bold", None),
        ("Remix", "home-2-line", ("home 2", "outline")),
        ("Remix", "line-height", ("line height", "outline")),
        ("Font Awesome", "a", None),
    ],
)
def test_names_of_icons(family, key, expected):
    (icons,) = (each for each in _icons.ICON_SETS if each.family == family)
    assert _icons.named(icons, key, icons.fonts[0][2]) == expected
