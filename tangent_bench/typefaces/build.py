"""Builds the sheets from the packages in `packages.csv`; `make typefaces` fetches them first.

    python -m tangent_bench.typefaces.build --wheels    # for pip download --require-hashes
    python -m tangent_bench.typefaces.build --debian    # for apt-get download
    python -m tangent_bench.typefaces.build FOLDER      # where the files of both are

The same files give the same pixels with the same FreeType and Pillow.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tangent_bench.store import artefacts
from tangent_bench.typefaces import FOLDER, _archives, _characters, _icons, _licences, sheets
from tangent_bench.typefaces._drawing import Face
from tangent_bench.typefaces.sheets import GlyphName

FAMILIES = Path(__file__).parent / "families.csv"
Drawn = list[tuple[GlyphName, np.ndarray]]


def icons(folder: Path) -> Iterator[tuple[str, Drawn]]:
    """Name and glyphs of each sheet of icons, from the package in `folder`."""
    files = _archives.files(folder, _icons.PACKAGE)
    for icon_set in _icons.ICON_SETS:
        drawn: dict[GlyphName, np.ndarray] = {}
        for font, charmap, variant in icon_set.fonts:
            face = Face(files[font])
            for key, character in _icons.characters(files[charmap]).items():
                words = _icons.named(icon_set, key, variant)
                ink = None if words is None else face.cell(character)
                if words is not None and ink is not None:
                    drawn.setdefault(GlyphName(icon_set.family, *words, "icon"), ink)
        yield icon_set.sheet, sorted(drawn.items(), key=lambda item: item[0])


def families() -> list[dict[str, str]]:
    """The lines of `families.csv`: a family of a collection, and its font files."""
    with open(FAMILIES, encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def typefaces(folder: Path, collection: str) -> Iterator[tuple[str, Drawn]]:
    """Name (a kind) and glyphs of each sheet of "letters" or "scripts", from files in `folder`."""
    rows = [row for row in families() if row["collection"] == collection]
    for kind in sorted({row["kind"] for row in rows}):
        characters = _characters.SCRIPTS.get(kind, _characters.LATIN)
        drawn = []
        for row in rows:
            if row["kind"] == kind:
                drawn += _family(folder, row, characters)
        yield kind, drawn


def _family(folder: Path, row: dict[str, str], characters: str) -> Drawn:
    """The `characters` that a family draws, in each of its variants."""
    files = _archives.files(folder, row["package"])
    drawn = []
    for variant in ("regular", "bold"):
        font, _, weight = row[variant].partition("@")
        if not font:
            continue
        face = Face(files[font], int(weight) if weight else None)
        for character in characters:
            ink = face.cell(character)
            if ink is not None:
                drawn.append((GlyphName(row["family"], character, variant, row["kind"]), ink))
    return drawn


def wheels() -> str:
    """The wheels as pip takes them, with the hashes of their files, one a line."""
    lines = []
    for entry in _archives.packages().values():
        if entry.file.endswith(".whl"):
            lines.append(f"{entry.package}=={entry.version} --hash=sha256:{entry.sha256}\n")
    return "".join(lines)


def debian() -> str:
    """The packages of Debian as apt-get takes them, one a line."""
    entries = _archives.packages().values()
    return "".join(f"{e.package}={e.version}\n" for e in entries if e.file.endswith(".deb"))


def build(folder: Path) -> None:
    """Write all sheets from the packages in `folder`.

    Raises:
        ValueError: a package is missing, or another than the one that is pinned.
    """
    made = [("icons", sheet) for sheet in icons(folder)]
    for collection in ("letters", "scripts"):
        made += [(collection, sheet) for sheet in typefaces(folder, collection)]
    for collection, (name, drawn) in made:
        place = FOLDER / "assets" / collection / name
        sheets.write(place.with_suffix(".png"), place.with_suffix(".csv"), drawn)
        print(f"{collection}/{name}: {len(drawn)} glyphs")
    packages = {row["family"]: row["package"] for row in families()}
    artefacts.write_text(FOLDER / "assets" / "LICENCES.md", _licences.page(packages))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Build the sheets of glyphs.")
    parser.add_argument("folder", nargs="?", type=Path, help="where wheels and .deb files are")
    parser.add_argument("--wheels", action="store_true", help="print the wheels for pip")
    parser.add_argument("--debian", action="store_true", help="print the packages for apt-get")
    arguments = parser.parse_args()
    if arguments.wheels or arguments.debian:
        print(wheels() if arguments.wheels else debian(), end="")
    elif arguments.folder is None:
        parser.error("say in which folder the packages are, or ask for --wheels or --debian")
    else:
        build(arguments.folder)


if __name__ == "__main__":
    main()
