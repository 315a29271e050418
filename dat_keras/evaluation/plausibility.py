"""Is an accuracy too good, beside the others or beside published ones?"""

from __future__ import annotations

from collections.abc import Iterable

from dat_keras.evaluation.results import Caution, Row

GAP = 0.06
"""How far AutoAttack's accuracy may lie below PGD-20's; more is unusual for
plain adversarial training."""
RISE = 0.01
"""How far accuracy may rise with PGD's steps, by the draws alone."""

BEST: dict[tuple[str, str], float] = {
    ("cifar10", "resnet18"): 0.54,
    ("cifar10", "wrn34"): 0.60,
}
"""By data set and network, an accuracy under AutoAttack (Linf, 8/255) above
all that RobustBench lists without extra training data (52.48 % and 58.04 %,
March 2025). The names are those of our models."""
BEST_EPS = 8 / 255


def best_known(model: str, data: str, norm: str, eps: float) -> float:
    """Returns what no published classifier of this kind stands above.

    Args:
        model: Name of the Keras model.
        data: Name of the data, such as `"cifar10/test"`.
        norm: Key of `THREAT_MODELS`.
        eps: Radius; a smaller one than the published leaves all open.

    Returns:
        An accuracy in `[0, 1]`; 1 where nothing is known.

    Example:
    >>> best_known("resnet18_branched", "cifar10/test", "linf", 8 / 255)
    0.54
    """
    if norm != "linf" or eps < BEST_EPS - 1e-6:
        return 1.0
    network = model.removesuffix("_branched")
    return BEST.get((data.partition("/")[0], network), 1.0)


def implausible(rows: Iterable[Row], best: float = 1.0) -> tuple[Caution, ...]:
    """Returns cautions about accuracies that do not fit.

    Args:
        rows: Rows of one report.
        best: Above which AutoAttack's accuracy would be a record.

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
    if found.get("autoattack", 0.0) > best:
        cautions.append(
            Caution(
                "record",
                f"AutoAttack left more than {100 * best:.0f} %, which no "
                "published classifier of this network reaches without extra "
                "training data. Look at the other warnings, try more queries "
                "of Square and an attack made for this defence.",
            )
        )
    return tuple(cautions)


def _above(found: dict[str, float], name: str, other: str) -> float:
    """By how much one accuracy exceeds another; 0 where one is missing."""
    if name in found and other in found:
        return found[name] - found[other]
    return 0.0
