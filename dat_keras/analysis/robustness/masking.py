"""Cautions that a curve of accuracy against the radius gives.

Gradients that are masked make attacks fail, and accuracy look robust. Two
signs of it: an attack fails although its ball holds every image, and
it breaks more images in a small ball than in a larger one, which holds all
that the small one holds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dat_keras.analysis.robustness.model_robustness import radius_text
from dat_keras.evaluation.results import Caution
from dat_keras.utils.intervals import wilson


def masking_cautions(
    robust: Mapping[float, np.ndarray], largest: float
) -> tuple[Caution, ...]:
    """Returns what the robust images at several radii say.

    Args:
        robust: Whether each image is robust, shape `(N,)`, by radius,
            smallest radius first.
        largest: A radius whose ball holds every image.

    Example:
    >>> robust = {0.1: np.zeros(9, bool), 1.0: np.arange(9) == 0}
    >>> [caution.code for caution in masking_cautions(robust, 1.0)]
    ['robust_at_largest_eps']
    """
    found = []
    left = int(robust[largest].sum())
    if left:
        found.append(
            Caution(
                "robust_at_largest_eps",
                f"The ball of eps {radius_text(largest)} holds every image, "
                f"but PGD-20 leaves {left} of {len(robust[largest])} images "
                "unbroken there: gradients are masked, or the classifier gives "
                "one answer to nearly everything. These accuracies are upper "
                "bounds that may be far too high; use autoattack.",
            )
        )
    rise = _rise([eps for eps in robust if eps != largest], robust)
    if rise:
        low, high, count = rise
        found.append(
            Caution(
                "rises_with_eps",
                f"At eps {radius_text(high)} {count} images more withstand "
                f"PGD-20 than at eps {radius_text(low)}, although the "
                "larger ball holds the smaller one: the attack fails for "
                "want of useful gradients. Use autoattack.",
            )
        )
    return tuple(found)


def _rise(
    radii: list[float], robust: Mapping[float, np.ndarray]
) -> tuple[float, float, int] | None:
    """The first two radii between which accuracy rises, and by how much.

    A sign test at 95 % on the images that the two radii treat differently
    tells a rise from the draws of the attack.
    """
    for i, high in enumerate(radii):
        for low in radii[:i]:
            gained = int((robust[high] & ~robust[low]).sum())
            lost = int((robust[low] & ~robust[high]).sum())
            if gained and wilson(gained, gained + lost)[0] > 0.5:
                return low, high, gained - lost
    return None
