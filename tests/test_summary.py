"""What the terminal shows after a run."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from tangent_bench import cli
from tangent_bench.judging.claims import CLAIMS
from tangent_bench.judging.evidence import weigh
from tangent_bench.report import summary
from tangent_bench.store import rows
from tests import synthetic


@pytest.fixture
def folder(tmp_path):
    synthetic.write(tmp_path / "tiny", synthetic.make(tasks=("mnist", "terrain")))
    return tmp_path / "tiny"


def test_claims_and_two_tables_are_shown(folder):
    text = summary.report(folder)
    for words in (
        "preset tiny",
        "95 % intervals: images, conditional on these seeds",
        "Table 1.",
        "Table 2.",
        "Non-lin. FT",
        "Post-hoc lin.",
        "Linear FT",
        "Target ↓",
        "Control ↑",
        "Verdict",
        "supported",
        "Linear FT forgets targets better",
    ):
        assert words in text, words


def test_the_six_primary_claims_are_shown_and_the_others_counted(folder):
    text = summary.report(folder)
    for claim in CLAIMS:
        shown = [line for line in text.splitlines() if line.startswith(f"{claim.text}  ")]
        assert len(shown) == claim.primary
    (counts,) = [line for line in text.splitlines() if line.startswith("Secondary claims: ")]
    tested = [line.verdict for line in weigh(synthetic.read(folder)) if not line.claim.primary]
    for word in set(tested):
        assert f"{tested.count(word)} {word}" in counts
    assert counts.endswith("tables/claims_table.md)")


ONE = "One fine-tuning seed: intervals are over test images; verdicts are conditional on this seed."


def test_verdicts_say_that_one_seed_speaks(folder):
    text = summary.report(folder)
    assert text.index("Verdict") < text.index(ONE) < text.index("Table 1.")


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ({"tiny": 1}, ONE),
        ({"tiny": 5}, ""),
        ({"tiny": 4}, "Few fine-tuning seeds: "),
        ({"tiny": 5, "wide": 1}, "One fine-tuning seed (wide): "),
        ({"tiny": 3, "wide": 1}, "Few fine-tuning seeds: "),
        ({"tiny": 5, "tiny-pre0": 1, "tiny-pre1": 1}, ""),
    ],
)
def test_few_seeds_are_said_of_the_models_that_have_them(seeds, words):
    lines = [{"model": model, "seed": k} for model, number in seeds.items() for k in range(number)]
    found = summary._seeds(pd.DataFrame(lines)).replace("\n", " ").strip()
    assert found.startswith(words) and bool(found) == bool(words)
    assert ("these seeds" in found) == words.startswith("Few")


def test_claims_come_first_and_the_page_last_in_lines_that_fit(folder):
    (folder / "index.html").write_text("x")
    text = summary.report(folder)
    assert text.index("The claims of the paper") < text.index("Table 1.")
    lines = text.splitlines()
    assert lines[-1] == f"Results page: {folder / 'index.html'}"
    assert all(len(line) <= 110 for line in lines[:-2])


def test_a_run_with_methods_ends_with_their_table(folder):
    (folder / "tables").mkdir()
    for name in ("table1_addition", "table2_negation", "methods_addition"):
        (folder / f"tables/{name}.md").write_text("| TSV-M | 61.0 |")
    assert "TSV-M" not in summary.report(folder), "left by another config"
    table = rows.read(folder / "rows.csv")
    other_method = table[table["method"] != ""].assign(method="tsv_m")
    rows.write(folder / "rows.csv", pd.concat([table, other_method]))
    text = summary.report(folder)
    assert "Merging methods and ways of fine-tuning: addition" in text
    assert "| TSV-M | 61.0 |" in text
    assert text.index("Table 2.") < text.index("TSV-M")


def test_missing_page_and_missing_experiment_are_said(folder):
    table = rows.read(folder / "rows.csv")
    rows.write(folder / "rows.csv", table[table["experiment"] == "single_task"])
    text = summary.report(folder)
    assert "(not written yet)" in text
    assert "not in this run" in text


def test_errors_are_one_sentence(folder):
    with pytest.raises(ValueError, match=r"^Missing file .*\.$"):
        summary.report(folder / "nowhere")
    kept = (folder / "replicates.safetensors").rename(folder / "elsewhere")
    with pytest.raises(ValueError, match=r"^There is no .*replicates.safetensors, which claims"):
        summary.report(folder)
    kept.rename(folder / "replicates.safetensors")
    (folder / "rows.csv").write_bytes((folder / "rows.csv").read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"damaged.*Delete it"):
        summary.report(folder)


def test_the_command_prints_the_report_or_one_sentence(folder):
    runner = CliRunner()
    shown = runner.invoke(cli.app, ["summary", str(folder)])
    assert shown.exit_code == 0
    assert shown.stdout == summary.report(folder) + "\n"
    refused = runner.invoke(cli.app, ["summary", str(folder / "nowhere")])
    assert refused.exit_code == 2
    (line,) = refused.stderr.splitlines()
    assert "Missing file" in line
