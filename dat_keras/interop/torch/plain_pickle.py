"""Interpreter for the pickle of a PyTorch state dict; runs no code.

Python's own unpickler, restricted or not, looks up classes, calls them and
allocates memory as the stream says, and no library reads state dicts without
PyTorch. So the few opcodes that a state dict consists of are interpreted
here; any other is refused, and names are never imported.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dat_keras.interop.torch.records import DTYPES, Storage, TensorRecord
from dat_keras.zoo.errors import RefusedContentError

LIMIT = 1 << 20
"""Most bytes of a pickle; that of a WRN-34-10 with its optimizer has 0.1 MB."""


def read_pickle(data: bytes) -> Any:
    """The content of a `data.pkl`, with records in place of tensors.

    Args:
        data: The pickle.

    Returns:
        Dictionaries, lists, tuples, texts, numbers and `TensorRecord`s.

    Raises:
        RefusedContentError: If it holds anything else, or is damaged.

    Example:
    >>> import pickle
    >>> read_pickle(pickle.dumps({"epoch": 3}, protocol=2))
    {'epoch': 3}
    >>> read_pickle(pickle.dumps(eval, protocol=2))
    Traceback (most recent call last):
    ...
    dat_keras.zoo.errors.RefusedContentError: the checkpoint is refused: it
    holds '__builtin__.eval': save its state dict alone
    """
    if len(data) > LIMIT:
        raise RefusedContentError(
            f"the checkpoint is refused: its pickle has {len(data)} bytes, "
            f"more than {LIMIT}",
            "save its state dict alone",
        )
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name == "STOP":
                return machine.stack.pop()
            step = STEPS.get(opcode.name)
            if step is None:
                raise ValueError(f"it uses the opcode {opcode.name}")
            step(machine, argument)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise RefusedContentError(
            f"the checkpoint is refused: {str(error)[:200]}",
            "save its state dict alone",
        ) from None
    raise RefusedContentError("the checkpoint is refused: its pickle is cut")


@dataclass(frozen=True)
class _Name:
    """A global, by name only."""

    text: str


class _Machine:
    """The stack, its marks, and the memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def pop(self, count: int) -> list[Any]:
        """The last values; a list, for the stream says how many."""
        if len(self.stack) < count:
            raise ValueError("its pickle is damaged")
        start = len(self.stack) - count
        values = self.stack[start:]
        del self.stack[start:]
        return values

    def since_mark(self) -> list[Any]:
        return self.pop(len(self.stack) - self.marks.pop())


def _mark(machine: _Machine, _: Any) -> None:
    machine.marks.append(len(machine.stack))


def _remember(machine: _Machine, index: int | None) -> None:
    memo = machine.memo
    memo[len(memo) if index is None else index] = machine.stack[-1]


def _recall(machine: _Machine, index: int) -> None:
    machine.push(machine.memo[index])


def _tuple(machine: _Machine, _: Any) -> None:
    machine.push(tuple(machine.since_mark()))


def _tuple_of(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(tuple(machine.pop(count)))


def _append(machine: _Machine, _: Any) -> None:
    (value,) = machine.pop(1)
    _list(machine).append(value)


def _appends(machine: _Machine, _: Any) -> None:
    values = machine.since_mark()
    _list(machine).extend(values)


def _list(machine: _Machine) -> list[Any]:
    if type(machine.stack[-1]) is not list:
        raise TypeError("its pickle is damaged")
    return machine.stack[-1]


def _set_item(machine: _Machine, _: Any) -> None:
    _update(machine, machine.pop(2))


def _set_items(machine: _Machine, _: Any) -> None:
    _update(machine, machine.since_mark())


def _update(machine: _Machine, flat: list[Any]) -> None:
    target = machine.stack[-1]
    if type(target) is not dict:
        raise TypeError("its pickle is damaged")
    for key, value in zip(flat[::2], flat[1::2], strict=True):
        # The hash of nested tuples can take forever.
        if type(key) not in (str, int):
            raise TypeError("a key is neither text nor number")
        target[key] = value


def _global(machine: _Machine, name: str) -> None:
    text = name.replace(" ", ".")
    if text not in CALLS and text not in DTYPES:
        raise ValueError(f"it holds {text[:80]!r}")
    machine.push(_Name(text))


def _stack_global(machine: _Machine, _: Any) -> None:
    module, name = machine.pop(2)
    _global(machine, f"{module} {name}")


def _persistent(machine: _Machine, _: Any) -> None:
    ((kind, cls, key, _, count),) = machine.pop(1)
    if kind != "storage" or type(key) is not str or type(count) is not int:
        raise ValueError("a storage is damaged")
    machine.push(Storage(DTYPES[cls.text], key, count))


def _call(machine: _Machine, _: Any) -> None:
    function, arguments = machine.pop(2)
    machine.push(CALLS[function.text](*arguments))


def _ignore_state(machine: _Machine, _: Any) -> None:
    # Version numbers of the modules, which a state dict carries along.
    machine.pop(1)


def _dictionary(pairs: Any = ()) -> dict[Any, Any]:
    machine = _Machine()
    machine.push({})
    _update(machine, [x for key, value in pairs for x in (key, value)])
    return machine.stack[0]


def _tensor(
    storage: Storage,
    offset: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    *_: Any,
) -> TensorRecord:
    if not isinstance(storage, Storage):
        raise TypeError("a tensor has no storage")
    return TensorRecord(storage, offset, tuple(shape), tuple(strides))


CALLS: dict[str, Callable[..., Any]] = {
    "collections.OrderedDict": _dictionary,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
}
"""Replacements of the functions that a state dict may name."""


STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    **dict.fromkeys(("PROTO", "FRAME"), lambda machine, _: None),
    **dict.fromkeys(
        "BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE SHORT_BINUNICODE "
        "BINUNICODE8".split(),
        _Machine.push,
    ),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT", "MEMOIZE"), _remember),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _recall),
    "NONE": lambda machine, _: machine.push(None),
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "MARK": _mark,
    "TUPLE": _tuple,
    "TUPLE1": _tuple_of(1),
    "TUPLE2": _tuple_of(2),
    "TUPLE3": _tuple_of(3),
    "APPEND": _append,
    "APPENDS": _appends,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "BINPERSID": _persistent,
    "REDUCE": _call,
    "BUILD": _ignore_state,
}
"""The opcodes of state dicts."""
