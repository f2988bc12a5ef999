"""The restricted reader equals `torch.load` where that is safe, and runs nothing of any file."""

from __future__ import annotations

import builtins
import contextlib
import os
import pickle
import subprocess
import warnings
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import nn

from tangent_bench.weights import _pickles
from tangent_bench.weights._machine import StandIn
from tests import small

BASE = small.normal("base", shape=(4, 6)).float()
TENSORS = {
    "plain": BASE,
    "part": BASE[1:, 2:5],
    "transposed": BASE.T,
    "every other": BASE[::2, 1],
    "shared": BASE[2],
    "scalar": torch.tensor(2.5),
    "empty": torch.zeros(0, 3),
    **{
        str(d): torch.arange(7).to(d)
        for d in (torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8)
    },
    "bool": torch.tensor([True, False]),
    "parameter": nn.Parameter(BASE.clone()),
}


@pytest.mark.parametrize("archive", [True, False])
def test_tensors_are_those_that_torch_loads(tmp_path, archive):
    path = tmp_path / "state.pt"
    state = OrderedDict(TENSORS)
    state._metadata = {"": {"version": 1}}  # as `state_dict` has it
    saved = {"state": state, "step": 12, "name": "θ", "rate": 1e-5, "list": [1, (2, None)]}
    torch.save(saved, path, _use_new_zipfile_serialization=archive)
    found = _pickles.read(path)
    expected = torch.load(path, weights_only=True)
    assert (
        found["step"] == 12
        and found["name"] == "θ"
        and found["rate"] == 1e-5
        and found["list"] == [1, (2, None)]
    )
    assert list(found["state"]) == list(TENSORS)
    for key, value in expected["state"].items():
        assert found["state"][key].dtype == value.dtype and torch.equal(
            found["state"][key], value
        ), key


@pytest.mark.parametrize("archive", [True, False])
def test_a_module_is_a_stand_in_with_its_parameters(tmp_path, archive):
    layer = nn.MultiheadAttention(8, 2)
    torch.save(layer, tmp_path / "m.pt", _use_new_zipfile_serialization=archive)
    found = _pickles.read(tmp_path / "m.pt")
    assert (
        isinstance(found, StandIn)
        and str(found.of) == "torch.nn.modules.activation.MultiheadAttention"
    )
    assert torch.equal(found.attribute("_parameters")["in_proj_weight"], layer.in_proj_weight)
    assert not callable(found) and not hasattr(found, "forward")


# Malicious files. Each would leave a witness if it were unpickled, as
# `test_the_files_are_dangerous` shows.


class Call:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments: object) -> None:
        self.function = function
        self.arguments = arguments

    def __reduce__(self):
        return self.function, self.arguments


class Awake:
    """A class whose `__setstate__` does what its state says."""

    def __setstate__(self, state: dict) -> None:
        Path(state["witness"]).touch()

    def __reduce__(self):
        return type(self), (), {"witness": self.witness}


def _system(witness: Path) -> object:
    return Call(os.system, f"touch {witness}")


def _eval(witness: Path) -> object:
    return Call(builtins.eval, f"open({str(witness)!r}, 'w').close()")


def _exec(witness: Path) -> object:
    return Call(builtins.exec, f"import pathlib; pathlib.Path({str(witness)!r}).touch()")


def _popen(witness: Path) -> object:
    return Call(subprocess.call, ["touch", str(witness)])


def _set_state(witness: Path) -> object:
    """`__setstate__` of a class that can be imported."""
    found = Awake()
    found.witness = str(witness)
    return found


def _in_a_module(witness: Path) -> object:
    """A harmless module with a hook that is a call."""
    layer = nn.Linear(2, 2)
    layer._forward_hooks = OrderedDict({0: _system(witness)})
    return layer


def _in_a_state_dict(witness: Path) -> object:
    return OrderedDict(weight=BASE, bias=_system(witness))


def _as_a_key(witness: Path) -> object:
    return {_system(witness): BASE}


def _in_a_tensor(witness: Path) -> object:
    """`_rebuild_parameter` around a call."""
    return Call(torch._utils._rebuild_parameter, _system(witness), True, OrderedDict())


def _from_type(witness: Path) -> object:
    """torch's own function that calls one of the file's choice and sets a state."""
    return Call(torch._tensor._rebuild_from_type_v2, os.system, dict, (f"touch {witness}",), {})


def _another_file(witness: Path) -> object:
    """`torch.load` of a second file, which is the dangerous one."""
    second = witness.with_suffix(".second")
    second.write_bytes(pickle.dumps(_system(witness)))
    return Call(pickle._loads, second.read_bytes())


MALICIOUS = {
    "os.system": _system,
    "builtins.eval": _eval,
    "builtins.exec": _exec,
    "subprocess.call": _popen,
    "__setstate__": _set_state,
    "in a hook of a module": _in_a_module,
    "in a state dict": _in_a_state_dict,
    "as a key": _as_a_key,
    "in a parameter": _in_a_tensor,
    "torch's _rebuild_from_type_v2": _from_type,
    "a pickle in a pickle": _another_file,
}


def _write(kind: str, path: Path, archive: bool) -> Path:
    """A malicious file, and the witness that it would leave."""
    witness = path.with_suffix(".witness")
    torch.save(MALICIOUS[kind](witness), path, _use_new_zipfile_serialization=archive)
    return witness


@pytest.mark.parametrize("archive", [True, False])
@pytest.mark.parametrize("kind", MALICIOUS)
def test_a_malicious_file_is_refused_and_does_nothing(kind, archive, tmp_path):
    witness = _write(kind, tmp_path / "evil.pt", archive)
    with pytest.raises(ValueError) as caught:
        _pickles.read(tmp_path / "evil.pt")
    assert not witness.exists()
    assert "evil.pt is not read: it asks for " in str(caught.value) and "\n" not in str(
        caught.value
    )


@pytest.mark.parametrize("kind", MALICIOUS)
def test_the_files_are_dangerous(kind, tmp_path):
    """The same files do leave their witness where they are unpickled: the test above could fail."""
    witness = _write(kind, tmp_path / "evil.pt", True)
    with contextlib.suppress(Exception):  # what they return is no tensor
        torch.load(tmp_path / "evil.pt", weights_only=False)
    assert witness.exists()


def _archive(path: Path, program: bytes) -> Path:
    """An archive whose pickle is written by hand."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", program)
    return path


HAND_WRITTEN = {
    "a path through a known package": b"\x80\x04\x8c\x08torch.nn\x8c\x0cmodules.a.os\x93.",
    "INST": b"(S'true'\nios\nsystem\n.",
    "OBJ": b"(cos\nsystem\nS'true'\no.",
    "an extension": b"\x80\x02\x82\x01.",
    "a call of a string": b"\x80\x02X\x02\x00\x00\x00id)R.",
    "the state of a class": b"\x80\x02ctorch.nn\nLinear\n}b.",
    "the state of a list": b"\x80\x02]}b.",
    "a storage that is none": b"\x80\x02(U\x07storagectorch.nn\nLinear\nU\x010U\x03cpuK\x01tQ.",
    "torch.load": b"\x80\x02ctorch\nload\n.",
    "torch.hub": b"\x80\x02ctorch.hub\nload_state_dict_from_url\n.",
    "another of torch's rebuilders": b"\x80\x02ctorch._utils\n_rebuild_wrapper_subclass\n.",
    "getattr": b"\x80\x02c__builtin__\ngetattr\n.",
}


@pytest.mark.parametrize("kind", HAND_WRITTEN)
def test_hand_written_programs_are_refused(kind, tmp_path):
    with pytest.raises(ValueError, match="is not read: "):
        _pickles.read(_archive(tmp_path / "a.pt", HAND_WRITTEN[kind]))


def _saved(path: Path, records: dict[str, bytes]) -> Path:
    """An archive of torch.save with some records replaced, or added."""
    torch.save({"a": BASE}, path)
    with zipfile.ZipFile(path) as archive:
        whole = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (whole | records).items():
            archive.writestr(f"archive/{name}", content)
    return path


@pytest.mark.parametrize(
    ("records", "sentence"),
    [
        ({"byteorder": b"big"}, "its numbers are not little-endian"),
        ({"data/0": bytes(95)}, "record '0' has another size than its tensors"),
        ({"data/0": bytes(97)}, "record '0' has another size than its tensors"),
        ({"more/data.pkl": b"\x80\x02N."}, "the archive holds 2 pickles, expected one"),
    ],
)
def test_an_archive_whose_records_do_not_fit_is_refused(records, sentence, tmp_path):
    assert torch.equal(_pickles.read(_saved(tmp_path / "a.pt", {}))["a"], BASE)
    with pytest.raises(ValueError, match=rf"a\.pt is not read: {sentence}"):
        _pickles.read(_saved(tmp_path / "a.pt", records))


def test_the_older_format_must_be_whole(tmp_path):
    path = tmp_path / "a.pt"
    torch.save({"a": BASE}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    count = len(whole) - BASE.numel() * 4 - 8
    for content, sentence in (
        (pickle.dumps(1, protocol=2) + whole, "is not read: it does not begin as torch.save does"),
        (
            whole[:count] + bytes([25]) + whole[count + 1 :],
            "is not read: storage '.*' has another size",
        ),
        (whole[:-1], r"is truncated or damaged \(EOFError: it ends too early\); download it again"),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=sentence):
            _pickles.read(path)


def test_one_storage_has_one_type_and_size(tmp_path):
    # A persistent id twice: key '0' as 24 numbers of one type, then of another.
    storage = b"(U\x07storagectorch\n%sStorage\nU\x010U\x03cpuK\x18tQ"
    program = b"\x80\x02(" + storage % b"Float" + storage % b"Double" + b"t."
    with pytest.raises(ValueError, match="storage '0' has two types or sizes"):
        _pickles.read(_archive(tmp_path / "a.pt", program))


def test_endless_nesting_is_one_sentence(tmp_path):
    depth = 50_000
    program = b"\x80\x02" + b"]" * depth + b"a" * (depth - 1) + b"."
    with pytest.raises(
        ValueError,
        match="a.pt is truncated or damaged .it is nested too deeply.; download it again",
    ):
        _pickles.read(_archive(tmp_path / "a.pt", program))


@pytest.mark.parametrize(
    "program",
    [b"", b"\x80\x02", b".", b"\x80\x02h\x05.", b"\x80\x02t.", b"\x80\x02]]s.", b"\xff\xff"],
)
def test_broken_programs_are_damaged(program, tmp_path):
    with pytest.raises(ValueError, match="a.pt is (truncated or damaged|not read)"):
        _pickles.read(_archive(tmp_path / "a.pt", program))


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [((3, 7), (6, 1), 6), ((25,), (1,), 0), ((2,), (1,), 23), ((2,), (-1,), 5)],
)
def test_a_tensor_beyond_its_storage_is_refused(size, stride, offset, tmp_path):
    real = torch._utils._rebuild_tensor_v2

    class Reaching:
        def __reduce__(self):
            return real, (BASE.storage(), offset, size, stride, False, OrderedDict())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # typed storages are deprecated, and what files hold
        torch.save([Reaching()], tmp_path / "a.pt")
    with pytest.raises(ValueError, match="beyond its storage"):
        _pickles.read(tmp_path / "a.pt")


def test_a_module_that_contains_itself_is_refused(tmp_path):
    from tangent_bench.weights import _reading

    outer = nn.Sequential(nn.Linear(2, 2))
    outer._modules["again"] = outer
    torch.save(outer, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="contains itself"):
        _reading.read(tmp_path / "a.pt")
