"""Clopper and Pearson's exact bound of a proportion, and binomial tails.

P(X >= k) of n trials that succeed with p is the incomplete beta function
I_p(k, n - k + 1); the bound is the p at which it equals alpha.
"""

from __future__ import annotations

import math

TINY = 1e-300
MOST_TERMS = 100_000


def clopper_pearson_lower(correct: int, total: int, alpha: float) -> float:
    """One-sided lower bound of a proportion, of confidence `1 - alpha`.

    Args:
        correct: Number of successes, at most `total`.
        total: Number of trials, at least 1.
        alpha: Probability that the bound lies above the proportion.

    Example:
    >>> round(clopper_pearson_lower(8, 10, 0.025), 4)
    0.4439
    >>> round(clopper_pearson_lower(100, 100, 0.001), 4)
    0.9333

    Reference:
        [Clopper and Pearson, 1934](https://doi.org/10.1093/biomet/26.4.404)
    """
    if not 0 <= correct <= total or total < 1 or not 0 < alpha < 1:
        raise ValueError(
            "`correct` must be in [0, total], `total` at least 1 and `alpha` "
            f"in (0, 1). Received: correct={correct}, total={total}, "
            f"alpha={alpha}"
        )
    low, high = 0.0, correct / total
    # The bound lies between: at the proportion itself the tail is larger.
    while correct:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        if binomial_tail(correct, total, middle) < alpha:
            low = middle
        else:
            high = middle
    return low


def binomial_tail(least: int, total: int, p: float) -> float:
    """Returns the probability of `least` or more successes.

    Args:
        least: Number of successes.
        total: Number of trials.
        p: Probability of one success.

    Example:
    >>> round(binomial_tail(2, 3, 0.5), 12)
    0.5
    """
    if least <= 0:
        return 1.0
    if least > total:
        return 0.0
    return _incomplete_beta(p, least, total - least + 1)


def _incomplete_beta(x: float, a: float, b: float) -> float:
    """I_x(a, b) by its continued fraction (DLMF 8.17.22)."""
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(1.0 - x, b, a)
    log_front = (
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * math.log(x)
        + b * math.log1p(-x)
    )
    return math.exp(log_front) / (a * _fraction(x, a, b))


def _fraction(x: float, a: float, b: float) -> float:
    """1 + d_1 / (1 + d_2 / (1 + ...)), by Lentz's method."""
    value, c, d = 1.0, 1.0, 0.0
    for i in range(1, MOST_TERMS):
        m, odd = divmod(i, 2)
        if odd:
            term = -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m))
        term *= x
        d = 1.0 / _not_zero(1.0 + term * d)
        c = _not_zero(1.0 + term / c)
        value *= c * d
        if abs(c * d - 1.0) < 1e-15:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > TINY else TINY
