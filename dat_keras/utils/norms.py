"""The norms that attacks are bounded in, and their radii."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_EPS: dict[str, float] = {"linf": 8 / 255, "l2": 0.5, "l1": 12.0}
"""The usual radius of each norm on CIFAR: those of RobustBench, and for L1
that of Croce and Hein (2021)."""


@dataclass(frozen=True)
class RadiusUnit:
    """The unit in which radii of a norm are drawn and written.

    Args:
        per_one: Units in a radius of 1.
        name: What stands behind a number in that unit; empty for none.
    """

    per_one: float
    name: str = ""

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
    "linf": RadiusUnit(255.0, "/255"),
    "l2": RadiusUnit(1.0),
    "l1": RadiusUnit(1.0),
}
"""Units of the radii of each norm."""


def pixel_fraction(eps: float) -> str:
    """Returns a radius the way papers write it.

    Example:
    >>> pixel_fraction(8 / 255), pixel_fraction(0.5), pixel_fraction(12.0)
    ('8/255', '0.5', '12')
    """
    if eps >= 2:
        return f"{eps:g}"
    steps = eps * 255
    if round(steps) and abs(steps - round(steps)) < 1e-4:
        return f"{round(steps)}/255"
    return f"{eps:g}"
