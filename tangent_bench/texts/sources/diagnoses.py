"""Titles of ICD-10-CM, by chapter."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from tangent_bench.texts.sources.packages import Wheel
from tangent_bench.texts.sources.wording import Excerpt, is_fit, tidy

FILE = "simple_icd_10_cm/data/icd10c-tabular-April-1-2026.xml"
# Chapters 1 to 21; the 22nd has codes for special purposes, too few to learn.
CHAPTERS = (
    "infections",
    "tumours",
    "diseases of the blood",
    "metabolic diseases",
    "mental disorders",
    "diseases of the nervous system",
    "diseases of the eye",
    "diseases of the ear",
    "diseases of the heart and circulation",
    "diseases of the lungs and airways",
    "diseases of digestion",
    "diseases of the skin",
    "diseases of muscles and bones",
    "diseases of kidneys and genitals",
    "pregnancy and childbirth",
    "diseases of the newborn",
    "birth defects",
    "symptoms and findings",
    "injuries and poisonings",
    "causes of accidents",
    "contacts with health services",
)
LONGEST_CODE = 5  # "A00.0": finer codes repeat a title for each side of the body
FEWEST_WORDS = 2


def excerpts(folder: Path) -> Iterator[Excerpt]:
    """A title an excerpt; the category of three characters is its unit."""
    content = Wheel(folder, "simple-icd-10-cm").read(FILE)
    tree = ElementTree.fromstring(content)  # noqa: S314 the file is pinned by its hash
    for name, chapter in zip(CHAPTERS, tree.iter("chapter")):
        for category in chapter.findall("section/diag"):
            for diagnosis in category.iter("diag"):
                title = tidy(diagnosis.findtext("desc", ""))
                code = diagnosis.findtext("name", "")
                if len(code) <= LONGEST_CODE and is_fit(title, FEWEST_WORDS):
                    yield Excerpt(title, name, category.findtext("name", ""))
