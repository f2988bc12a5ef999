"""Diagnoses: titles of ICD-10-CM, by chapter."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Diagnoses",
    class_names=(
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
    ),
    templates=(
        "a diagnosis of {}",
        "a medical code for {}",
        "this is about {}",
    ),
    kind="real",
    source="titles of categories and subcategories of ICD-10-CM (April 2026); a category of "
    "three characters lies in one split",
    licence="public domain (National Center for Health Statistics)",
    block="category",
)
TABLE = "assets/diagnoses.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: an unknown split.
    """
    return _tables.load(__name__, TABLE, TASK, split)
