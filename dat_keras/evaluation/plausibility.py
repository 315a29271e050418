"""Cautions about accuracies that disagree with others or published ones."""

from __future__ import annotations

from collections.abc import Iterable

from dat_keras.evaluation.results import AttackResult, Caution
from dat_keras.utils.attack_names import pgd_steps

GAP = 0.06
"""How far AutoAttack's accuracy may lie below PGD-20's; more is unusual for
plain adversarial training."""
RISE = 0.01
"""How far accuracy may rise with PGD's steps, by the draws alone."""

BEST: dict[tuple[str, str], float] = {
    ("cifar10", "resnet18"): 0.59,
    ("cifar10", "preactresnet18"): 0.59,
    ("cifar10", "wrn34"): 0.61,
}
"""By data set and network, an accuracy under AutoAttack (Linf, 8/255) above
all that RobustBench lists without additional data, rounded up to a percent.

RobustBench does not count images that a generative model made from the
training set as additional data. With such images it lists 58.50 %
(`Gowal2021Improving_R18_ddpm_100m`), 57.09 % (`Rade2021Helper_R18_ddpm`),
56.66 % (`Rebuffi2021Fixing_R18_ddpm`) and 55.54 % (`Sehwag2021Proxy_R18`) for
networks of ResNet-18's size, and 60.27 % (`Sehwag2021Proxy`) for
WideResNet-34-10; without them 52.48 % and 58.04 % (March 2025). A report does
not say what a classifier was trained on, so the higher numbers count. The
keys are names of this library's models."""
BEST_EPS = 8 / 255


def best_known(model: str, data: str, norm: str, eps: float) -> float:
    """Returns the accuracy that no published classifier of this kind exceeds.

    Args:
        model: Name of the Keras model.
        data: Name of the data, such as `"cifar10/test"`.
        norm: Key of `THREAT_MODELS`.
        eps: Radius; nothing is known for one below the published.

    Returns:
        An accuracy in `[0, 1]`; 1 where nothing is known.

    Example:
    >>> best_known("resnet18_branched", "cifar10/test", "linf", 8 / 255)
    0.59
    """
    if norm != "linf" or eps < BEST_EPS - 1e-6:
        return 1.0
    network = model.removesuffix("_branched")
    return BEST.get((data.partition("/")[0], network), 1.0)


def implausible(
    results: Iterable[AttackResult], best: float = 1.0
) -> tuple[Caution, ...]:
    """Returns cautions about accuracies that do not fit.

    Args:
        results: Those of one report.
        best: Above which AutoAttack's accuracy would be a record.

    Example:
    >>> few = AttackResult("pgd20", "", (True,) * 9)
    >>> many = AttackResult("pgd100", "", (False,) * 9)
    >>> [caution.code for caution in implausible((few, many))]
    ['masking']
    """
    found = {result.name: result.accuracy for result in results}
    steps = sorted(filter(None, map(pgd_steps, found)))
    few, many = (steps[0], steps[-1]) if steps else (0, 0)
    rise = _above(found, f"pgd{many}", f"pgd{few}")
    gap = _above(found, "pgd20", "autoattack")
    cautions = []
    if rise > RISE:
        cautions.append(
            Caution(
                "masking",
                f"PGD with {many} steps left {100 * rise:.1f} points more "
                f"than with {few}, a sign of masked gradients.",
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
                "classifier of this network on RobustBench reaches without "
                "additional data, generated images included. Look at the other "
                "warnings, try more queries of Square and an attack made for "
                "this defence.",
            )
        )
    return tuple(cautions)


def _above(found: dict[str, float], name: str, other: str) -> float:
    """By how much one accuracy exceeds another; 0 where one is missing."""
    if name in found and other in found:
        return found[name] - found[other]
    return 0.0
