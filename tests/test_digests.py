"""What the digest of a job's code follows, what changes it, and what does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tangent_bench import registry, suite
from tangent_bench.jobs import digests

CODE = (
    '"""About the module."""\n\nimport json\n\n\n'
    'def double(x):\n    """Twice x."""\n    return 2 * x\n'
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An author's package: a method that imports a helper, relative to itself and late."""
    folder = tmp_path / "their_package"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "helper.py").write_text("FACTOR = 0.5\n")
    (folder / "late.py").write_text("SIGN = 1\n")
    (folder / "typed.py").write_text("class Kind: ...\n")
    (folder / "method.py").write_text(
        "from typing import TYPE_CHECKING\n\nfrom .helper import FACTOR\n\nif TYPE_CHECKING:\n    "
        "from .typed import Kind\n"
        "\n\ndef prepare(vectors, context):\n    from their_package import late\n\n    return "
        "FACTOR * late.SIGN\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    digests._root.cache_clear()
    sys.modules.pop("their_package", None)


@pytest.fixture(autouse=True)
def fresh():
    """Other processes read files anew; here the caches are emptied by hand."""
    forget()
    yield
    forget()


def forget() -> None:
    digests.digest.cache_clear()
    digests._file_at.cache_clear()


def digest_of(text: str, file: Path) -> str:
    file.write_text(text)
    forget()
    return digests.digest(file)


@pytest.mark.parametrize(
    "edited",
    [
        CODE + "\n# a comment\n",
        "\n\n" + CODE.replace("    return", "    # twice\n    return"),
        CODE.replace('"""Twice x."""\n', '"""Two times x.\n\n    Really.\n    """\n'),
        CODE.replace('"""About the module."""\n', ""),
        CODE.replace("2 * x", "(2 * x)"),
    ],
)
def test_what_does_not_run_changes_nothing(edited, tmp_path):
    file = tmp_path / "script.py"
    before = digest_of(CODE, file)
    assert digest_of(edited, file) == before


@pytest.mark.parametrize(
    "edited",
    [
        CODE + "\nNUMBER = 1\n",
        CODE.replace("2 * x", "3 * x"),
        CODE.replace("2 * x", "x * 2"),
        CODE.replace("2 * x", "2.0 * x"),
        CODE.replace("import json", "import json as j"),
        CODE.replace("def double(x)", "def double(x, /)"),
    ],
)
def test_what_runs_changes_it(edited, tmp_path):
    file = tmp_path / "script.py"
    before = digest_of(CODE, file)
    assert digest_of(edited, file) != before


def names(paths) -> set[str]:
    return {path.name for path in paths}


def test_an_authors_package_is_followed_and_what_only_type_checkers_read_is_not(package, tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import json\n")
    reached = digests.closure(script, "their_package.method")
    assert names(reached) == {"script.py", "__init__.py", "method.py", "helper.py", "late.py"}
    before = digests.digest(script, "their_package.method")
    (package / "late.py").write_text("SIGN = -1\n")
    forget()
    assert digests.digest(script, "their_package.method") != before


def test_a_module_that_stands_alone_is_a_plugin_too(tmp_path, monkeypatch):
    (tmp_path / "lonely_method.py").write_text("from tangent_bench import seeds\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    script = tmp_path / "script.py"
    script.touch()
    reached = digests.closure(script, "lonely_method")
    assert names(reached) == {"script.py", "lonely_method.py", "__init__.py", "seeds.py"}


def test_every_plugin_of_a_folder_is_followed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("from tangent_bench import registry\n\nfamilies = registry.every('corpus')\n")
    assert {f"{name}.py" for name in registry.names("corpus")} <= names(digests.closure(script))


def test_a_data_file_that_a_module_names_counts(tmp_path):
    script, table = tmp_path / "script.py", tmp_path / "numbers.csv"
    table.write_text("1\n")
    script.write_text(
        "from pathlib import Path\n\nTABLE = Path(__file__).with_name('numbers.csv')\n"
    )
    before = digests.digest(script)
    table.write_text("22\n")
    forget()
    assert table in digests.closure(script) and digests.digest(script) != before


@pytest.mark.parametrize(
    ("text", "plugin", "said"),
    [
        ("from tangent_bench.nowhere import x\n", "", "no module tangent_bench.nowhere"),
        ("import tangent_bench.methods.nothing\n", "", "no module tangent_bench.methods.nothing"),
        ("", "tangent_bench.training.nothing", "no module tangent_bench.training.nothing"),
        ("", "no_such_package.method", "no package 'no_such_package'"),
    ],
)
def test_a_module_that_is_not_there_is_an_error(text, plugin, said, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(text)
    with pytest.raises(ValueError, match=said):
        digests.digest(script, *filter(None, [plugin]))


def test_a_script_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"gone\.py is not there"):
        digests.digest(tmp_path / "gone.py")


def test_every_script_has_a_digest_of_its_own():
    scripts = sorted((suite.ROOT / "workflow/scripts").glob("*.py"))
    found = {digests.digest(script) for script in scripts}
    assert len(found) == len(scripts) > 20 and all(len(digest) == 16 for digest in found)
