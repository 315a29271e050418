"""What accuracies say about each other: is one of them too good?"""

from __future__ import annotations

from collections.abc import Iterable

from dat_keras.rows import Caution, Row

GAP = 0.06
"""How far AutoAttack's accuracy may lie below PGD-20's; more is unusual for
plain adversarial training."""
RISE = 0.01
"""How far accuracy may rise with PGD's steps, by the draws alone."""


def implausible(rows: Iterable[Row]) -> tuple[Caution, ...]:
    """Returns cautions about accuracies that do not fit each other.

    Args:
        rows: Rows of one report.

    Example:
    >>> rows = Row("pgd20", "", (True,) * 9), Row("pgd100", "", (False,) * 9)
    >>> [caution.code for caution in implausible(rows)]
    ['masking']
    """
    found = {row.name: row.accuracy for row in rows}
    rise = _above(found, "pgd100", "pgd20")
    gap = _above(found, "pgd20", "autoattack")
    cautions = []
    if rise > RISE:
        cautions.append(
            Caution(
                "masking",
                f"PGD with 100 steps left {100 * rise:.1f} points more than "
                "with 20, a sign of masked gradients.",
            )
        )
    if gap > GAP:
        cautions.append(
            Caution(
                "gap",
                f"AutoAttack broke {100 * gap:.1f} points more than PGD-20, "
                "which is unusual for plain adversarial training: trust "
                "AutoAttack's number alone, and look at the other warnings.",
            )
        )
    return tuple(cautions)


def _above(found: dict[str, float], name: str, other: str) -> float:
    """By how much one accuracy exceeds another; 0 where one is missing."""
    if name in found and other in found:
        return found[name] - found[other]
    return 0.0
