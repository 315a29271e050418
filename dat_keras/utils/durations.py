"""Durations as text, in the unit that suits them."""

from __future__ import annotations

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def duration(seconds: float) -> str:
    """Returns a duration as text.

    Two of a unit are the least that is given in it: below 2 minutes the unit
    is the second, below 2 hours the minute, below 2 days the hour, and the
    day from there on. Hours and days have one decimal.

    Args:
        seconds: The duration, not negative.

    Example:
    >>> duration(90), duration(120), duration(5400), duration(200_000)
    ('90 s', '2 min', '90 min', '2.3 days')
    """
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    if seconds < 2 * DAY:
        return f"{seconds / HOUR:.1f} h"
    return f"{seconds / DAY:.1f} days"
