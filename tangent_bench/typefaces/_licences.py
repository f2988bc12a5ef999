"""The page that says whose drawings the sheets hold, and under which licences."""

from __future__ import annotations

from typing import NamedTuple

from tangent_bench.typefaces import _archives


class IconLicence(NamedTuple):
    """Whose a set of icons is; `text` is a file of assets/licences, or the address of the text."""

    version: str
    licence: str
    text: str
    whose: str


ICONS = {
    "Codicons": IconLicence(
        "0.0.36",
        "CC BY 4.0",
        "https://creativecommons.org/licenses/by/4.0/legalcode",
        "Copyright Microsoft Corporation (https://github.com/microsoft/vscode-codicons)",
    ),
    "Elusive": IconLicence(
        "2.0",
        "OFL-1.1",
        "OFL-1.1.txt",
        "Elusive Icons by Dovy Paukstys (https://github.com/dovy/elusive-icons)",
    ),
    "Font Awesome": IconLicence(
        "6.7.2",
        "OFL-1.1",
        "OFL-1.1.txt",
        "Copyright (c) 2024 Fonticons, Inc. (https://fontawesome.com) with Reserved Font Name: "
        '"Font Awesome"; its brand icons, which are trademarks, are left out',
    ),
    "Material Design": IconLicence(
        "6.9.96",
        "Apache-2.0",
        "Pictogrammers.txt",
        "Pictogrammers: Austin Andrews and contributors (https://pictogrammers.com)",
    ),
    "Phosphor": IconLicence(
        "1.3.0", "MIT", "Phosphor-MIT.txt", "Copyright (c) 2020 Phosphor Icons"
    ),
    "Remix": IconLicence(
        "2.5.0",
        "Apache-2.0",
        "Apache-2.0.txt",
        "Remix Icon by Remix Design (https://github.com/Remix-Design/RemixIcon)",
    ),
}
TEXTS = {
    "OFL-1.1": "OFL-1.1.txt",
    "Apache-2.0": "Apache-2.0.txt",
    "Bitstream Vera and DejaVu": "DejaVu.txt",
}
TOP = """\
# Licences of the sheets

The sheets in this folder are pictures of other people's typefaces and icons. Each was drawn in
grey, made smaller and put into a cell; nothing else was changed. They keep the licences of what
they show, whose texts are in `licences/`; they are not under the licence of tangent_bench. Logos
among the icons are trademarks of their owners.

## Icons

All come from the fonts in the wheel `qtawesome` 1.4.2.

| family | version | licence | text | whose |
| --- | --- | --- | --- | --- |
"""
TYPEFACES = """
## Letters and scripts

Packages whose names begin with `fontpkg-` are wheels of PyPI, `matplotlib` is the installed one,
the others are packages of Debian 12. Each has the text of its licence in it.

| family | package | version | licence | whose |
| --- | --- | --- | --- | --- |
"""


def page(families: dict[str, str]) -> str:
    """The page in Markdown; `families` is family → package of all letters and scripts."""
    lines = [TOP]
    for family, entry in sorted(ICONS.items()):
        text = entry.text if "//" in entry.text else f"licences/{entry.text}"
        row = (family, entry.version, entry.licence, f"[text]({text})", entry.whose)
        lines.append(f"| {' | '.join(row)} |\n")
    lines.append(TYPEFACES)
    for family, package in sorted(families.items()):
        entry = _archives.packages()[package]
        licence = f"[{entry.licence}](licences/{TEXTS[entry.licence]})"
        row = (family, package, entry.version, licence, entry.copyright.replace("|", "/"))
        lines.append(f"| {' | '.join(row)} |\n")
    return "".join(lines)
