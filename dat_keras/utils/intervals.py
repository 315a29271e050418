"""Confidence intervals of an accuracy measured on a part of a data set."""

from __future__ import annotations

import math

Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


def wilson(correct: int, total: int, z: float = Z95) -> tuple[float, float]:
    """Wilson's score interval of a proportion.

        (p + z^2/2n -+ z sqrt(p (1 - p) / n + z^2/4n^2)) / (1 + z^2/n)

    Unlike the textbook interval it stays inside `[0, 1]` and is not empty at
    0 % and 100 %.

    Args:
        correct: Number of successes, at most `total`.
        total: Number of trials, at least 1.
        z: Half-width in standard deviations. Default: 95 % confidence.

    Returns:
        The lower and the upper end.

    Example:
    >>> [round(end, 4) for end in wilson(81, 263)]
    [0.2553, 0.3662]

    Reference:
        [Wilson, 1927](https://doi.org/10.1080/01621459.1927.10502953)
    """
    if not 0 <= correct <= total or total < 1:
        raise ValueError(
            "`correct` must be in [0, total] and `total` at least 1. "
            f"Received: correct={correct}, total={total}"
        )
    p, shrink = correct / total, 1 + z * z / total
    centre = (p + z * z / (2 * total)) / shrink
    variance = p * (1 - p) / total + z * z / (4 * total * total)
    half = z * math.sqrt(variance) / shrink
    return max(0.0, centre - half), min(1.0, centre + half)


def proportion(correct: int, total: int) -> dict[str, float]:
    """Returns an accuracy by the names of its columns in a data frame.

    Args:
        correct: Number of successes.
        total: Number of trials.

    Example:
    >>> list(proportion(1, 2))
    ['accuracy', 'low', 'high', 'correct', 'total']
    """
    low, high = wilson(correct, total)
    return {
        "accuracy": correct / total,
        "low": low,
        "high": high,
        "correct": correct,
        "total": total,
    }
