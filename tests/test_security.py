"""What SECURITY.md promises: nothing of a stranger's is executed or unpacked, and no name becomes
markup.
"""

from __future__ import annotations

import ast
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tangent_bench.figures import _style
from tangent_bench.figures._cells import Cell, cells
from tangent_bench.images.decoding import decode
from tangent_bench.report import render
from tests import small
from tests.page_folder import HOSTILE
from tests.workflow.checkout import ROOT

# Calls as written, or by their last parts.
NEVER = (
    # run what a text or a file says
    "eval",
    "exec",
    "compile",
    "__import__",
    "torch.hub.load",
    "jit.load",
    # go through a shell
    "os.system",
    "os.popen",
    "subprocess.getoutput",
    "getstatusoutput",
    # make any object that a file names
    "pickle.load",
    "pickle.loads",
    "Unpickler",
    "joblib.load",
    "read_pickle",
    "shelve.open",
    "marshal.load",
    "marshal.loads",
    "dill.load",
    "cloudpickle.load",
    "yaml.load",
    "yaml.load_all",
    "yaml.full_load",
    "yaml.unsafe_load",
    # write where an archive says, or where another may
    "extractall",
    "extract",
    "unpack_archive",
    "mktemp",
)
ONLY_WITH = {
    "torch.load": ("weights_only", True),
    "create_model": ("weights_only", True),
    "timm.create_model": ("pretrained", False),  # which reads no file
}
NEVER_WITH = {"shell": True, "allow_pickle": True, "trust_remote_code": True, "verify": False}
SOURCES = sorted(
    path
    for folder in ("tangent_bench", "workflow", "docs")
    for path in (ROOT / folder).rglob("*.py")
)
RULES = [ROOT / "Snakefile", *sorted((ROOT / "workflow" / "rules").glob("*.smk"))]


def flaws(text: str) -> list[str]:
    """The calls of a module that must not be there, each with its line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name, given = (
            ast.unparse(node.func),
            {k.arg: getattr(k.value, "value", k.value) for k in node.keywords},
        )
        bad = [
            own
            for own in NEVER
            if name == own or ("." in own or own not in _BUILTIN) and name.endswith(f".{own}")
        ]
        for own, (keyword, value) in _conditions(name).items():
            if name == own or name.endswith(f".{own}"):
                bad += [f"{own} without {keyword}={value}"] * (given.get(keyword) is not value)
        bad += [
            f"{key}={value}"
            for key, value in NEVER_WITH.items()
            if key in given and given[key] is not _harmless(value)
        ]
        found += [f"{node.lineno}: {name} ({each})" for each in bad]
    return found


def _conditions(name: str) -> dict[str, tuple[str, bool]]:
    """What a function's own name asks, or what its last word does."""
    return {name: ONLY_WITH[name]} if name in ONLY_WITH else ONLY_WITH


_BUILTIN = {"eval", "exec", "compile", "__import__"}  # `re.compile` and `network.eval` are others


def _harmless(value: bool) -> bool:
    return not value


def test_no_module_runs_or_unpacks_what_it_reads():
    found = {}
    for path in SOURCES:
        found[str(path.relative_to(ROOT))] = flaws(path.read_text(encoding="utf-8"))
    assert {name: calls for name, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "text",
    [
        *(
            "eval(x)",
            "exec(x)",
            "__import__(n)",
            "os.system(c)",
            "pickle.load(f)",
            "a.b.pickle.loads(f)",
        ),
        *(
            "torch.load(f)",
            "torch.load(f, weights_only=False)",
            "yaml.load(t, Loader=L)",
            "pd.read_pickle(f)",
        ),
        *(
            "subprocess.run(c, shell=True)",
            "subprocess.run(c, shell=flag)",
            "np.load(f, allow_pickle=True)",
        ),
        *("archive.extractall(p)", "tarfile.open(f).extractall(p)", "shutil.unpack_archive(f)"),
        *("datasets.load_dataset(n, trust_remote_code=True)", "open_clip.create_model(n)"),
    ],
)
def test_each_of_them_would_be_found(text):
    assert len(flaws(f"def f():\n    {text}")) == 1


def test_what_only_looks_like_one_is_none():
    assert (
        flaws(
            "re.compile(p); network.eval(); yaml.safe_load(t); torch.load(f, weights_only=True); "
            "np.load(f)"
        )
        == []
    )


def test_no_rule_has_a_shell():
    """A name with a space or a quote in it would be a part of its command."""
    assert len(RULES) > 5
    for path in RULES:
        text = path.read_text(encoding="utf-8")
        assert "configfile" in text or "rule " in text or "def " in text
        assert not re.search(r"\b(shell|run)\s*:|\b(shell|eval|exec|system)\(", text), path.name


def test_modules_that_read_pickles_are_those_that_the_restricted_reader_is():
    """`pickle` is not even imported; what is known of it is the table of its opcodes."""
    imported = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [a.name for a in node.names]
                if isinstance(node, ast.Import)
                else [getattr(node, "module", None)]
            )
            if isinstance(node, ast.Import | ast.ImportFrom):
                for name in filter(None, names):
                    imported.setdefault(name.partition(".")[0], set()).add(path.name)
    assert not {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"} & set(imported)
    assert imported["pickletools"] == {"_machine.py"}
    # Sheets of glyphs and tables of texts are built from pinned packages, in memory: nothing is
    # unpacked to a disk.
    assert imported["tarfile"] == {"_archives.py"}
    assert imported["zipfile"] == {"_archives.py", "_pickles.py", "packages.py"}


# Names that mean harm: HTML is in tests/test_pages.py and tests/test_results_page.py

LINES = "a|b\n<img src=x onerror=alert(1)>\\input{/etc/passwd}%$&#_^~"


@pytest.fixture
def hostile() -> pd.DataFrame:
    return cells(
        [
            Cell(LINES, LINES, LINES, unit="text", text=LINES),
            Cell(HOSTILE, LINES, LINES, unit="text", text=""),
        ]
    )


def test_a_name_is_one_cell_of_a_markdown_table_and_no_markup(hostile):
    text = render.markdown(hostile)
    lines = text.strip().splitlines()
    assert len(lines) == 4
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line)) == 3, line
    assert "<" not in text
    assert text.count("&lt;img") == 4


def test_a_name_is_text_in_latex(hostile):
    text = render.latex(hostile, LINES, "label")
    body = text.partition(r"\toprule")[2]
    assert r"\input" not in text
    assert r"\textbackslash{}input\{/etc/passwd\}\%" in body
    assert not re.search(r"(?<!\\)[%#](?!.*needs)", body)
    assert body.count(r"\textasciitilde{}") >= 3


def test_a_name_is_text_in_a_drawing(tmp_path):
    """Matplotlib escapes it; nothing in a drawing would run in a page, where it is an image."""
    from matplotlib.figure import Figure

    figure = Figure()
    axis = figure.subplots()
    axis.set_title("<script>alert(1)</script>&\"'")
    axis.plot([0, 1], label="</svg><script>alert(1)</script>")
    axis.legend()
    _style.save(figure, tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<script" not in text
    assert text.count("</svg>") == 1


# Pictures of strangers


def _claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is so large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def test_a_picture_that_would_fill_the_memory_is_refused(tmp_path):
    with pytest.raises(
        ValueError,
        match=r"image 3 cannot be read as an image .*decompression bomb.*; repair or remove it",
    ):
        decode(_claims(100_000, 100_000), "image 3", turn=True)


def test_pictures_of_a_folder_cannot_name_files_outside(tmp_path):
    """What a class folder is called is a label and a word of prompts, never a path that is written
    to.
    """
    from tangent_bench.images.folders import FolderTask

    folder = tmp_path / "with a space" / "own"
    for split in ("train", "test"):
        for name in ("a b", "<script>", "x..", "$(id)"):
            file = folder / split / name / "0 0.png"
            file.parent.mkdir(parents=True)
            _picture().save(file)
    before = sorted(tmp_path.rglob("*"))
    task = FolderTask("own", {"folder": str(folder), "templates": ["a {}"], "side": 8})
    images = task.load("test")
    assert task.TASK.class_names == ("$(id)", "<script>", "a b", "x..") and len(images.labels) == 4
    assert sorted(tmp_path.rglob("*")) == before


def _picture():
    from PIL import Image

    return Image.fromarray(small.pixels(1, 8, "a picture")[0].astype(np.uint8))


def test_the_policy_is_said(tmp_path):
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    for words in ("weights_only", "safetensors", "report", "what it does not", "custom_tasks"):
        assert words.lower() in text.lower(), words
    assert Path(ROOT / "tests/test_security.py").name in text
