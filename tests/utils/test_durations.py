"""Durations as text."""

import pytest

from dat_keras.utils.durations import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59, "59 s"),
        (90, "90 s"),
        (119, "119 s"),
        (120, "2 min"),
        (600, "10 min"),
        (7199, "120 min"),
        (7200, "2.0 h"),
        (9000, "2.5 h"),
        (172_799, "48.0 h"),
        (172_800, "2.0 days"),
        (259_200, "3.0 days"),
    ],
)
def test_the_unit_changes_at_two_of_the_next(seconds, text):
    assert duration(seconds) == text
