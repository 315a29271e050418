"""Cautions that a curve of accuracy against the radius gives.

Gradients that are masked make attacks fail, and accuracy look robust. Three
signs of it: an attack fails although its ball holds every image; it breaks
more images in a small ball than in a larger one, which holds all that the
small one holds; a stronger attack breaks many of the images that it leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from dat_keras.analysis.robustness.model_robustness import radius_text
from dat_keras.analysis.robustness.smallest_perturbations import (
    SmallestPerturbations,
)
from dat_keras.core.threat_models import threat_model_of
from dat_keras.evaluation.constraints import largest_distance
from dat_keras.evaluation.results import Caution
from dat_keras.utils.intervals import wilson
from dat_keras.utils.mcnemar import more_often

APGD_SHARE = 0.1
"""Share of the images left by PGD-20 that another attack, APGD or one that
finds minimal distances, may break without a warning;
on adversarially trained classifiers it is a few percent."""


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


def apgd_cautions(
    pgd: Mapping[float, np.ndarray], apgd: Mapping[float, np.ndarray]
) -> tuple[Caution, ...]:
    """Returns what APGD says of PGD-20, at the first radius where it does.

    Args:
        pgd: Whether PGD-20 leaves each image, shape `(N,)`, by radius.
        apgd: Whether APGD then leaves it too, at some of these radii.

    Example:
    >>> left = np.repeat([True, False], [50, 50])
    >>> found = apgd_cautions({0.1: np.ones(100, bool)}, {0.1: left})
    >>> [caution.code for caution in found]
    ['apgd_breaks_many']
    """
    for eps, left in apgd.items():
        found = _breaks_many("apgd_breaks_many", "APGD-CE", eps, pgd[eps], left)
        if found:
            return found
    return ()


def distance_cautions(
    left: np.ndarray, runs: Iterable[SmallestPerturbations], eps: float
) -> tuple[Caution, ...]:
    """Returns what minimal distances say of PGD-20, of each attack.

    Args:
        left: Whether PGD-20 leaves each image at a radius, shape `(N,)`.
        runs: Distances of the same images, in the norm of the radius.
        eps: The radius.
    """
    found: tuple[Caution, ...] = ()
    for run in runs:
        farther = np.array(run.distances.values) > largest_distance(
            threat_model_of(run.norm, eps)
        )
        code = f"{run.attack}_breaks_many"
        found += _breaks_many(code, run.attack.upper(), eps, left, farther)
    return found


def _breaks_many(
    code: str, attack: str, eps: float, pgd: np.ndarray, left: np.ndarray
) -> tuple[Caution, ...]:
    before, broken = int(pgd.sum()), int((pgd & ~left).sum())
    if not before or wilson(broken, before)[0] <= APGD_SHARE:
        return ()
    return (
        Caution(
            code,
            f"At eps {radius_text(eps)} {attack} breaks {broken} of the "
            f"{before} images that PGD-20 leaves: PGD-20 is far too weak "
            "here. Use autoattack.",
        ),
    )


def _rise(
    radii: list[float], robust: Mapping[float, np.ndarray]
) -> tuple[float, float, int] | None:
    """The first two radii between which accuracy rises, and by how much.

    McNemar's exact test at 5 % on the images that the two radii treat
    differently tells a rise from the draws of the attack.
    """
    for i, high in enumerate(radii):
        for low in radii[:i]:
            gained = int((robust[high] & ~robust[low]).sum())
            lost = int((robust[low] & ~robust[high]).sum())
            if more_often(gained, lost):
                return low, high, gained - lost
    return None
