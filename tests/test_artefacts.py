"""Files come back as they were written, or not at all: every flipped bit, every missing tail, every
failed write.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tangent_bench.store import artefacts
from tangent_bench.store.artefacts import DamagedFile
from tests import small

TENSORS = {
    "visual.proj": np.arange(6, dtype=np.float32).reshape(2, 3),
    "labels": np.array([3, 1, 2]),
}
ABOUT = {
    "theta0": "3f",
    "losses": [1.5, 1e-5],
    "step": 4,
    "title": "Schrift \u201ea\u201c",
    "nested": {"a": None},
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "folder" / "vector.safetensors"
    artefacts.save(path, "vector", TENSORS, **ABOUT)
    return path


def listing(folder):
    return sorted(p.name for p in folder.iterdir())


def test_reads_back_what_was_written(file):
    tensors, about = artefacts.load(file, "vector")
    assert tensors.keys() == TENSORS.keys()
    for key, value in TENSORS.items():
        assert np.array_equal(tensors[key], value) and tensors[key].dtype == value.dtype
    assert about == {**ABOUT, "sha256": artefacts.digest(TENSORS)}


dtypes = st.sampled_from(["<f4", "<f8", "<i8", "<u2", "|u1", "|b1", "<f2"])
arrays = hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)


@given(st.dictionaries(names, arrays, max_size=3))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_arrays_read_back_bit_for_bit(tmp_path, tensors):
    tensors.pop("__metadata__", None)
    artefacts.save(tmp_path / "any.safetensors", "any", tensors)
    found, _ = artefacts.load(tmp_path / "any.safetensors", "any")
    assert found.keys() == tensors.keys()
    for key, value in tensors.items():
        assert (found[key].dtype, found[key].shape) == (value.dtype, value.shape)
        assert found[key].tobytes() == value.tobytes()


def test_views_are_written_as_they_look(tmp_path):
    value = np.arange(24.0).reshape(4, 6)
    views = {
        "transposed": value.T,
        "strided": value[::2, ::-3],
        "broadcast": np.broadcast_to(value[0], (2, 6)),
    }
    artefacts.save(tmp_path / "views", "any", views)
    found, _ = artefacts.load(tmp_path / "views", "any")
    assert all(np.array_equal(found[k], v) for k, v in views.items())


def test_same_content_same_bytes(file, tmp_path):
    sha256 = artefacts.save(
        tmp_path / "again",
        "vector",
        dict(reversed(TENSORS.items())),
        **dict(reversed(ABOUT.items())),
    )
    assert (tmp_path / "again").read_bytes() == file.read_bytes()
    assert sha256 == artefacts.load(file, "vector")[1]["sha256"]


@pytest.mark.parametrize(
    "other",
    [
        {"x": np.zeros(4, np.float32), "y": np.zeros(1, np.float32)},
        {"x": np.zeros((2, 2), np.float64)},
        {"x": np.zeros((4, 1), np.float32)},
        {"z": np.zeros((2, 2), np.float32)},
        {"x": np.array([[0, 0], [0, -0.0]], np.float32)},
    ],
)
def test_digest_sees_names_types_shapes_and_bits(other):
    assert artefacts.digest(other) != artefacts.digest({"x": np.zeros((2, 2), np.float32)})


def test_flipped_bits_are_detected_in_every_byte(file):
    content = file.read_bytes()
    bits = np.random.default_rng(0).permuted(np.tile(np.arange(8), (len(content), 1)), axis=1)[
        :, :2
    ]
    for position, bit in ((p, int(b)) for p in range(len(content)) for b in bits[p]):
        damaged = bytearray(content)
        damaged[position] ^= 1 << bit
        file.write_bytes(damaged)
        with pytest.raises(ValueError, match="vector.safetensors"):
            artefacts.load(file, "vector")


def test_every_truncation_is_detected(file):
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(ValueError, match="vector.safetensors"):
            artefacts.load(file, "vector")
    file.write_bytes(content + b"\0")
    with pytest.raises(DamagedFile):
        artefacts.load(file, "vector")


def test_flipped_bits_of_a_large_file_are_detected(tmp_path):
    path = tmp_path / "large.safetensors"
    artefacts.save(path, "images", {"images": small.pixels(50, 32, "large")})
    content = path.read_bytes()
    for position in np.random.default_rng(0).integers(0, 8 * len(content), 200):
        damaged = bytearray(content)
        damaged[position // 8] ^= 1 << int(position) % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="large.safetensors"):
            artefacts.load(path, "images")


def test_damage_is_one_sentence_with_a_way_out(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedFile) as caught:
        artefacts.load(file, "vector")
    assert str(file) in str(caught.value) and "Delete it and run the same command again" in str(
        caught.value
    )
    assert "\n" not in str(caught.value)


def test_other_kind_missing_file_and_foreign_file(file, tmp_path):
    from safetensors.numpy import save_file

    with pytest.raises(ValueError, match="holds 'vector', expected 'head'; check the path"):
        artefacts.load(file, "head")
    with pytest.raises(
        ValueError, match=r"Missing file .*nothing: a head file was expected there; run"
    ):
        artefacts.load(tmp_path / "nothing", "head")
    with pytest.raises(ValueError, match="Missing file"):
        artefacts.load(tmp_path, "head")
    for metadata in (None, {"other": "x"}):
        save_file(TENSORS, tmp_path / "foreign", metadata=metadata)
        with pytest.raises(
            ValueError, match="foreign was not written by tangent_bench: expected a vector file"
        ):
            artefacts.load(tmp_path / "foreign", "vector")


def test_writing_leaves_nothing_else_behind(file):
    assert listing(file.parent) == ["vector.safetensors"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("error", [RuntimeError("in between"), KeyboardInterrupt()])
def test_interrupted_write_keeps_the_old_file(file, error):
    before = file.read_bytes()
    with pytest.raises(type(error)), artefacts.atomic(file) as temporary:
        temporary.write_bytes(b"half")
        raise error
    assert file.read_bytes() == before and listing(file.parent) == ["vector.safetensors"]


def test_name_is_taken_only_at_the_end(tmp_path):
    with artefacts.atomic(tmp_path / "late") as temporary:
        temporary.write_text("x")
        assert not (tmp_path / "late").exists() and temporary.parent == tmp_path
    assert (tmp_path / "late").read_text() == "x"


@pytest.mark.parametrize("step", ["mkstemp", "save_file", "fsync", "replace"])
def test_full_disk_is_one_sentence_and_keeps_the_old_file(file, monkeypatch, step):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    owner = {
        "mkstemp": "tempfile",
        "save_file": "safetensors.numpy",
        "fsync": "os",
        "replace": "os",
    }[step]
    before = file.read_bytes()
    monkeypatch.setattr(f"{owner}.{step}", full)
    with pytest.raises(
        ValueError,
        match=r"Cannot write .*vector\.safetensors: No space left on device\. Free space or",
    ):
        artefacts.save(file, "vector", {"other": np.ones(3)})
    assert file.read_bytes() == before and listing(file.parent) == ["vector.safetensors"]


@pytest.fixture
def full_disk(tmp_path):
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not shutil.which("mount") or os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True
    ).returncode:
        pytest.skip("this machine mounts no tmpfs")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_really_full_disk(full_disk):
    artefacts.save(full_disk / "vector", "vector", TENSORS)
    artefacts.write_text(full_disk / "rows.csv", "a,b\n")
    with pytest.raises(
        ValueError, match=r"Cannot write .*vector: .*[Nn]o space left.*finished files are kept"
    ):
        artefacts.save(full_disk / "vector", "vector", {"x": np.ones(20_000)})
    with pytest.raises(ValueError, match=r"Cannot write .*rows\.csv: No space left on device"):
        artefacts.write_text(full_disk / "rows.csv", "x" * 100_000)
    assert listing(full_disk) == ["rows.csv", "vector"]
    assert np.array_equal(
        artefacts.load(full_disk / "vector", "vector")[0]["labels"], TENSORS["labels"]
    )
    assert (full_disk / "rows.csv").read_text() == "a,b\n"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that no one can write into")
def test_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "occupied").write_text("a file, no folder")
    for path in (Path("/proc/tangent_bench/vector"), tmp_path / "occupied" / "vector"):
        with pytest.raises(
            ValueError, match=f"Cannot write {path}: .*choose another `results` folder"
        ):
            artefacts.write_text(path, "x")


def test_text_is_utf8(tmp_path):
    artefacts.write_text(tmp_path / "text", "\u03b8\u2080 \u2212 \u03b1\u03c4\n")
    assert (tmp_path / "text").read_bytes().decode("utf-8") == "\u03b8\u2080 \u2212 \u03b1\u03c4\n"
