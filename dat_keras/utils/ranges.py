"""Ranges of numeric fields, stated where a field is defined.

```python
@dataclass(frozen=True)
class Smoothing(RangeChecked):
    share: Annotated[float, Range(0.0, 1.0)] = 0.5
```
"""

from __future__ import annotations

import dataclasses
import functools
import math
import typing
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias, cast

from dat_keras.utils.kinds import described, fits, kind_of


@dataclass(frozen=True)
class Range:
    """An interval that a number must lie in.

    Args:
        low: Smallest value.
        high: Largest value. Default: no bound.
        above: Whether `low` itself is refused.
        below: Whether `high` itself is refused.

    Example:
    >>> str(Range(0.0, 1.0)), str(Range(0.0, above=True))
    ('in [0, 1]', 'greater than 0')
    >>> 1.0 in Range(0.0, 1.0, below=True)
    False
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, value: float) -> bool:
        """Whether a number lies in the range; NaN lies in none."""
        from_low = value > self.low if self.above else value >= self.low
        to_high = value < self.high if self.below else value <= self.high
        return bool(from_low and to_high and math.isfinite(value))

    def __str__(self) -> str:
        """Returns the range in words, to follow "must be"."""
        if self.high == math.inf:
            return (
                f"{'greater than' if self.above else 'at least'} {self.low:g}"
            )
        left, right = "(" if self.above else "[", ")" if self.below else "]"
        return f"in {left}{self.low:g}, {self.high:g}{right}"


Share: TypeAlias = Annotated[float, Range(0.0, 1.0)]
"""A number in `[0, 1]`."""
Weight: TypeAlias = Annotated[float, Range(0.0)]
"""A factor, or a learning rate: 0 turns it off."""
Count: TypeAlias = Annotated[int, Range(1)]
"""A number of things of which there must be one."""
Size: TypeAlias = Annotated[int, Range(0)]
"""A number of things or of pixels; may be 0."""


class RangeChecked:
    """A dataclass whose annotated fields are checked when it is made.

    A subclass with a `__post_init__` of its own calls `super()`'s first.

    Raises:
        ValueError: If a field is of another kind than its annotation says, or
            a number, or a member of a tuple of numbers, is outside the
            `Range` in its annotation. Tensors pass.
    """

    def __post_init__(self) -> None:
        """Refuses other kinds, and numbers outside their ranges."""
        for name, hint in _hints(cast(Hashable, type(self))).items():
            value = getattr(self, name)
            if not fits(value, hint):
                is_class = f" (write `{getattr(value, '__name__', '')}(...)`)"
                raise ValueError(
                    f"`{name}` must be {kind_of(hint)}. "
                    f"Received: {name}={described(value)}"
                    + is_class
                    * isinstance(value, type)
                )
        for name, allowed in ranges_of(cast(Hashable, type(self))).items():
            value = getattr(self, name)
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, int | float) and each not in allowed:
                    raise ValueError(
                        f"`{name}` must be {allowed}. Received: {name}={value}"
                    )


@functools.cache
def ranges_of(cls: Any) -> dict[str, Range]:
    """Returns the ranges of a dataclass's fields, by name.

    Args:
        cls: A dataclass; fields without a `Range` are left out.
    """
    found = {}
    for name, hint in _hints(cls).items():
        for allowed in _metadata(hint):
            found[name] = allowed
    return found


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    """The annotations of a dataclass's fields, by name."""
    hints = typing.get_type_hints(cls, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def _metadata(hint: object) -> list[Range]:
    """The ranges in an annotation, also inside `X | None`."""
    own = [m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Range)]
    inner = [r for arg in typing.get_args(hint) for r in _metadata(arg)]
    return own or inner
