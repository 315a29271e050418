"""Frozen dataclasses as plain JSON and back.

Libraries for this (cattrs, dacite) were weighed: `decode` builds listed
classes only, which is what makes files of others safe to read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from dat_keras.utils.kinds import described
from dat_keras.utils.registry import lookup

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def encode(
    value: Any, name_of: Callable[[type], str] = lambda cls: cls.__name__
) -> Json:
    """A value made of dataclasses, tuples and plain values, as JSON data.

    Args:
        value: The value; a dataclass becomes an object with its class name.
        name_of: Returns the name of a class.

    Returns:
        Plain data for `json.dumps`.

    Raises:
        ValueError: If it holds anything else.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> encode(Linf(0.5))
    {'class': 'Linf', 'eps': 0.5}
    """
    if dataclasses.is_dataclass(value):
        fields = dataclasses.fields(value)
        data = {f.name: encode(getattr(value, f.name), name_of) for f in fields}
        return {"class": name_of(type(value)), **data}
    if isinstance(value, tuple):
        return [encode(item, name_of) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        "A file of settings holds numbers, texts and names: give a layer or a "
        f"model by its name. Received: {described(value)}"
    )


def decode(data: Json, classes: Mapping[str, type]) -> Any:
    """The value that `encode` made the data from.

    Only the listed classes are ever built, from plain values: untrusted data
    cannot name anything else.

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
