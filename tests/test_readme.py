"""The README shows what was published, to the character."""

from pathlib import Path

import pytest

from tangent_bench.report import readme

ROOT = Path(__file__).parent.parent


def test_readme_holds_the_published_tables():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.filled(text, ROOT / "results/published") == text


def write(folder, text):
    """The published tables that the README shows, with other content."""
    for found in readme.BLOCK.finditer((ROOT / "README.md").read_text(encoding="utf-8")):
        table = folder / found["preset"] / "tables" / f"{found['table']}.md"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(text.format(f"{found['preset']}/{found['table']}"))


def test_a_changed_table_changes_the_readme(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    write(tmp_path, "| {} |\n| --- |\n| 1 |\n")
    filled = readme.filled(text, tmp_path)
    for mark in (
        "claims/claims_table",
        "tiny/table1_addition",
        "tiny/table2_negation",
        "methods/methods_addition",
    ):
        assert f"<!-- {mark} -->\n\n| {mark} |" in filled
    assert readme.filled(filled, tmp_path) == filled


def test_missing_table_or_mark_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="make publish"):
        readme.filled("<!-- tiny/table1_addition -->\n<!-- end -->", tmp_path)
    with pytest.raises(ValueError, match="no block"):
        readme.filled("no marks here", tmp_path)
