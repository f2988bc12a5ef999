"""Every rule has its words, with wildcards that it has."""

from __future__ import annotations

import re
from pathlib import Path

from tangent_bench.progress.words import ONE_FOR_EACH, RULES

RULE_FILES = sorted((Path(__file__).parents[2] / "workflow/rules").glob("*.smk"))
# The rules themselves, and those that are another with changes.
_BEGINNING = r"^ *(?:rule (\w+):|use rule \w+ as (\w+) with:)$"
_RULE = re.compile(rf"{_BEGINNING}(.*?)(?={_BEGINNING}|\Z)", re.M | re.S)


def rules() -> dict[str, str]:
    """Rule → its text."""
    found = {}
    for file in RULE_FILES:
        for name, other, text, *_ in _RULE.findall(file.read_text(encoding="utf-8")):
            found[name or other] = text
    return found


def test_every_rule_has_words():
    shared = {beginning.rstrip("_") for beginning in ONE_FOR_EACH}
    assert set(rules()) | shared == set(RULES)


def test_words_name_wildcards_that_the_files_of_the_rule_have():
    for rule, text in rules().items():
        said = set(re.findall(r"{(\w+)}", RULES[rule].job))
        assert said <= set(re.findall(r"{(\w+)}", text)), rule
