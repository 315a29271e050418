"""The norms that attacks are bounded in, and their radii."""

from __future__ import annotations

DEFAULT_EPS: dict[str, float] = {"linf": 8 / 255, "l2": 0.5}
"""The usual radius of each norm on CIFAR, as on RobustBench."""


def pixel_fraction(eps: float) -> str:
    """Returns a radius the way papers write it.

    Example:
    >>> pixel_fraction(8 / 255), pixel_fraction(0.5)
    ('8/255', '0.5')
    """
    steps = eps * 255
    if round(steps) and abs(steps - round(steps)) < 1e-4:
        return f"{round(steps)}/255"
    return f"{eps:g}"
