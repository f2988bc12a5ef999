"""Damaged and hostile files: each kind is refused by a sentence that names the file, and none fills
the memory.
"""

from __future__ import annotations

import json
import pickle
import random
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tangent_bench import models
from tangent_bench.images import image_store
from tangent_bench.jobs import provenance
from tangent_bench.report import times
from tangent_bench.store import artefacts, rows
from tangent_bench.tangent.vectors import Stored
from tangent_bench.weights import _pickles, _reading, _transformers
from tests import small
from tests.test_rows import row
from tests.workflow.checkout import ROOT

NUMBERS = {
    "visual.proj": small.normal("proj", shape=(6, 5)).float().numpy(),
    "bias": np.arange(4, dtype=np.float32),
}


def _saved(kind: str, **tensors: np.ndarray) -> Callable[[Path], object]:
    return lambda path: artefacts.save(
        path, kind, tensors or NUMBERS, theta0="f" * 64, class_names=["a", "b"]
    )


def _images(path: Path) -> None:
    images = [(k, small.pixels(1, side, str(k))[0]) for k, side in enumerate((8, 9, 12))]
    image_store.save(path, images, 3, {"labels": np.arange(3)}, class_names=["a", "b", "c"])


def _rows(path: Path) -> None:
    rows.write(
        path,
        rows.frame(row(seed=seed, value=seed / 7, coefficient=0.1 * seed) for seed in range(6)),
    )


def _record(path: Path) -> None:
    about = {"rule": "finetune", "wildcards": {"task": "é"}, "seconds": 1.5e-7, "images": "e" * 64}
    provenance.write_record(path, about | {"peak_memory_bytes": 3})


def _times(path: Path) -> object:
    """The record as a table of times reads it, from `logs/` of a results folder."""
    return times.records(path.parents[1])


def _loaded(kind: str) -> Callable[[Path], object]:
    return lambda path: artefacts.load(path, kind)


PIXELS = small.pixels(2, 8, "a")
LOGITS = np.arange(9, dtype=np.uint16)
SAVED = "head", "base features", "features", "training state", "pretraining weights", "corpus shard"
KINDS = {  # kind → what writes it, what reads it
    **{kind: (_saved(kind), _loaded(kind)) for kind in SAVED},
    "outcome": (_saved("outcome", predictions=LOGITS), _loaded("outcome")),
    "vector, or a merged direction": (_saved("vector"), Stored),
    "images, one shape": (
        _saved("images", images=PIXELS, labels=np.arange(2)),
        image_store.open_images,
    ),
    "images, many shapes": (_images, image_store.open_images),
    "rows": (_rows, rows.read),
    "record of a job": (_record, _times),
}


def damages(content: bytes, name: str, flips: int = 24, cuts: int = 6) -> list[bytes]:
    """The content with a bit flipped, or cut off, at places that depend on the name; its ends are
    among them.
    """
    draw = random.Random(name)
    bits = [0, 7, 8 * len(content) - 1, *(draw.randrange(8 * len(content)) for _ in range(flips))]
    flipped = []
    for bit in bits:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        flipped.append(bytes(changed))
    return [
        *flipped,
        *(content[:length] for length in (0, 1, len(content) - 1)),
        *(content[: draw.randrange(len(content))] for _ in range(cuts)),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_damage_of_every_kind_of_file_is_one_sentence(kind, tmp_path):
    write, read = KINDS[kind]
    path = tmp_path / "logs" / "damaged.json"
    write(path)
    assert read(path) is not None
    for content in damages(path.read_bytes(), kind):
        path.write_bytes(content)
        with pytest.raises(ValueError) as caught:
            read(path)
        text = str(caught.value)
        assert str(path) in text and text.isprintable() and len(text) < 500 + len(str(path))
        assert re.search("[Dd]elete it|was not written by tangent_bench|no rows file", text), text


def test_the_digest_of_a_record_is_of_every_byte(tmp_path):
    path = tmp_path / "a.json"
    _record(path)
    content = path.read_bytes()
    for bit in range(8 * len(content)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(ValueError):
            provenance.read_record(path)
    path.write_bytes(content)
    found = provenance.read_record(path)
    assert (
        found.pop("sha256") and found["wildcards"] == {"task": "é"} and found["seconds"] == 1.5e-7
    )


def test_a_record_of_an_earlier_release_is_read(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"rule": "a", "images": "e" * 64}, indent=1))
    assert provenance.read_record(tmp_path / "a.json")["rule"] == "a"


def test_damage_of_shipped_weights_is_found(tmp_path):
    model = models.find("tiny")
    content = Path(model.weights).read_bytes()
    for number, changed in enumerate(damages(content, "tiny", flips=4, cuts=1)):
        file = tmp_path / f"{number}.safetensors"
        file.write_bytes(changed)
        with pytest.raises(ValueError, match=f"{number}.safetensors"):
            artefacts.load(file, "pretraining weights")
        file.unlink()


# Hostile files: what a stranger may put where one of ours, or a checkpoint, is expected.

TYPES = (
    "F32",
    "F64",
    "I64",
    "U8",
    "U16",
    "BOOL",
    "F16",
    "BF16",
    "F8_E4M3",
    "F4",
    "C64",
    "X",
    "",
    None,
    3,
)
whole = st.one_of(
    st.integers(-2, 40), st.sampled_from([2**31, 2**62, 2**63, 2**64, 10**30, 1.5, "1", None, True])
)
entry = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(TYPES),
        "shape": st.lists(whole, max_size=3) | st.integers(),
        "data_offsets": st.lists(whole, max_size=3) | st.just([0, 8]),
    }
)
meta = st.none() | st.dictionaries(
    st.sampled_from(["tangent_bench", "x"]), st.text(max_size=90) | st.integers(), max_size=2
)


@st.composite
def safetensors(draw) -> bytes:
    """What looks like safetensors: a header of odd entries, its length right or not, content of any
    length.
    """
    header = dict(zip("abc", draw(st.lists(entry, max_size=3))))
    if (facts := draw(meta)) is not None:
        header["__metadata__"] = facts
    text = draw(
        st.sampled_from(
            [json.dumps(header), json.dumps(header), json.dumps([header]), "[" * 2000, "{", ""]
        )
    ).encode()
    length = draw(
        st.sampled_from(
            [len(text)] * 5 + [0, len(text) - 1, len(text) + 1, 10**8, 2**40, 2**63, 2**64 - 1]
        )
    )
    body = draw(st.binary(max_size=40))
    return (length % 2**64).to_bytes(8, "little") + text + body


READERS = {
    "a.safetensors": [lambda path: artefacts.load(path, "vector"), _reading.read],
    "a.pt": [_reading.read],
    "a.csv": [rows.read],
    "a.json": [provenance.read_record],
}
anything = st.binary(max_size=60) | st.binary(max_size=40).map(lambda b: b"\x80\x02" + b + b".")
MARKED = (b'{"sha256": "', b"# tangent_bench rows, sha256 of what follows: ", b"PK\x03\x04", b"{\n")
QUICK = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
MORE = settings(
    max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def _refused_or_read(folder: Path, content: bytes) -> None:
    for name, readers in READERS.items():
        path = folder / name
        path.write_bytes(content)
        for read in readers:
            try:
                read(path)
            except ValueError as error:
                text = str(error)
                assert type(error) in (
                    ValueError,
                    artefacts.DamagedFile,
                    json.JSONDecodeError,
                    UnicodeDecodeError,
                ), error
                assert "\n" not in text and len(text) < 600, text
                assert name == "a.json" or str(path) in text, (
                    text
                )  # whoever reads a record names it


@given(
    safetensors()
    | anything
    | st.tuples(st.sampled_from(MARKED), st.binary(max_size=60)).map(b"".join)
)
@QUICK
def test_no_file_ends_otherwise_than_with_a_sentence(tmp_path, content):
    _refused_or_read(tmp_path, content)


@pytest.mark.full
@given(
    safetensors()
    | anything
    | st.tuples(st.sampled_from(MARKED), st.binary(max_size=200)).map(b"".join)
)
@MORE
def test_no_file_of_many_ends_otherwise_than_with_a_sentence(tmp_path, content):
    _refused_or_read(tmp_path, content)


OPCODES = [
    *(
        b"(",
        b")",
        b"]",
        b"}",
        b"t",
        b"\x85",
        b"\x86",
        b"a",
        b"e",
        b"s",
        b"u",
        b"R",
        b"b",
        b"Q",
        b"q\x00",
        b"h\x00",
    ),
    *(
        b"\x94",
        b"N",
        b"K\x01",
        b"\x81",
        b"0",
        b"2",
        b"J\xff\xff\xff\x7f",
        b"J\xff\xff\xff\xff",
        b"X\x01\x00\x00\x00a",
    ),
    *(b"ctorch.nn\nLinear\n", b"ccollections\nOrderedDict\n", b"ctorch\nFloatStorage\n"),
    *(b"ctorch._utils\n_rebuild_tensor_v2\n", b"X\x07\x00\x00\x00storage"),
]


@given(st.lists(st.sampled_from(OPCODES), max_size=14))
@settings(QUICK, max_examples=150)
def test_no_program_ends_otherwise_than_with_a_sentence(tmp_path, steps):
    path = archive(tmp_path / "a.pt", b"\x80\x02" + b"".join(steps) + b".")
    try:
        _reading.read(path)
    except ValueError as error:
        assert type(error) is ValueError and str(path) in str(error) and str(error).isprintable()


def test_a_damaged_archive_is_found_or_says_what_it_said(tmp_path):
    """Only what torch.save pads records with has no checksum."""
    state = {"weight": small.normal("w", shape=(40, 3)).float(), "step": 3}
    path = tmp_path / "a.pt"
    torch.save(state, path)
    content = path.read_bytes()
    found = 0
    for changed in damages(content, "archive", flips=150, cuts=20):
        path.write_bytes(changed)
        try:
            read = _pickles.read(path)
        except ValueError as error:
            found += 1
            assert str(path) in str(error) and str(error).isprintable()
        else:
            assert read["step"] == 3 and torch.equal(read["weight"], state["weight"])
    assert found > 100


# Bombs: a few bytes that would become gigabytes, or never end.


def archive(
    path: Path, program: bytes, compression: int = zipfile.ZIP_STORED, **records: bytes
) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("a/data.pkl", program)
        for name, content in records.items():
            file.writestr(f"a/data/{name}", content)
    return path


def _doubled(times: int) -> bytes:
    """A tuple of a tuple twice, of a tuple twice, ...: its text and its hash take 2^times steps."""
    return b")" + b"q\x00h\x00\x86" * times


def _compressed(path: Path) -> None:
    """50 MB in 50 kB."""
    archive(
        path,
        b"\x80\x02X" + (50_000_000).to_bytes(4, "little") + b"a" * 50_000_000 + b".",
        zipfile.ZIP_DEFLATED,
    )


def _key(path: Path) -> None:
    archive(path, b"\x80\x02}" + _doubled(200) + b"Ns.")


def _ordered_key(path: Path) -> None:
    archive(path, b"\x80\x02ccollections\nOrderedDict\n(" + b"]" + _doubled(200) + b"N\x86atR.")


def _storage_name(path: Path) -> None:
    parts = (
        b"X\x07\x00\x00\x00storagectorch\nFloatStorage\n"
        + _doubled(200)
        + b"X\x03\x00\x00\x00cpuK\x01"
    )
    archive(path, b"\x80\x02(" + parts + b"tQ.")


def _storage_type(path: Path) -> None:
    archive(
        path,
        b"\x80\x02(X\x07\x00\x00\x00storage"
        + _doubled(200)
        + b"X\x01\x00\x00\x00aX\x03\x00\x00\x00cpuK\x01tQ.",
    )


def _old_format(path: Path, count: int = 2**38) -> None:
    """The older format with a storage of a terabyte, of which nothing is there."""
    magic = pickle.dumps(_pickles._MAGIC, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
    storage = (
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00aX\x03\x00\x00\x00cpu"
    )
    storage += b"\x8a\x06" + count.to_bytes(6, "little") + b"NtQ"
    path.write_bytes(
        magic
        + b"\x80\x02]"
        + storage
        + b"a."
        + pickle.dumps(["a"], 2)
        + count.to_bytes(8, "little")
    )


def _old_names(path: Path) -> None:
    magic = pickle.dumps(_pickles._MAGIC, 2) + pickle.dumps(1001, 2) + pickle.dumps({}, 2)
    path.write_bytes(magic + b"\x80\x02}." + b"\x80\x02]" + _doubled(200) + b"a.")


def _modules(path: Path) -> None:
    """A module with one child twice, with one child twice, ...: 2^40 parameters by name."""
    leaf = torch.nn.Linear(1, 1)
    for _ in range(40):
        outer = torch.nn.Module()
        outer.a = outer.b = leaf
        leaf = outer
    torch.save(leaf, path)


def _one_in_another(path: Path) -> None:
    """Records that share their bytes, so that the file is smaller than what is in it."""
    archive(path, b"\x80\x02N.", x=b"\0" * 4000)
    with zipfile.ZipFile(path, "a") as file:
        first = file.getinfo("a/data/x")
        for k in range(50):
            again = zipfile.ZipInfo(f"a/data/y{k}")
            again.header_offset = first.header_offset
            again.file_size = first.file_size
            again.compress_size = first.compress_size
            again.CRC = first.CRC
            file.filelist.append(again)
        file._didModify = True


BOMBS = {
    "a compressed pickle": _compressed,
    "a key of tuples": _key,
    "a key of an ordered dict": _ordered_key,
    "a storage's name": _storage_name,
    "a storage's type": _storage_type,
    "a storage of a terabyte": _old_format,
    "names of the older format": _old_names,
    "records in one another": _one_in_another,
}
LIMITED = """
import resource, sys
from pathlib import Path
from tangent_bench.weights import _reading
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for file in sorted(Path(sys.argv[1]).iterdir()):
    try:
        _reading.read(file)
    except ValueError as error:
        print(file.name, "is not read" in str(error) or "damaged" in str(error))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.slow
def test_bombs_are_refused_without_memory_and_time(tmp_path):
    """In a process of its own, whose memory is measured and whose time is limited."""
    for name, make in BOMBS.items():
        make(tmp_path / f"{name}.pt")
    (tmp_path / "a header of exabytes.safetensors").write_bytes(
        (2**62).to_bytes(8, "little") + b"{}"
    )
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, cwd=ROOT
    )
    *lines, kilobytes = done.stdout.splitlines()
    assert lines == [f"{file.name} True" for file in sorted(tmp_path.iterdir())], done.stderr
    assert int(kilobytes) < 40_000, "kB more than before"


def test_a_module_with_shared_parts_has_each_once(tmp_path):
    _modules(tmp_path / "a.pt")
    found = _reading.read(tmp_path / "a.pt").tensors
    assert len(found) == 2 and {name.rpartition(".")[2] for name in found} == {"weight", "bias"}


@pytest.mark.parametrize("text", ["3", "{", '"text"', "[" * 100_000, "[[1]]", "\xff"])
def test_a_config_beside_a_checkpoint_that_is_none_is_one_sentence(tmp_path, text):
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    visual = torch.nn.Sequential(torch.nn.MultiheadAttention(4, 2))
    with pytest.raises(
        ValueError, match=r"config\.json cannot be read .*; download it again, or take it away"
    ):
        _transformers.require_config(tmp_path / "model.safetensors", visual)


def test_names_of_a_stranger_do_not_reach_the_terminal_as_they_are(tmp_path):
    for name in ("torch.nn.\x1b[2J", "torch.nn.a\nb", "os.\x1b[31msystem"):
        module, _, last = name.rpartition(".")
        program = (
            b"\x80\x04"
            + b"".join(b"\x8c" + bytes([len(t)]) + t.encode() for t in (module + ".x\x1b", last))
            + b"\x93."
        )
        with pytest.raises(ValueError, match="it asks for") as caught:
            _pickles.read(archive(tmp_path / "a.pt", program))
        assert str(caught.value).isprintable()


def test_nothing_is_unpacked(tmp_path):
    """An archive is read where it lies, whatever its records are called."""
    (tmp_path / "in").mkdir()
    with zipfile.ZipFile(tmp_path / "in" / "a.pt", "w") as file:
        for name in (
            "a/data.pkl",
            "../../evil",
            "/tmp/evil-of-tangent-bench",
            "a/data/../../../evil",
        ):
            file.writestr(name, b"\x80\x02}.")
    assert _reading.read(tmp_path / "in" / "a.pt").tensors == {}
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "a.pt"] and not Path(
        "/tmp/evil-of-tangent-bench"
    ).exists()
