"""The README shows what was published, to the character."""

from pathlib import Path

import pytest

from tangent_bench import readme

ROOT = Path(__file__).parent.parent


def test_readme_holds_the_published_tables():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert readme.filled(text, ROOT / "results/published") == text


def write(folder, text):
    for name, preset in readme.TABLES.items():
        table = folder / preset / "tables" / f"{name}.md"
        table.parent.mkdir(parents=True, exist_ok=True)
        table.write_text(text.format(name))


def test_a_changed_table_changes_the_readme(tmp_path):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    write(tmp_path, "| {} |\n| --- |\n| 1 |\n")
    filled = readme.filled(text, tmp_path)
    assert all(f"| {name} |" in filled for name in readme.TABLES)
    assert readme.filled(filled, tmp_path) == filled


def test_missing_table_or_mark_is_one_sentence(tmp_path):
    with pytest.raises(ValueError, match="make publish"):
        readme.filled("", tmp_path)
    write(tmp_path, "x")
    with pytest.raises(ValueError, match="no block"):
        readme.filled("no marks here", tmp_path)
