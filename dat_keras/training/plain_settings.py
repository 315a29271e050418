"""Settings of a model as plain JSON, for Keras' own files.

Objectives, attacks and augmentations are frozen dataclasses. They are stored
as recipes store them (`utils/config.py`), and built from classes of this
package, or from those that the user has told Keras of, alone.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

import keras

from dat_keras import attacks, augment
from dat_keras.recipes import CLASSES
from dat_keras.utils.config import decode, encode
from dat_keras.utils.kinds import described

KNOWN: dict[str, type] = {
    **{
        name: value
        for module in (attacks, augment)
        for name, value in vars(module).items()
        if inspect.isclass(value) and dataclasses.is_dataclass(value)
    },
    **CLASSES,
}
"""The classes of this package that a file may name."""


def to_plain(value: Any, argument: str) -> Any:
    """Returns a setting as JSON data from which `from_plain` builds it again.

    Args:
        value: A dataclass, or `None`.
        argument: What it is, for messages.

    Raises:
        ValueError: If a part of it is of a class that is not registered, or
            holds what JSON cannot, such as a teacher.

    Example:
    >>> from dat_keras.optimizers import Averaging
    >>> to_plain(Averaging(0.5), "averaging")["decay"]
    0.5
    """
    for path, part in _parts(value, argument):
        cls = type(part)
        if not dataclasses.is_dataclass(cls):
            if not _is_plain(part):
                raise ValueError(
                    f"A `.keras` file of an `AdversarialModel` cannot hold "
                    f"`{path}`: save `model.classifier`, or weights alone by "
                    "`model.save_weights` and "
                    "`ModelCheckpoint(..., save_weights_only=True)`. "
                    f"Received: {path}={described(part)}"
                )
        elif _class_of(keras.saving.get_registered_name(cls)) is not cls:
            name = cls.__name__
            raise ValueError(
                f"`{name}` cannot be saved in a `.keras` file before Keras "
                "knows it: run "
                f'`keras.saving.get_custom_objects()["{name}"] = {name}` '
                "before saving and before loading. "
                f"Received: {path}={name}(...)"
            )
    return encode(value, keras.saving.get_registered_name)


def from_plain(data: Any) -> Any:
    """Returns the setting that `to_plain` wrote.

    Args:
        data: What it returned.

    Raises:
        ValueError: If it names a class that is neither this package's nor
            registered with Keras.

    Example:
    >>> from_plain({"class": "Averaging", "decay": 0.5}).start
    0.75
    """
    registered = {name: _class_of(name) for name in _names(data)}
    found = {n: cls for n, cls in registered.items() if cls is not None}
    return decode(data, {**KNOWN, **found})


def _parts(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A setting and all its parts, with their paths."""
    if isinstance(value, tuple):
        for item in value:
            yield from _parts(item, path)
        return
    yield path, value
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            part = getattr(value, field.name)
            yield from _parts(part, f"{path}.{field.name}")


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _class_of(name: str) -> type | None:
    """The dataclass of a name: this package's, or one known to Keras."""
    found = KNOWN.get(name) or keras.saving.get_registered_object(name)
    usable = inspect.isclass(found) and dataclasses.is_dataclass(found)
    return found if usable else None


def _names(data: Any) -> set[str]:
    """All names of classes in encoded data."""
    if isinstance(data, list):
        return {name for item in data for name in _names(item)}
    if not isinstance(data, dict):
        return set()
    inner = {name for item in data.values() for name in _names(item)}
    return inner | {str(data.get("class"))}
