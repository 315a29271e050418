"""McNemar's exact test, and the interval of a paired difference.

Two classifiers judged on the same n images differ on those that only one of
them gets right: `first` images and `second` images. If neither is better,
each of these falls to either side like a fair coin.
"""

from __future__ import annotations

import math

from dat_keras.utils.clopper_pearson import binomial_tail
from dat_keras.utils.intervals import Z95


def mcnemar(first: int, second: int) -> float:
    """Two-sided p-value of McNemar's exact test.

    Args:
        first: Number of images that the first one alone gets right.
        second: Number of images that the second one alone gets right.

    Returns:
        Probability of a split at least as uneven if neither is better;
        1 where they never differ.

    Raises:
        ValueError: If a number is negative.

    Example:
    >>> round(mcnemar(0, 5), 12)
    0.0625
    >>> mcnemar(7, 7)
    1.0

    Reference:
        [McNemar, 1947](https://doi.org/10.1007/BF02295996)
    """
    if min(first, second) < 0:
        raise ValueError(
            "`first` and `second` must be at least 0. "
            f"Received: {first} and {second}"
        )
    larger, different = max(first, second), first + second
    return min(1.0, 2 * binomial_tail(larger, different, 0.5))


def more_often(first: int, second: int) -> bool:
    """Whether `first` is above `second` beyond chance: p < 0.05, two-sided.

    Args:
        first: Number of images that the first one alone gets right.
        second: Number of images that the second one alone gets right.

    Example:
    >>> more_often(6, 0), more_often(5, 0), more_often(0, 6)
    (True, False, False)
    """
    return first > second and mcnemar(first, second) < 0.05


def paired_interval(
    first: int, second: int, total: int, z: float = Z95
) -> tuple[float, float]:
    """Interval of the difference of two accuracies on the same images.

    Bonett and Price's: Wald's for one image more of each kind and two more in
    all, which keeps its confidence also for small counts.

    Args:
        first: Number of images that the first one alone gets right.
        second: Number of images that the second one alone gets right.
        total: Number of images, at least 1.
        z: Half-width in standard deviations. Default: 95 % confidence.

    Returns:
        Lower and upper end of first minus second, in `[-1, 1]`.

    Raises:
        ValueError: If the counts are negative or more than `total`.

    Example:
    >>> [round(end, 3) for end in paired_interval(20, 10, 100)]
    [-0.009, 0.205]

    Reference:
        [Bonett and Price, 2012](https://doi.org/10.3102/1076998611411915)
    """
    if min(first, second) < 0 or not 1 <= total >= first + second:
        raise ValueError(
            "`first` and `second` must be at least 0 and `total` at least 1 "
            f"and their sum. Received: {first}, {second} and {total}"
        )
    p, q = (first + 1) / (total + 2), (second + 1) / (total + 2)
    half = z * math.sqrt((p + q - (p - q) ** 2) / (total + 2))
    return max(-1.0, p - q - half), min(1.0, p - q + half)
