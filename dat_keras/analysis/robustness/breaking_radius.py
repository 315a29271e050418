"""The smallest radius that breaks an image, by bisection on a grid.

low <- 0, high <- limit
until high is the radius after low:
    middle of both broken?  high <- middle : low <- middle
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dat_keras.analysis.robustness.radius_search import RadiusSearch

PARTS = 8
"""Radii of the grid up to the report's radius: 1/255 apart for 8/255."""
REACH = 8
"""Its largest radius, in radii of the report."""


@dataclass(frozen=True, eq=False)
class Bisection:
    """Breaking radii of some images.

    Args:
        positions: Positions of the images, shape `(S,)`.
        steps: Breaking radii in steps of the grid; one more than the grid
            holds for an image that nothing broke.
        twins: The adversarial image at that radius, or at the largest,
            `(S, H, W, C)`.
        classes: What the classifier takes the twins for, `(S,)`.
        step: Distance between radii.
        limit: Number of radii.
    """

    positions: np.ndarray
    steps: np.ndarray
    twins: np.ndarray
    classes: np.ndarray
    step: float
    limit: int


def bisect(
    search: RadiusSearch, positions: np.ndarray, eps: float, largest: float
) -> Bisection:
    """Finds the smallest radius that breaks each image.

    It is the smallest if a larger ball never saves an image, which holds but
    for failures of the attack.

    Args:
        search: The attack.
        positions: Positions of images that are right before it.
        eps: The report's radius.
        largest: A radius whose ball holds every image.
    """
    step = eps / PARTS
    limit = min(PARTS * REACH, int(largest / step))
    low = np.zeros(len(positions), int)
    high = np.full(len(positions), limit)
    found = search("breaking radii", positions, high * step)
    twins, classes = found.images, found.classes
    unbroken = ~found.broken
    while True:
        rows = np.flatnonzero((high - low > 1) & ~unbroken)
        if not len(rows):
            break
        middle = (low[rows] + high[rows]) // 2
        found = search("breaking radii", positions[rows], middle * step)
        hit = rows[found.broken]
        high[hit] = middle[found.broken]
        low[rows[~found.broken]] = middle[~found.broken]
        twins[hit], classes[hit] = (
            found.images[found.broken],
            found.classes[found.broken],
        )
    high[unbroken] = limit + 1
    return Bisection(positions, high, twins, classes, step, limit)
