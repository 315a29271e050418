"""The norms that attacks are bounded in, and their radii."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dat_keras.utils.registry import lookup

DEFAULT_EPS: dict[str, float] = {"linf": 8 / 255, "l2": 0.5, "l1": 12.0}
"""The usual radius of each norm on CIFAR: those of RobustBench, and for L1
that of Croce and Hein (2021)."""


@dataclass(frozen=True)
class RadiusUnit:
    """The unit in which radii of a norm are drawn and written.

    Args:
        per_one: Units in a radius of 1.
        name: What stands behind a number in that unit; empty for none.
        most: The largest radius that says more than the pixel range does.
    """

    per_one: float
    name: str = ""
    most: float = math.inf

    @property
    def axis(self) -> str:
        """Label of an axis of radii.

        Example:
        >>> RADIUS_UNITS["linf"].axis, RADIUS_UNITS["l2"].axis
        ('eps in 1/255', 'eps')
        """
        return f"eps in 1{self.name}" if self.name else "eps"

    def text(self, eps: float) -> str:
        """Returns a radius with its unit.

        Example:
        >>> RADIUS_UNITS["linf"].text(8 / 255), RADIUS_UNITS["l2"].text(0.5)
        ('8/255', '0.5')
        """
        return f"{self.per_one * eps:g}{self.name}"


RADIUS_UNITS = {
    "linf": RadiusUnit(255.0, "/255", most=1.0),
    "l2": RadiusUnit(1.0),
    "l1": RadiusUnit(1.0),
}
"""Units of the radii of each norm."""


def pixel_fraction(eps: float) -> str:
    """Returns a radius the way papers write it.

    A fraction of 255 where no tenth is as exact: L2 radii are 1 or 128/255.

    Example:
    >>> pixel_fraction(8 / 255), pixel_fraction(0.5), pixel_fraction(12.0)
    ('8/255', '0.5', '12')
    >>> pixel_fraction(1.0), pixel_fraction(128 / 255), pixel_fraction(0.2)
    ('1', '128/255', '0.2')
    """
    steps = round(eps * 255)
    # 51/255 is 0.2.
    if eps < 2 and steps % 51 and abs(eps * 255 - steps) < 1e-4:
        return f"{steps}/255"
    return f"{eps:g}"


def union_radii(
    norms: Sequence[str], eps: Mapping[str, float]
) -> dict[str, float]:
    """Returns the radius of each norm of a union of threat models.

    Args:
        norms: Keys of `DEFAULT_EPS`.
        eps: Radii by the name of the norm; those left out are the defaults.

    Raises:
        ValueError: If a norm is unknown, is given twice or has a radius
            without being in the union.

    Example:
    >>> union_radii(["l2", "l1"], {"l2": 1.0})
    {'l2': 1.0, 'l1': 12.0}
    """
    if not isinstance(eps, Mapping):
        raise ValueError(
            "`eps` of a union must give each norm its radius, such as "
            f"{{'linf': 8 / 255, 'l2': 0.5}}. Received: {eps!r}"
        )
    if not norms:
        raise ValueError("`norm` must name one norm or more. Received: none")
    for name in (*norms, *eps):
        lookup(DEFAULT_EPS, name, "norm")
    twice = [name for name in norms if norms.count(name) > 1]
    if twice:
        raise ValueError(f"The norm {twice[0]} is given twice.")
    extra = [name for name in eps if name not in norms]
    if extra:
        raise ValueError(
            f"`eps` must be of norms of the union, {', '.join(norms)}. "
            f"Received: {extra[0]}"
        )
    return {name: float(eps.get(name, DEFAULT_EPS[name])) for name in norms}
