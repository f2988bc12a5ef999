"""A pickle as data: opcodes for a stack of plain values, on which nothing can be called.

`pickle` and `torch.load(weights_only=False)` call whatever a file names. Here a class or function
is its name (`Global`), an instance is that name with arguments and a state (`StandIn`), and a
tensor is a view of a storage that is filled later. A name that is not known to be harmless ends the
reading.

`pickle.Unpickler` with a `find_class` of inert stubs would not bound time and memory: 9 bytes that
set memo entry 2^28 take 4 GB, and a dict's key of nested tuples, which it hashes before any hook,
takes 2^depth steps. It would also call `__setstate__` and `append` of whatever lies on its stack,
and take extension codes from the process's own cache without `find_class`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, BinaryIO, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

# Names that begin so become stand-ins.
ALLOWED = (
    "torch.nn.",
    "torchvision.transforms.",
    "open_clip.",
    "src.",
    "PIL.Image.Resampling",
)
# So do these, which checkpoints of a training hold beside their weights: numbers of NumPy,
# settings, counts, paths.
_BESIDE = (
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.dtype",
    "numpy.ndarray",
    "_codecs.encode",
    "argparse.Namespace",
    "collections.defaultdict",
    "collections.Counter",
    *(f"builtins.{kind}" for kind in ("bool", "dict", "float", "int", "list", "str", "tuple")),
    *(f"__builtin__.{kind}" for kind in ("bool", "dict", "float", "int", "list", "long", "tuple")),
    "__builtin__.unicode",
    "pathlib.Path",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "pathlib.PurePosixPath",
    "pathlib._local.PosixPath",
    "datetime.datetime",
    "datetime.timedelta",
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
    "pytorch_lightning.utilities.parsing.AttributeDict",
)
_PLAIN = (
    "builtins.set",
    "__builtin__.set",
    "torch.Size",
    "torch.device",
    "collections.OrderedDict",
)
_TENSOR = "torch._utils._rebuild_tensor_v2"
_PARAMETERS = (
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
)
_STORAGES = {
    "torch.FloatStorage": torch.float32,
    "torch.HalfStorage": torch.float16,
    "torch.BFloat16Storage": torch.bfloat16,
    "torch.DoubleStorage": torch.float64,
    "torch.LongStorage": torch.int64,
    "torch.IntStorage": torch.int32,
    "torch.ShortStorage": torch.int16,
    "torch.CharStorage": torch.int8,
    "torch.ByteStorage": torch.uint8,
    "torch.BoolStorage": torch.bool,
}
_KNOWN = frozenset((*_PLAIN, *_BESIDE, _TENSOR, *_PARAMETERS, *_STORAGES))


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
    """Stands for an instance: the name of its class, arguments and state."""

    of: Global
    arguments: object = ()
    state: object = None
    items: dict = field(default_factory=dict)
    entries: list = field(default_factory=list)

    def attribute(self, name: str) -> dict:
        """A map among the attributes of a pickled module, empty if there is none."""
        value = self.state.get(name) if isinstance(self.state, dict) else None
        return value if isinstance(value, dict) else {}


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
        if content:
            self.memory = torch.frombuffer(content, dtype=self.dtype)
        else:
            self.memory = torch.empty(0, dtype=self.dtype)

    def leave_out(self) -> None:
        """Stand for the numbers without having them."""
        self.memory = torch.empty(self.count, dtype=self.dtype, device="meta")


@dataclass(eq=False)
class View:
    """A tensor as a pickle describes it."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def tensor(self) -> Tensor:
        last = self.offset
        for side, step in zip(self.size, self.stride, strict=True):
            last += (side - 1) * step
        has_negative = min((self.offset, *self.size, *self.stride)) < 0
        if has_negative or (prod(self.size) and last >= self.storage.count):
            raise Refused(f"a tensor of shape {self.size} reaches beyond its storage")
        return self.storage.memory.as_strided(self.size, self.stride, self.offset)


class Machine:
    """The stack on which a pickle builds its value.

    It has no way to call or import anything, or to set an attribute.
    """

    def __init__(self) -> None:
        self.storages: dict[str, Storage] = {}
        self._stack: list[object] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def run(self, file: BinaryIO) -> object:
        """The value of the pickle at the file's position, which is left behind it.

        Raises:
            Refused: an opcode or a name that no checkpoint needs.
        """
        self._stack = []
        self._marks = []
        self._memo = {}
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

    def _mark(self) -> None:
        self._marks.append(len(self._stack))

    def _since_mark(self) -> list[object]:
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _last(self, count: int) -> list[object]:
        """The last `count` values, removed from the stack, in their order."""
        return [self._pop() for _ in range(count)][::-1]

    def _append(self, values: Sequence[object]) -> None:
        target = self._stack[-1]
        entries = target.entries if isinstance(target, StandIn) else _need(target, list)
        entries.extend(values)

    def _set_items(self, flat: Sequence[object]) -> None:
        """Set items of the map on the stack; `flat` is key, value, key, value, ..."""
        target = self._stack[-1]
        keys = flat[::2]
        _need_keys(keys)
        items = target.items if isinstance(target, StandIn) else _need(target, dict)
        items.update(zip(keys, flat[1::2]))

    def _put(self, key: int) -> None:
        self._memo[int(key)] = self._stack[-1]

    def _get(self, key: int) -> None:
        self._push(self._memo[int(key)])

    def _global(self, module: object, name: object) -> None:
        known = Global(_need(module, str), _need(name, str))
        text = str(known)
        is_harmless = text.startswith(ALLOWED) or text in _KNOWN or _is_dtype(known)
        if not (is_harmless and known.name.isidentifier() and text.isprintable()):
            raise Refused(f"it asks for {_shown(known)}, which no checkpoint needs")
        self._push(known)

    def _global_of_text(self, text: str) -> None:
        """GLOBAL: "module name"."""
        module, name = text.split(" ", 1)
        self._global(module, name)

    def _reduce(self) -> None:
        function, arguments = self._last(2)
        self._push(_rebuilt(_need(function, Global), _need(arguments, tuple)))

    def _build(self) -> None:
        state = self._pop()
        target = self._stack[-1]
        if isinstance(target, StandIn):
            target.state = state
        elif not isinstance(target, dict):
            # Attributes of a state dict (its versions) say nothing.
            raise Refused(f"it sets the state of a {type(target).__name__}, which has none")

    def _persistent(self) -> None:
        kind, *rest = _need(self._pop(), tuple)
        if kind == "module":
            # The older format puts source code beside a class.
            self._push(_need(rest[0], Global))
        else:
            self._push(self._storage(kind, rest))

    def _storage(self, kind: object, rest: list[object]) -> Storage:
        """The storage of a persistent id: kind, then type, key, device, number of entries, view."""
        # Only plain values become text. That of others could be endless: a tuple of a tuple twice,
        # of a tuple twice, ...
        of = _need(rest[0], Global)
        key = _need_name(rest[1])
        count = _need(rest[3], int)
        dtype = _STORAGES.get(str(of))
        if kind != "storage" or dtype is None or count < 0 or any(rest[4:]):
            raise Refused(f"it holds {count} numbers of {_shown(of)}, expected a storage")
        storage = self.storages.setdefault(key, Storage(key, dtype, count))
        if (storage.dtype, storage.count) != (dtype, count):
            raise Refused(f"storage {key!r} has two types or sizes")
        return storage


def _need(value: object, kind: type[T]) -> T:
    if not isinstance(value, kind):
        raise Refused(f"it has a {type(value).__name__} where a {kind.__name__} belongs")
    return value


def _need_name(value: object) -> str:
    if not isinstance(value, str | int):
        raise Refused(f"it has a {type(value).__name__} where a str | int belongs")
    return str(value)


def _need_keys(keys: Iterable[object]) -> None:
    """Raise unless all are plain values, whose hash takes no time.

    The hash of nested tuples takes as long as their text is (see `_storage`).
    """
    for key in keys:
        if not isinstance(key, str | int | float | bytes | Global | None):
            raise Refused(f"it has a {type(key).__name__} as a key, expected a plain value")


def _need_integers(values: object) -> tuple[int, ...]:
    return tuple(_need(value, int) for value in _need(values, tuple))


def _shown(name: Global) -> str:
    """A name of a stranger's file in a sentence: on one line, and not for pages."""
    text = str(name) if str(name).isprintable() else repr(str(name))
    return text[:200]


def _is_dtype(name: Global) -> bool:
    return name.module == "torch" and isinstance(getattr(torch, name.name, None), torch.dtype)


def _rebuilt(function: Global, arguments: tuple[object, ...]) -> object:
    """What a call in the file stands for: a tensor, a container, or a stand-in."""
    if str(function) == _TENSOR:
        storage, offset, size, stride = arguments[:4]
        return View(
            _need(storage, Storage),
            _need(offset, int),
            _need_integers(size),
            _need_integers(stride),
        )
    if str(function) in _PARAMETERS:
        return _need(arguments[0], View)
    if str(function) == "collections.OrderedDict":
        return _ordered(arguments[0]) if arguments else {}
    return StandIn(function, arguments)


def _ordered(pairs: object) -> dict[object, object]:
    """The dict of (key, value) pairs."""
    if not isinstance(pairs, list | tuple):
        raise Refused(f"it makes an OrderedDict of a {type(pairs).__name__}")
    entries: dict[object, object] = {}
    for key, value in pairs:
        _need_keys((key,))
        entries[key] = value
    return entries


Step = Callable[[Machine, Any], None]
_VALUES = (
    "INT",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG",
    "LONG1",
    "LONG4",
    "FLOAT",
    "BINFLOAT",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
    "UNICODE",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "BINBYTES",
    "SHORT_BINBYTES",
    "BINBYTES8",
)
_STEPS: dict[str, Step] = {
    "PROTO": lambda machine, _: None,
    "FRAME": lambda machine, _: None,
    **dict.fromkeys(_VALUES, Machine._push),
    "NONE": lambda machine, _: machine._push(None),
    "NEWTRUE": lambda machine, _: machine._push(True),
    "NEWFALSE": lambda machine, _: machine._push(False),
    "EMPTY_TUPLE": lambda machine, _: machine._push(()),
    "EMPTY_LIST": lambda machine, _: machine._push([]),
    "EMPTY_DICT": lambda machine, _: machine._push({}),
    "PUT": Machine._put,
    "BINPUT": Machine._put,
    "LONG_BINPUT": Machine._put,
    "MEMOIZE": lambda machine, _: machine._put(len(machine._memo)),
    "GET": Machine._get,
    "BINGET": Machine._get,
    "LONG_BINGET": Machine._get,
    "MARK": lambda machine, _: machine._mark(),
    "TUPLE": lambda machine, _: machine._push(tuple(machine._since_mark())),
    "TUPLE1": lambda machine, _: machine._push(tuple(machine._last(1))),
    "TUPLE2": lambda machine, _: machine._push(tuple(machine._last(2))),
    "TUPLE3": lambda machine, _: machine._push(tuple(machine._last(3))),
    "APPEND": lambda machine, _: machine._append(machine._last(1)),
    "APPENDS": lambda machine, _: machine._append(machine._since_mark()),
    "SETITEM": lambda machine, _: machine._set_items(machine._last(2)),
    "SETITEMS": lambda machine, _: machine._set_items(machine._since_mark()),
    "GLOBAL": Machine._global_of_text,
    "STACK_GLOBAL": lambda machine, _: machine._global(*machine._last(2)),
    "REDUCE": lambda machine, _: machine._reduce(),
    "NEWOBJ": lambda machine, _: machine._reduce(),
    "BUILD": lambda machine, _: machine._build(),
    "BINPERSID": lambda machine, _: machine._persistent(),
}
