"""Titles of ICD-10-CM, by chapter."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.diagnoses import TASK
from tangent_bench.texts.sources.packages import Wheel
from tangent_bench.texts.sources.wording import Excerpt, is_fit, tidy

FILE = "simple_icd_10_cm/data/icd10c-tabular-April-1-2026.xml"
LONGEST_CODE = 5  # "A00.0": finer codes repeat a title for each side of the body
FEWEST_WORDS = 2


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A title an excerpt; the category of three characters is its unit."""
    content = Wheel(folder, "simple-icd-10-cm").read(FILE)
    tree = ElementTree.fromstring(content)  # noqa: S314 the file is pinned by its hash
    # Chapters 1 to 21; the 22nd has codes for special purposes, too few to learn.
    for name, chapter in zip(TASK.class_names, tree.iter("chapter")):
        for category in chapter.findall("section/diag"):
            for diagnosis in category.iter("diag"):
                title = tidy(diagnosis.findtext("desc", ""))
                code = diagnosis.findtext("name", "")
                if len(code) <= LONGEST_CODE and is_fit(title, FEWEST_WORDS):
                    yield Excerpt(title, name, category.findtext("name", ""))
