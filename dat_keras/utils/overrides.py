"""`key=value` overrides of frozen, nested dataclasses, as `--set` takes them.

Libraries for this were weighed. cattrs and dacite build dataclasses from
mappings and have no overrides; in OmegaConf and draccus a key is a whole path,
so short names, ambiguous keys with their paths, fractions and a part replaced
by the name of its class would be written on top.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Any, TypeVar, cast

from dat_keras.utils.ranges import RangeChecked
from dat_keras.utils.registry import lookup

T = TypeVar("T")


def override(
    config: T, assignment: str, classes: Mapping[str, type] | None = None
) -> T:
    """A copy of a configuration with one field set from text.

    Args:
        config: A frozen dataclass, possibly nested.
        assignment: `key=value`. The key is a field's dotted path, or its
            name alone where that is clear: an outer field hides fields of
            the same name inside it. A value is parsed as the field is
            annotated; numbers may be fractions, tuples are separated by
            commas. A nested dataclass is set by the name
            of another class of its kind; fields of both keep their values,
            others get their defaults. A field annotated `X | None` takes
            `none`.
        classes: The classes that may be named, as for `decode`.

    Raises:
        ValueError: For an unknown or ambiguous key, or an unfit value.

    Example:
    >>> from dat_keras.attacks import PGD
    >>> from dat_keras.core.threat_models import Linf
    >>> override(PGD(Linf(8 / 255)), "eps=4/255").threat_model
    Linf(eps=0.01568627450980392)
    """
    key, separator, text = assignment.partition("=")
    if not separator:
        raise ValueError(f"Expected `key=value`. Received: {assignment!r}")
    path = _full_path(config, key.strip()).split(".")
    return _replaced(config, path, text.strip(), classes or {})


def number(text: str) -> float:
    """A finite number or a fraction of two numbers.

    Example:
    >>> round(number("8/255"), 4)
    0.0314
    """
    above, slash, below = text.partition("/")
    try:
        value = float(above) / (float(below) if slash else 1.0)
        if not math.isfinite(value):
            raise ValueError
        return value
    except (ValueError, ZeroDivisionError):
        raise ValueError(
            f"Expected a number such as 0.1 or 8/255. Received: {text!r}"
        ) from None


def paths(config: Any) -> Iterator[str]:
    """Dotted paths of all plain fields of a nested dataclass.

    Example:
    >>> from dat_keras.core.threat_models import L2
    >>> list(paths(L2(0.5)))
    ['eps']
    """
    for path, value in fields_of(config):
        if not dataclasses.is_dataclass(value):
            yield path


def fields_of(config: Any, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yields dotted path and value of every field, and of those inside it.

    Args:
        config: A dataclass, possibly nested.
        prefix: What to put before the paths.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        yield prefix + field.name, value
        if dataclasses.is_dataclass(value):
            yield from fields_of(value, f"{prefix}{field.name}.")


def _full_path(config: object, key: str) -> str:
    everything = [path for path, _ in fields_of(config)]
    if key in everything:
        return key
    found = [p for p in everything if p.endswith(f".{key}")]
    owners = [p.rpartition(".")[0] + "." for p in found]
    outer = [
        path
        for path, own in zip(found, owners, strict=True)
        if not any(own != o and own.startswith(o) for o in owners)
    ]
    if len(outer) > 1:
        raise ValueError(
            f"`{key}` is ambiguous. Name one of: {', '.join(outer)}"
        )
    if outer:
        return outer[0]
    names = everything
    if "." not in key:
        names = [p.rpartition(".")[2] for p in everything]
    lookup(dict.fromkeys(names), key, "setting")
    return key


def _replaced(
    config: Any, path: list[str], text: str, classes: Mapping[str, type]
) -> Any:
    name, *rest = path
    old = getattr(config, name)
    if rest:
        new = _replaced(old, rest, text, classes)
    elif text.lower() == "none" and _may_be_none(config, name):
        new = None
    elif dataclasses.is_dataclass(old):
        new = _another(old, lookup(kin(old, classes), text, name))
    else:
        new = _parsed(old, text, name, hint_of(config, name))
    return dataclasses.replace(config, **{name: new})


def _may_be_none(config: object, name: str) -> bool:
    """Whether a field is annotated `X | None`."""
    return type(None) in typing.get_args(hint_of(config, name))


def hint_of(config: object, name: str) -> Any:
    """Returns the annotation of a field, without its range.

    Args:
        config: A dataclass.
        name: Name of the field.
    """
    return _hints(cast(Hashable, type(config)))[name]


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls)


def _another(old: Any, cls: type) -> object:
    """An instance of a class, with the fields that the old one has too."""
    names = {field.name for field in dataclasses.fields(old)}
    shared = names & {field.name for field in dataclasses.fields(cls)}
    return cls(**{name: getattr(old, name) for name in shared})


def kin(value: object, classes: Mapping[str, type]) -> dict[str, type]:
    """Returns the listed classes that share a base class of this package.

    Args:
        value: A dataclass.
        classes: Classes by name.
    """
    package = __name__.partition(".")[0]
    bases = {
        base
        for base in type(value).__mro__[1:]
        if base.__module__.partition(".")[0] == package
        # Every configuration is checked: that makes no two of a kind.
        and base is not RangeChecked
    }
    return {
        name: cls
        for name, cls in classes.items()
        if not bases.isdisjoint(cls.__mro__)
    }


def _parsed(old: object, text: str, name: str, hint: Any) -> object:
    try:
        return _parser(hint, type(old))(text)
    except KeyError:
        raise ValueError(
            f"`{name}` holds {old!r}, a kind of value that cannot be set from "
            f"text. Received: {text!r}"
        ) from None
    except ValueError as error:
        raise ValueError(
            f"`{name}` holds {old!r}; cannot set it from {text!r}: {error}"
        ) from None


def _parser(hint: Any, fallback: type) -> Callable[[str], object]:
    """Parses text as an annotation says, or like a value of a type."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [k for k in typing.get_args(hint) if k is not type(None)]
        # The value that is there decides between several kinds.
        hint = fallback if fallback in kinds else kinds[0]
    if typing.get_origin(hint) is tuple:
        item = _PARSERS[typing.get_args(hint)[0]]
        return lambda text: tuple(
            item(part.strip()) for part in text.split(",") if part.strip()
        )
    if hint in _PARSERS or isinstance(hint, type):
        return _PARSERS[hint]
    return _PARSERS.get(fallback, str)


def _truth(text: str) -> bool:
    return lookup({"true": True, "false": False}, text.lower(), "truth value")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(
            f"Expected a whole number. Received: {text!r}"
        ) from None


_PARSERS: dict[type, Callable[[str], object]] = {
    bool: _truth,
    int: _whole,
    float: number,
    str: str,
}
