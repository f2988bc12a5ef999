"""The README shows what was published, to the character."""

from pathlib import Path

import pytest

from tangent_bench.report import readme

ROOT = Path(__file__).parent.parent
PUBLISHED = (
    "claims/claims_table",
    "tiny/table1_addition",
    "tiny/table2_negation",
    "methods/methods_addition",
)


@pytest.fixture
def text():
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_holds_the_published_tables(text):
    assert readme.filled(text, ROOT / "results/published") == text


def write_tables(folder, text):
    """Writes other content for the published tables that the README shows."""
    for block in readme.BLOCK.finditer(text):
        mark = f"{block['preset']}/{block['table']}"
        table = folder / block["preset"] / "tables" / f"{block['table']}.md"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(f"| {mark} |\n| --- |\n| 1 |\n")


def test_a_changed_table_changes_the_readme(tmp_path, text):
    write_tables(tmp_path, text)
    filled = readme.filled(text, tmp_path)
    for mark in PUBLISHED:
        assert f"<!-- {mark} -->\n\n| {mark} |" in filled
    assert readme.filled(filled, tmp_path) == filled


def test_missing_table_or_mark_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="make publish"):
        readme.filled("<!-- tiny/table1_addition -->\n<!-- end -->", tmp_path)
    with pytest.raises(ValueError, match="no block"):
        readme.filled("no marks here", tmp_path)
