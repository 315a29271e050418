"""Every field of a nested configuration with its kind, range and meaning."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from dat_keras.utils.overrides import fields_of, hint_of, kin, override
from dat_keras.utils.ranges import ranges_of

KINDS = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
}
"""What to call the values that text can hold."""


@dataclass(frozen=True)
class Setting:
    """One field of a configuration.

    Args:
        path: The key that `override` takes.
        value: Its value as text, as `override` takes it.
        kind: Its type in words, and its range.
        meaning: What the docstring of its class says about it.
        settable: Whether `override` takes another value as text.
    """

    path: str
    value: str
    kind: str
    meaning: str
    settable: bool


def settings_of(config: Any, classes: Mapping[str, type]) -> Iterator[Setting]:
    """Yields all fields of a nested dataclass, an outer one before its inner.

    Args:
        config: A frozen dataclass, possibly nested.
        classes: The classes that `override` may build.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> [setting] = settings_of(Linf(8 / 255), {})
    >>> setting.path, setting.value, setting.kind
    ('eps', '8/255', 'number, at least 0')
    """
    for path, value in fields_of(config):
        owner = config
        *outer, name = path.split(".")
        for each in outer:
            owner = getattr(owner, each)
        text = text_of(value)
        yield Setting(
            path,
            text,
            _kind(owner, name, value, classes),
            meanings(type(owner)).get(name, ""),
            _takes(config, path, text, classes) and _others(owner, name),
        )


def text_of(value: object) -> str:
    """Returns a field's value as the text that sets it.

    Args:
        value: The value; of a dataclass the name of its class.

    Example:
    >>> text_of(8 / 255), text_of((100, 105)), text_of(None), text_of(0.2)
    ('8/255', '100,105', 'none', '0.2')
    """
    if dataclasses.is_dataclass(value):
        return type(value).__name__
    if isinstance(value, tuple):
        return ",".join(map(text_of, value))
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, float):
        short, pixels = f"{value:g}", round(value * 255)
        if float(short) != value and pixels / 255 == value:
            return f"{pixels}/255"
        return short if float(short) == value else repr(value)
    return str(value)


def tree(config: Any) -> str:
    """Returns a configuration as indented lines, one a field.

    Args:
        config: A frozen dataclass, possibly nested.

    Example:
    >>> from dat_keras.attacks import NoisyFGSM
    >>> from dat_keras.core.threat_models import Linf
    >>> print(tree(NoisyFGSM(Linf(8 / 255))))
    NoisyFGSM
      threat_model = Linf
        eps = 8/255
      loss = CrossEntropy
        label_smoothing = 0
      noise = 2
      step = 1
    """
    lines = [type(config).__name__]
    for path, value in fields_of(config):
        *outer, name = path.split(".")
        indent = "  " * (len(outer) + 1)
        lines.append(f"{indent}{name} = {text_of(value)}")
    return "\n".join(lines)


def meanings(cls: type) -> dict[str, str]:
    """Returns what the `Args` of a class and of its bases say, by name.

    Args:
        cls: A class with docstrings of this project's form.

    Example:
    >>> meanings(Setting)["path"]
    'The key that `override` takes.'
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        text = inspect.cleandoc(base.__dict__.get("__doc__") or "")
        section = re.search(r"^Args:\n((?:[ ].*\n?|\n)+)", text, re.MULTILINE)
        lines = section[1] if section else ""
        for name, said in re.findall(
            r"^ {4}(\w+): (.*(?:\n {5,}.*)*)", lines, re.MULTILINE
        ):
            found[name] = " ".join(said.split())
    return found


def _kind(
    owner: object, name: str, value: object, classes: Mapping[str, type]
) -> str:
    if dataclasses.is_dataclass(value):
        others = sorted(kin(value, classes))
        return f"one of {', '.join(others)}" if others else "fixed"
    words = _words(hint_of(owner, name))
    allowed = ranges_of(cast(Hashable, type(owner))).get(name)
    return words if allowed is None else f"{words}, {allowed}"


def _words(hint: Any) -> str:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        known = [_words(a) for a in args if a is not type(None)]
        named = [w for w in known if w in KINDS.values()] or known
        return " or ".join(named) + " or none" * (type(None) in args)
    if origin is tuple:
        return f"{_words(args[0])}s, separated by commas"
    return KINDS.get(hint) or str(getattr(hint, "__name__", hint))


def _others(owner: object, name: str) -> bool:
    """Whether there is text for a field that is `None`."""
    words = _words(hint_of(owner, name)).split(" or none")
    return getattr(owner, name) is not None or any(
        kind in words[0] for kind in KINDS.values()
    )


def _takes(
    config: Any, path: str, text: str, classes: Mapping[str, type]
) -> bool:
    """Whether setting the value that is there leaves the configuration."""
    try:
        return bool(override(config, f"{path}={text}", classes) == config)
    except ValueError:
        return False
