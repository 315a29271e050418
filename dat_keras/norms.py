"""The norms that attacks are bounded in, and their usual radii."""

from __future__ import annotations

DEFAULT_EPS: dict[str, float] = {"linf": 8 / 255, "l2": 0.5}
"""The usual radius of each norm on CIFAR, as on RobustBench."""
