"""Kinds of values: whether one fits a type annotation, and words for both."""

from __future__ import annotations

import inspect
import types
import typing
from typing import Any

NUMBERS: dict[Any, tuple[type, ...]] = {int: (int,), float: (int, float)}
"""Kinds of plain numbers that an annotation takes."""
WORDS = {int: "a whole number", float: "a number", str: "a text"}
"""What to call them."""


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the kind that an annotation names.

    Arrays and tensors pass as numbers, whatever they hold. What cannot be
    told, such as a `Callable`, fits.

    Args:
        value: Any value.
        hint: A resolved annotation.

    Example:
    >>> fits(3, float), fits("3", float), fits(True, int), fits(None, int)
    (True, False, False, False)
    >>> fits((1, 2.5), tuple[int, ...]), fits(None, int | None)
    (False, True)
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return fits(value, args[0])
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, arg) for arg in args)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        members = args[:1] * len(value) if args[1:] == (...,) else args
        return len(value) == len(members) and all(map(fits, value, members))
    if hint in NUMBERS:
        plain = isinstance(value, NUMBERS[hint]) and value is not True
        return (plain and value is not False) or hasattr(value, "dtype")
    if not inspect.isclass(hint) or origin is not None:
        return True
    try:
        return isinstance(value, hint)
    except TypeError:
        # A protocol that cannot be asked.
        return True


def kind_of(hint: Any) -> str:
    """An annotation in words, to follow "must be".

    Example:
    >>> kind_of(float | None), kind_of(tuple[int, ...]), kind_of(dict)
    ('a number or None', 'a tuple', 'an instance of `dict`')
    """
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return kind_of(args[0])
    if origin in (typing.Union, types.UnionType):
        return " or ".join(map(kind_of, args))
    if hint is type(None):
        return "None"
    if origin is tuple:
        return "a tuple"
    return WORDS.get(hint) or f"an instance of `{hint.__name__}`"


def described(value: Any) -> str:
    """A short description of a value of a wrong kind.

    Example:
    >>> described(dict), described("dat"), described({})
    ('the class dict', "'dat'", 'a dict')
    """
    if inspect.isclass(value):
        return f"the class {value.__name__}"
    if isinstance(value, str | int | float | None):
        return repr(value)
    return f"a {type(value).__name__}"
