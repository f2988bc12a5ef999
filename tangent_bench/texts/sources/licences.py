"""The page that says whose texts the tables hold, and under which licences."""

from __future__ import annotations

from tangent_bench.texts.sources.packages import pins

HEAD = """\
# Whose texts these are

`make texts` writes this page and the tables beside it from the packages of `packages.csv`. Each
table is a selection of texts, dealt to splits; nothing else was changed unless the last column says
so.

| task | package | version | licence of the texts | whose |
| --- | --- | --- | --- | --- |
"""
# What a licence asks to stand beside its texts.
TEXTS = {
    "Apache-2.0": "https://www.apache.org/licenses/LICENSE-2.0",
    "BSD-3-Clause": "licences/BSD-3-Clause.txt",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/legalcode",
    "MIT": "licences/MIT.txt",
    "PDDL-1.0; senses: WordNet": "licences/WordNet.txt",
    "Matplotlib (of the kind of Python's)": "licences/Matplotlib.txt",
    "Unicode-3.0": "licences/Unicode-3.0.txt",
    "WordNet": "licences/WordNet.txt",
}


def page() -> str:
    """The page, in Markdown."""
    lines = []
    for pin in sorted(pins().values(), key=lambda pin: pin.task):
        text = TEXTS.get(pin.licence)
        licence = f"[{pin.licence}]({text})" if text else pin.licence
        lines.append(f"| {pin.task} | {pin.package} | {pin.version} | {licence} | {pin.whose} |\n")
    return HEAD + "".join(lines)
