"""Types of the options of `evaluate`: radii, curves, shards, severities."""

from __future__ import annotations

import click

from dat_keras.cli._types import FractionType, Listed
from dat_keras.utils.overrides import number

MOST_RADII = 1000
"""Most radii of a curve."""


class RadiiType(click.ParamType):
    """Radii separated by commas, or one for each norm by its name.

    Example:
    >>> RadiiType().convert("linf=8/255, l2=1/2", None, None)["l2"]
    0.5
    >>> RadiiType().convert("0.25,1/2", None, None)
    (0.25, 0.5)
    """

    name = "list"

    def convert(
        self,
        value: str | tuple | dict[str, float],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple | dict[str, float]:
        """Returns a tuple of radii, or radii by norm."""
        if isinstance(value, dict):
            return value
        number = FractionType()
        if isinstance(value, tuple) or "=" not in value:
            return Listed(number).convert(value, param, ctx)
        radii: dict[str, float] = {}
        for part in value.split(","):
            norm, _, text = (piece.strip() for piece in part.partition("="))
            if not norm or not text or norm in radii:
                self.fail(
                    "expected one radius for each norm, such as "
                    f"linf=8/255,l2=0.5. Received: {value}",
                    param,
                    ctx,
                )
            radii[norm] = number.convert(text, param, ctx)
        return radii


class ShardType(click.ParamType):
    """A number of a part and the number of parts, such as `2/8`.

    Example:
    >>> ShardType().convert("2/8", None, None)
    (2, 8)
    """

    name = "i/n"

    def convert(
        self,
        value: str | tuple[int, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, int]:
        """Returns both numbers."""
        if isinstance(value, tuple):
            return value
        index, _, count = value.partition("/")
        whole = index.isdecimal() and count.isdecimal()
        if not whole or not 1 <= int(index) <= int(count):
            self.fail(
                "expected i/n, the i-th of n parts counted from 1, such as "
                f"2/8. Received: {value}",
                param,
                ctx,
            )
        return int(index), int(count)


class CurveType(click.ParamType):
    """Radii of a curve: `FROM:TO:N` for N evenly spaced ones, or a list.

    Example:
    >>> CurveType().convert("0:1/2:3", None, None)
    (0.0, 0.25, 0.5)
    >>> CurveType().convert("0.1,0.3", None, None)
    (0.1, 0.3)
    """

    name = "radii"

    def convert(
        self,
        value: str | tuple[float, ...],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[float, ...]:
        """Returns the radii, in rising order."""
        if isinstance(value, tuple):
            return value
        try:
            radii = _radii(value)
        except ValueError:
            radii = ()
        rising = radii and radii[0] >= 0 and radii == tuple(sorted(set(radii)))
        if not rising:
            self.fail(
                "expected FROM:TO:N, N at least 2 evenly spaced radii, or a "
                "list of rising ones, such as 0:16/255:9 or 2/255,4/255. "
                f"Received: {value}",
                param,
                ctx,
            )
        return radii


def _radii(text: str) -> tuple[float, ...]:
    if ":" not in text:
        return tuple(number(part.strip()) for part in text.split(","))
    low, high, count = text.split(":")
    first, last, steps = number(low), number(high), int(count) - 1
    if not 1 <= steps < MOST_RADII:
        raise ValueError(count)
    return tuple(first + (last - first) * i / steps for i in range(steps + 1))


class SeveritiesType(click.ParamType):
    """Severities of corruptions: `3`, `1,5` or `1-5`.

    Example:
    >>> SeveritiesType().convert("1,3-5", None, None)
    (1, 3, 4, 5)
    """

    name = "severities"

    def convert(
        self,
        value: str | tuple[int, ...],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[int, ...]:
        """Returns the severities, in order."""
        if isinstance(value, tuple):
            return value
        found: set[int] = set()
        for part in value.split(","):
            low, dash, high = (p.strip() for p in part.partition("-"))
            ends = low, high if dash else low
            if not all(e in ("1", "2", "3", "4", "5") for e in ends):
                found.clear()
                break
            found |= set(range(int(ends[0]), int(ends[1]) + 1))
        if not found:
            self.fail(
                "expected severities from 1 to 5, such as 3, 1,5 or 1-5. "
                f"Received: {value}",
                param,
                ctx,
            )
        return tuple(sorted(found))
