"""Frozen dataclasses as plain JSON, and `key=value` overrides of them."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from dat_keras.utils.registry import lookup

T = TypeVar("T")
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def encode(value: Any) -> Json:
    """A value made of dataclasses, tuples and plain values, as JSON data.

    Args:
        value: The value; a dataclass becomes an object with its class name.

    Returns:
        Plain data for `json.dumps`.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> encode(Linf(0.5))
    {'class': 'Linf', 'eps': 0.5}
    """
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        data = {f.name: encode(getattr(value, f.name)) for f in fields}
        return {"class": type(value).__name__, **data}
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    return value


def decode(data: Json, classes: Mapping[str, type]) -> Any:
    """The value that `encode` made the data from.

    Only the listed classes are ever built, from plain values: data of a
    stranger cannot name anything else.

    Args:
        data: What `encode` returned.
        classes: The classes that may be built, by name.

    Raises:
        ValueError: For an unknown class or field.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> decode({"class": "Linf", "eps": 0.5}, {"Linf": Linf})
    Linf(eps=0.5)
    """
    if isinstance(data, list):
        return tuple(decode(item, classes) for item in data)
    if not isinstance(data, dict):
        return data
    cls = lookup(classes, str(data.get("class")), "class")
    known = {f.name for f in dataclasses.fields(cls)}
    values = {k: decode(v, classes) for k, v in data.items() if k != "class"}
    for name in values:
        lookup(dict.fromkeys(known), name, f"field of {cls.__name__}")
    return cls(**values)


def override(
    config: T, assignment: str, classes: Mapping[str, type] | None = None
) -> T:
    """A copy of a configuration with one field set from text.

    Args:
        config: A frozen dataclass, possibly nested.
        assignment: `key=value`. The key is a field's dotted path, or its
            name alone where that is clear: an outer field hides fields of
            the same name inside it. A value is parsed as what is there;
            numbers may be fractions. A nested dataclass is set by the name
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
    path = _resolve(config, key.strip()).split(".")
    return _replaced(config, path, text.strip(), classes or {})


def number(text: str) -> float:
    """A number or a fraction of two numbers.

    Example:
    >>> round(number("8/255"), 4)
    0.0314
    """
    above, slash, below = text.partition("/")
    try:
        return float(above) / (float(below) if slash else 1.0)
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
    for path, value in _fields(config):
        if not dataclasses.is_dataclass(value):
            yield path


def _fields(config: Any, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Dotted path and value of every field, and of those inside it."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        yield prefix + field.name, value
        if dataclasses.is_dataclass(value):
            yield from _fields(value, f"{prefix}{field.name}.")


def _resolve(config: object, key: str) -> str:
    everything = [path for path, _ in _fields(config)]
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
    names = {p.rpartition(".")[2]: None for p in everything}
    lookup(names, key, "setting")
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
        new = _another(old, lookup(_kin(old, classes), text, name))
    else:
        new = _parsed(old, text, name)
    return dataclasses.replace(config, **{name: new})


def _may_be_none(config: object, name: str) -> bool:
    """Whether a field is annotated `X | None`."""
    hint = typing.get_type_hints(type(config))[name]
    return type(None) in typing.get_args(hint)


def _another(old: Any, cls: type) -> object:
    """An instance of a class, with the fields that the old one has too."""
    names = {field.name for field in dataclasses.fields(old)}
    shared = names & {field.name for field in dataclasses.fields(cls)}
    return cls(**{name: getattr(old, name) for name in shared})


def _kin(value: object, classes: Mapping[str, type]) -> dict[str, type]:
    """The listed classes that share a base class of this package."""
    package = __name__.partition(".")[0]
    bases = {
        base
        for base in type(value).__mro__[1:]
        if base.__module__.partition(".")[0] == package
    }
    return {
        name: cls
        for name, cls in classes.items()
        if not bases.isdisjoint(cls.__mro__)
    }


def _parsed(old: object, text: str, name: str) -> object:
    try:
        return _PARSERS[type(old)](text)
    except (KeyError, ValueError) as error:
        raise ValueError(
            f"`{name}` holds {old!r}; cannot set it from {text!r}: {error}"
        ) from None


def _optional(text: str) -> object:
    parsers: tuple[Callable[[str], object], ...] = (_nothing, int, number)
    for parse in parsers:
        try:
            return parse(text)
        except ValueError:
            continue
    return text


def _nothing(text: str) -> None:
    if text.lower() != "none":
        raise ValueError("expected none")


def _truth(text: str) -> bool:
    return lookup({"true": True, "false": False}, text.lower(), "truth value")


def _sequence(text: str) -> tuple:
    return tuple(_optional(item.strip()) for item in text.split(",") if item)


_PARSERS: dict[type, Callable[[str], object]] = {
    bool: _truth,
    int: int,
    float: number,
    str: str,
    tuple: _sequence,
    type(None): _optional,
}
