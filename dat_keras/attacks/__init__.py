"""Attacks: PGD, APGD, FAB, FMN, Square and AutoAttack; `ATTACKS` by name."""

from __future__ import annotations

from collections.abc import Callable

from dat_keras.attacks.apgd import APGD
from dat_keras.attacks.auto_attack import (
    CAVEAT,
    PARTS,
    plus,
    rand,
    standard,
)
from dat_keras.attacks.base import Attack
from dat_keras.attacks.boundaries import (
    Boundary,
    NearestMargin,
    TargetedMargin,
)
from dat_keras.attacks.dlr import DLR, TargetedDLR
from dat_keras.attacks.eot import MeanOverDraws
from dat_keras.attacks.fab import FAB
from dat_keras.attacks.fmn import FMN
from dat_keras.attacks.losses import (
    AttackLoss,
    CarliniWagner,
    CarliniWagnerDAT,
    CrossEntropy,
    CrossEntropyPlusKL,
    KLFromClean,
    KLFromLogits,
)
from dat_keras.attacks.minimum_norm import MinimumNormAttack
from dat_keras.attacks.monitor import Monitor
from dat_keras.attacks.noisy_fgsm import NoisyFGSM
from dat_keras.attacks.pgd import PGD
from dat_keras.attacks.returned_iterate import Keep, KeepFirstBroken, KeepLast
from dat_keras.attacks.square import Square
from dat_keras.attacks.stages import (
    EachTarget,
    Ensemble,
    Restarts,
    StagedAttack,
)
from dat_keras.attacks.starts import (
    CleanStart,
    NormalStart,
    RandomStart,
    Start,
    StartInBall,
    SurfaceStart,
)
from dat_keras.attacks.user_attack import FunctionAttack, user_attack
from dat_keras.core.threat_models import ThreatModel
from dat_keras.utils.attack_names import pgd_steps
from dat_keras.utils.registry import lookup

__all__ = [
    "APGD",
    "ATTACKS",
    "CAVEAT",
    "DLR",
    "FAB",
    "FMN",
    "MINIMUM_NORM",
    "PARTS",
    "PGD",
    "Attack",
    "AttackLoss",
    "Boundary",
    "CarliniWagner",
    "CarliniWagnerDAT",
    "CleanStart",
    "CrossEntropy",
    "CrossEntropyPlusKL",
    "EachTarget",
    "Ensemble",
    "FunctionAttack",
    "KLFromClean",
    "KLFromLogits",
    "Keep",
    "KeepFirstBroken",
    "KeepLast",
    "MeanOverDraws",
    "MinimumNormAttack",
    "Monitor",
    "NearestMargin",
    "NoisyFGSM",
    "NormalStart",
    "RandomStart",
    "Restarts",
    "Square",
    "StagedAttack",
    "Start",
    "StartInBall",
    "SurfaceStart",
    "TargetedDLR",
    "TargetedMargin",
    "attack_of_name",
    "cw",
    "fgsm",
    "pgd",
    "plus",
    "rand",
    "standard",
    "user_attack",
]


def fgsm(threat_model: ThreatModel) -> PGD:
    """One step of twice the radius from a random start.

    Such a step ends on the corner `eps * sign(grad)` wherever it started.
    DAT's evaluation runs FGSM this way; textbook FGSM has no random start.
    """
    return PGD(threat_model, steps=1, step_size=2 * threat_model.eps)


def pgd(threat_model: ThreatModel, steps: int = 20) -> PGD:
    """PGD on the cross-entropy with steps of a quarter of the radius.

    For eps 8/255 that is the step of 2/255 that DAT's tables use.
    """
    return PGD(threat_model, steps=steps, step_size=threat_model.eps / 4)


def cw(threat_model: ThreatModel, loss: AttackLoss = CarliniWagner()) -> PGD:  # noqa: B008
    """C&W-inf: 100 steps of PGD on the margin."""
    return PGD(threat_model, loss, steps=100, step_size=threat_model.eps / 4)


ATTACKS: dict[str, Callable[[ThreatModel], Attack]] = {
    "fgsm": fgsm,
    "pgd20": pgd,
    "pgd100": lambda threat_model: pgd(threat_model, steps=100),
    "cw": cw,
    "cw-dat": lambda threat_model: cw(threat_model, CarliniWagnerDAT()),
}
"""Factories of attacks, by name: each takes a threat model."""

MINIMUM_NORM: dict[str, Callable[[ThreatModel], MinimumNormAttack]] = {
    "fab": lambda threat_model: FAB(threat_model, NearestMargin()),
    "fmn": FMN,
}
"""Factories of attacks that search the nearest misclassified image."""


def attack_of_name(name: str, threat_model: ThreatModel) -> Attack:
    """Returns the attack of a name.

    Args:
        name: Key of `ATTACKS`, or `pgdN` for any number of steps N.
        threat_model: The set that it searches.

    Raises:
        ValueError: If the name is unknown.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> attack_of_name("pgd7", Linf(8 / 255)).steps
    7
    """
    steps = pgd_steps(name)
    if steps is not None:
        return pgd(threat_model, steps)
    return lookup(ATTACKS, name, "attack")(threat_model)
