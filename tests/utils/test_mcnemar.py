"""McNemar's test against exact sums, and what pairing must do."""

import math
from fractions import Fraction

import pytest

from dat_keras.utils.mcnemar import mcnemar, more_often, paired_interval


def exact(first, second):
    """Twice the sum of the tail of a fair coin, at most 1."""
    total, larger = first + second, max(first, second)
    ways = sum(math.comb(total, k) for k in range(larger, total + 1))
    return float(min(Fraction(1), Fraction(2 * ways, 2**total)))


@pytest.mark.parametrize(
    ("first", "second"), [(0, 1), (3, 9), (20, 20), (45, 54), (573, 473)]
)
def test_the_p_value_is_the_exact_sum(first, second):
    expected = pytest.approx(exact(first, second), rel=1e-10)
    assert mcnemar(first, second) == expected
    assert mcnemar(second, first) == expected


def test_without_a_difference_nothing_is_shown():
    assert mcnemar(0, 0) == mcnemar(12, 12) == 1.0


def test_a_known_value():
    # 2 * (1 + 10 + 45) / 2**10
    assert mcnemar(2, 8) == pytest.approx(0.109375, rel=1e-12)


@pytest.mark.parametrize(("different", "least"), [(5, 6), (6, 6), (20, 15)])
def test_more_often_is_one_sided_and_exact(different, least):
    # 2 / 2**5 > 0.05 > 2 / 2**6; of 20, 15 and not 14 are beyond chance.
    for first in range(different + 1):
        second = different - first
        assert more_often(first, second) is (first >= least)


def test_an_interval_mirrors_when_the_two_are_swapped():
    low, high = paired_interval(30, 10, 200)
    assert paired_interval(10, 30, 200) == pytest.approx((-high, -low))
    assert low < 0.1 < high


def test_an_interval_holds_the_difference_and_shrinks_with_images():
    widths = []
    for n in (1, 10, 100):
        low, high = paired_interval(3 * n, n, 50 * n)
        assert low < 2 / 50 < high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


def test_an_interval_is_that_of_the_formula():
    # (b - c) / n and its variance with 3 + 1, 1 + 1 and 18 + 2.
    half = 1.96 * math.sqrt((0.2 + 0.1 - 0.01) / 20)
    assert paired_interval(3, 1, 18, z=1.96) == pytest.approx(
        (0.1 - half, 0.1 + half)
    )


def test_an_interval_stays_within_all_differences():
    low, high = paired_interval(1, 0, 1)
    assert -1.0 <= low < high <= 1.0


@pytest.mark.parametrize("given", [(-1, 2), (2, -1)])
def test_negative_counts_are_refused(given):
    with pytest.raises(ValueError, match="must be at least 0"):
        mcnemar(*given)


@pytest.mark.parametrize("given", [(-1, 2, 3), (2, 2, 3), (0, 0, 0)])
def test_impossible_counts_are_refused(given):
    with pytest.raises(ValueError, match="must be at least 0"):
        paired_interval(*given)
