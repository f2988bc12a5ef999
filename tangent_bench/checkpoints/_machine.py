"""A pickle as data: opcodes for a stack of plain values, on which nothing can be called.

`pickle` and `torch.load(weights_only=False)` call whatever a file names. Here a class or function is its name
(`Global`), an instance is that name with arguments and a state (`StandIn`), a tensor is a view of a storage that is
filled later, and a name that is not known to be harmless ends the reading.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import prod
from typing import BinaryIO

import torch
from torch import Tensor

ALLOWED = (
    "torch.nn.",
    "torchvision.transforms.",
    "open_clip.",
    "src.",
    "PIL.Image.Resampling",
)  # become stand-ins
_PLAIN = (
    "builtins.set",
    "__builtin__.set",
    "torch.Size",
    "torch.device",
    "collections.OrderedDict",
)
_REBUILD = "torch._utils._rebuild_"
_TENSOR, _PARAMETERS = (
    f"{_REBUILD}tensor_v2",
    (f"{_REBUILD}parameter", f"{_REBUILD}parameter_with_state"),
)
_DTYPES = {
    "Float": torch.float32, "Half": torch.float16, "BFloat16": torch.bfloat16, "Double": torch.float64,
    "Long": torch.int64, "Int": torch.int32, "Short": torch.int16, "Char": torch.int8, "Byte": torch.uint8,
    "Bool": torch.bool,
}  # fmt: skip
_STORAGES = {f"torch.{name}Storage": dtype for name, dtype in _DTYPES.items()}


class Refused(ValueError):
    """A pickle that asks for more than tensors, or that cannot be read to its end."""


@dataclass(frozen=True)
class Global:
    """The name of a class or function, and nothing else."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False)
class StandIn:
    """What would have been an instance: the name of its class, arguments and state."""

    of: Global
    arguments: object = ()
    state: object = None
    items: dict = field(default_factory=dict)
    entries: list = field(default_factory=list)

    def attribute(self, name: str) -> dict:
        """A map among the attributes of a pickled module, empty if there is none."""
        found = self.state.get(name) if isinstance(self.state, dict) else None
        return found if isinstance(found, dict) else {}


@dataclass(eq=False)
class Storage:
    """The numbers behind one or more tensors; `memory` is filled after the pickle was read."""

    key: str
    dtype: torch.dtype
    count: int
    memory: Tensor = field(default_factory=lambda: torch.empty(0))

    @property
    def num_bytes(self) -> int:
        return self.count * self.dtype.itemsize

    def fill(self, content: bytearray) -> None:
        if len(content) != self.num_bytes:
            raise Refused(
                f"storage {self.key!r} has {len(content)} bytes instead of {self.num_bytes}"
            )
        self.memory = (
            torch.frombuffer(content, dtype=self.dtype)
            if content
            else torch.empty(0, dtype=self.dtype)
        )


@dataclass(eq=False)
class View:
    """A tensor as a pickle describes it."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self) -> Tensor:
        last = self.offset + sum(
            (n - 1) * step for n, step in zip(self.size, self.stride, strict=True)
        )
        if min((self.offset, *self.size, *self.stride)) < 0 or (
            prod(self.size) and last >= self.storage.count
        ):
            raise Refused(f"a tensor of shape {self.size} reaches beyond its storage")
        return self.storage.memory.as_strided(self.size, self.stride, self.offset)


class Machine:
    """The stack on which a pickle builds its value. There is no way to call, import or set an attribute of anything."""

    def __init__(self) -> None:
        self.storages: dict[str, Storage] = {}
        self._stack: list = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def run(self, file: BinaryIO) -> object:
        """The value of the pickle at the file's position, which is left behind it.

        Raises:
            Refused: an opcode or a name that no checkpoint needs.
        """
        self._stack, self._marks, self._memo = [], [], {}
        for opcode, argument, _ in pickletools.genops(file):
            if opcode.name == "STOP":
                break
            if opcode.name not in _STEPS:
                raise Refused(f"its pickle has an opcode {opcode.name}, which no checkpoint needs")
            _STEPS[opcode.name](self, argument)
        return self._stack.pop()

    def _push(self, value: object) -> None:
        self._stack.append(value)

    def _pop(self) -> object:
        return self._stack.pop()

    def _mark(self, _) -> None:
        self._marks.append(len(self._stack))

    def _since_mark(self) -> list:
        start = self._marks.pop()
        found = self._stack[start:]
        del self._stack[start:]
        return found

    def _tuple(self, count: int | None) -> None:
        found = self._since_mark() if count is None else [self._pop() for _ in range(count)][::-1]
        self._push(tuple(found))

    def _append(self, values: list) -> None:
        target = self._stack[-1]
        (target.entries if isinstance(target, StandIn) else _need(target, list)).extend(values)

    def _set_items(self, flat: list) -> None:
        target = self._stack[-1]
        _need_keys(flat[::2])
        (target.items if isinstance(target, StandIn) else _need(target, dict)).update(
            zip(flat[::2], flat[1::2])
        )

    def _put(self, key: int | None) -> None:
        self._memo[len(self._memo) if key is None else int(key)] = self._stack[-1]

    def _get(self, key: int) -> None:
        self._push(self._memo[int(key)])

    def _global(self, text: str | None) -> None:
        name, module = (self._pop(), self._pop()) if text is None else text.split(" ", 1)[::-1]
        found = Global(_need(module, str), _need(name, str))
        known = (*_PLAIN, _TENSOR, *_PARAMETERS, *_STORAGES)
        harmless = str(found).startswith(ALLOWED) or str(found) in known or _is_dtype(found)
        if not (harmless and found.name.isidentifier() and str(found).isprintable()):
            raise Refused(f"it asks for {_shown(found)}, which no checkpoint needs")
        self._push(found)

    def _reduce(self, _) -> None:
        arguments, function = self._pop(), _need(self._pop(), Global)
        self._push(_rebuilt(function, _need(arguments, tuple)))

    def _build(self, _) -> None:
        state, target = self._pop(), self._stack[-1]
        if isinstance(target, StandIn):
            target.state = state
        elif not isinstance(target, dict):  # attributes of a state dict (its versions) say nothing
            raise Refused(f"it sets the state of a {type(target).__name__}, which has none")

    def _persistent(self, _) -> None:
        kind, *about = _need(self._pop(), tuple)
        if kind == "module":  # the older format puts source code beside a class
            return self._push(_need(about[0], Global))
        # Text of anything else could be endless: a tuple of a tuple twice, of a tuple twice, ...
        of, key, count = (
            _need(about[0], Global),
            str(_need(about[1], str | int)),
            _need(about[3], int),
        )
        dtype = _STORAGES.get(str(of))
        if kind != "storage" or dtype is None or count < 0 or any(about[4:]):
            raise Refused(f"it holds {count} numbers of {_shown(of)}, expected a storage")
        storage = self.storages.setdefault(key, Storage(key, dtype, count))
        if (storage.dtype, storage.count) != (dtype, count):
            raise Refused(f"storage {key!r} has two types or sizes")
        return self._push(storage)


def _need(value: object, kind):
    if not isinstance(value, kind):
        raise Refused(
            f"it has a {type(value).__name__} where a {getattr(kind, '__name__', kind)} belongs"
        )
    return value


def _need_keys(keys: Iterable[object]) -> None:
    """Plain values, whose hash takes no time; that of nested tuples takes as long as their text is (see above)."""
    for key in keys:
        _need(key, str | int | float | bytes | Global | None)


def _shown(name: Global) -> str:
    """A name of a stranger's file in a sentence: on one line, and not for pages."""
    text = str(name) if str(name).isprintable() else repr(str(name))
    return text[:200]


def _is_dtype(name: Global) -> bool:
    return name.module == "torch" and isinstance(getattr(torch, name.name, None), torch.dtype)


def _rebuilt(function: Global, arguments: tuple) -> object:
    """What a call in the file stands for: a tensor, a container, or a stand-in."""
    if str(function) == _TENSOR:
        storage, offset, size, stride = arguments[:4]
        size, stride = (tuple(_need(n, int) for n in _need(each, tuple)) for each in (size, stride))
        return View(_need(storage, Storage), _need(offset, int), size, stride)
    if str(function) in _PARAMETERS:
        return _need(arguments[0], View)
    if str(function) == "collections.OrderedDict":
        found = [tuple(pair) for pair in arguments[0]] if arguments else []
        _need_keys(key for key, _ in found)
        return dict(found)
    return StandIn(function, arguments)


def _new(make: Callable[[], object]) -> Callable:
    return lambda machine, _: machine._push(make())


_VALUES = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *(
        "STRING",
        "BINSTRING",
        "SHORT_BINSTRING",
        "UNICODE",
        "BINUNICODE",
        "SHORT_BINUNICODE",
        "BINUNICODE8",
    ),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
)
_STEPS: dict[str, Callable[[Machine, object], object]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    **dict.fromkeys(_VALUES, Machine._push),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), Machine._put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), Machine._get),
    **dict.fromkeys(("GLOBAL", "STACK_GLOBAL"), Machine._global),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), Machine._reduce),
    "NONE": _new(lambda: None),
    "NEWTRUE": _new(lambda: True),
    "NEWFALSE": _new(lambda: False),
    "EMPTY_TUPLE": _new(tuple),
    "EMPTY_LIST": _new(list),
    "EMPTY_DICT": _new(dict),
    "MARK": Machine._mark,
    "TUPLE": lambda machine, _: machine._tuple(None),
    "TUPLE1": lambda machine, _: machine._tuple(1),
    "TUPLE2": lambda machine, _: machine._tuple(2),
    "TUPLE3": lambda machine, _: machine._tuple(3),
    "APPEND": lambda machine, _: machine._append([machine._pop()]),
    "APPENDS": lambda machine, _: machine._append(machine._since_mark()),
    "SETITEM": lambda machine, _: machine._set_items([machine._pop(), machine._pop()][::-1]),
    "SETITEMS": lambda machine, _: machine._set_items(machine._since_mark()),
    "BUILD": Machine._build,
    "BINPERSID": Machine._persistent,
}
