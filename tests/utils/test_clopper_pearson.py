"""Clopper-Pearson bounds against exact sums and the published radii."""

import math
from fractions import Fraction
from statistics import NormalDist

import pytest

from dat_keras.utils.clopper_pearson import (
    binomial_tail,
    clopper_pearson_lower,
)


def exact_tail(least, total, p):
    terms = (
        math.comb(total, k) * p**k * (1 - p) ** (total - k)
        for k in range(least, total + 1)
    )
    return sum(terms, Fraction(0))


@pytest.mark.parametrize("total", [1, 2, 7, 40])
@pytest.mark.parametrize(
    "p", [Fraction(1, 20), Fraction(1, 2), Fraction(9, 10)]
)
def test_tails_are_binomial_sums(total, p):
    for least in range(total + 2):
        expected = float(exact_tail(least, total, p))
        found = binomial_tail(least, total, float(p))
        assert found == pytest.approx(expected, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize(
    ("correct", "total", "alpha"),
    [(1, 5, 0.05), (5, 5, 0.05), (37, 60, 0.001), (990, 1000, 0.001)],
)
def test_the_tail_at_the_bound_is_alpha(correct, total, alpha):
    low = clopper_pearson_lower(correct, total, alpha)
    tail = float(exact_tail(correct, total, Fraction(low)))
    assert tail == pytest.approx(alpha, rel=1e-9)


def test_known_bounds():
    assert clopper_pearson_lower(0, 10, 0.05) == 0.0
    # Tabled 95 % two-sided intervals: (0.4439, 0.9748) and (0.0025, 0.4450).
    assert clopper_pearson_lower(8, 10, 0.025) == pytest.approx(
        0.4439, abs=5e-5
    )
    assert clopper_pearson_lower(1, 10, 0.025) == pytest.approx(
        0.0025, abs=5e-5
    )
    for total in (10, 100_000):
        all_right = clopper_pearson_lower(total, total, 0.001)
        assert all_right == pytest.approx(0.001 ** (1 / total), rel=1e-12)


def test_the_largest_radius_of_the_paper():
    """100 000 draws that agree certify some 3.8 sigma, 1 000 some 2.5."""
    for draws, radius in ((100_000, 3.81), (1000, 2.46)):
        p = clopper_pearson_lower(draws, draws, 0.001)
        assert NormalDist().inv_cdf(p) == pytest.approx(radius, abs=5e-3)


def test_bounds_grow_with_successes_and_with_draws():
    bounds = [clopper_pearson_lower(k, 50, 0.01) for k in range(51)]
    assert bounds == sorted(bounds) and len(set(bounds)) == 51
    shares = [clopper_pearson_lower(9 * n, 10 * n, 0.01) for n in (1, 10, 1000)]
    assert shares == sorted(shares) and shares[-1] < 0.9


@pytest.mark.parametrize(
    "given", [(3, 2, 0.1), (-1, 2, 0.1), (0, 0, 0.1), (1, 2, 0)]
)
def test_impossible_counts_are_refused(given):
    with pytest.raises(ValueError, match=r"must be in \[0, total\]"):
        clopper_pearson_lower(*given)
