"""Cloud: what an operation of a web service does, by kind of service."""

from __future__ import annotations

from tangent_bench.images.task import Task
from tangent_bench.texts import _tables
from tangent_bench.texts._tables import LabelledTexts

TASK = Task(
    title="Cloud",
    class_names=(
        "virtual machines",
        "storage and backup",
        "databases",
        "networks",
        "security and identity",
        "machine learning",
        "video and media",
        "the internet of things",
        "mail and messages",
        "software development",
        "costs and billing",
        "call centres",
        "containers",
        "data analysis",
        "monitoring",
    ),
    templates=(
        "a cloud service for {}",
        "an operation of a service for {}",
        "documentation of a service for {}",
    ),
    kind="real",
    source="first sentences of the documentation of Amazon's operations in botocore; all "
    "operations on one thing of a service lie in one split",
    licence="Apache-2.0 (Amazon)",
    block="thing that is operated on",
)
TABLE = "assets/cloud.csv"


def load(split: str) -> LabelledTexts:
    """The texts of `split`.

    Raises:
        ValueError: an unknown split.
    """
    return _tables.load(__name__, TABLE, TASK, split)
