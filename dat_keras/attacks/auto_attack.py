"""AutoAttack: its attacks and its suites `standard`, `plus` and `rand`.

standard: APGD-CE, APGD-T, FAB-T, Square
    plus: APGD-CE, APGD-DLR and FAB five times each, Square, APGD-T, FAB-T
    rand: APGD-CE, APGD-DLR, on means of 20 passes

In L1, APGD is `SparseAPGD`; APGD-CE runs five times, APGD-T on five targets.

Each part is run on the images that the parts before it did not break.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dat_keras.attacks.apgd import APGD
from dat_keras.attacks.boundaries import NearestMargin, TargetedMargin
from dat_keras.attacks.dlr import DLR, TARGETS, TargetedDLR
from dat_keras.attacks.fab import FAB
from dat_keras.attacks.losses import AttackLoss, CrossEntropy
from dat_keras.attacks.sparse_apgd import SparseAPGD
from dat_keras.attacks.square import Square
from dat_keras.attacks.stages import EachTarget, Restarts, StagedAttack
from dat_keras.core.threat_models import L1, L2, Linf, ThreatModel


@dataclass(frozen=True)
class _Settings:
    """How AutoAttack runs APGD in a norm.

    Args:
        make: APGD's class.
        runs: Number of runs of APGD-CE in `standard`.
        targets: Number of targets of APGD-T.
    """

    make: type[APGD] | type[SparseAPGD] = APGD
    runs: int = 1
    targets: int = TARGETS


APGD_SETTINGS: dict[type[ThreatModel], _Settings] = {
    Linf: _Settings(),
    L2: _Settings(),
    L1: _Settings(SparseAPGD, runs=5, targets=5),
}
"""How AutoAttack runs APGD, by threat model."""


def apgd(
    threat_model: ThreatModel, loss: AttackLoss | None = None, draws: int = 1
) -> APGD | SparseAPGD:
    """Returns the APGD of a threat model.

    Args:
        threat_model: The set that it searches.
        loss: What is maximised. Default: the cross-entropy.
        draws: Passes that are averaged.

    Example:
    >>> type(apgd(L1(12.0))).__name__, apgd(L2(0.5)).steps
    ('SparseAPGD', 100)
    """
    make = APGD_SETTINGS[type(threat_model)].make
    return make(threat_model, loss or CrossEntropy(), draws=draws)


def _apgd_ce(ball: ThreatModel) -> Restarts:
    return Restarts(apgd(ball), APGD_SETTINGS[type(ball)].runs)


def _apgd_t(ball: ThreatModel) -> EachTarget:
    attack = apgd(ball, TargetedDLR())
    return EachTarget(attack, APGD_SETTINGS[type(ball)].targets)


PARTS: dict[str, Callable[[ThreatModel], StagedAttack]] = {
    "apgd-ce": _apgd_ce,
    "apgd-dlr": lambda ball: Restarts(apgd(ball, DLR())),
    "apgd-t": _apgd_t,
    "fab": lambda ball: Restarts(FAB(ball, NearestMargin())),
    "fab-t": lambda ball: EachTarget(FAB(ball, TargetedMargin())),
    "square": Square,
}
"""Factories of the parts, by name: each takes a threat model."""

CAVEAT = (
    "This is not AutoAttack's `standard`: do not compare the accuracy with "
    "published ones."
)
"""Printed with accuracies under any other set of parts."""

STANDARD = ("apgd-ce", "apgd-t", "fab-t", "square")
"""Parts of AutoAttack's `standard`, in order, as RobustBench runs them."""


def standard(threat_model: ThreatModel) -> dict[str, StagedAttack]:
    """Returns the parts of AutoAttack's `standard`, by name, in order.

    Args:
        threat_model: The set that they search.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> list(standard(Linf(8 / 255)))
    ['apgd-ce', 'apgd-t', 'fab-t', 'square']

    Reference:
        [Croce and Hein, 2020](https://arxiv.org/abs/2003.01690)
    """
    return {name: PARTS[name](threat_model) for name in STANDARD}


def plus(threat_model: ThreatModel) -> dict[str, StagedAttack]:
    """Returns the parts of AutoAttack's `plus`, by name, in order.

    Untargeted APGD and FAB are run five times; Square and the targeted parts
    once, as in `standard`. For up to ten classes.

    Args:
        threat_model: The set that they search.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> list(plus(Linf(8 / 255)))
    ['apgd-ce', 'apgd-dlr', 'fab', 'square', 'apgd-t', 'fab-t']
    """
    repeated: dict[str, APGD | SparseAPGD | FAB] = {
        "apgd-ce": apgd(threat_model),
        "apgd-dlr": apgd(threat_model, DLR()),
        "fab": FAB(threat_model, NearestMargin()),
    }
    return {
        **{name: Restarts(attack, 5) for name, attack in repeated.items()},
        **{n: PARTS[n](threat_model) for n in ("square", "apgd-t", "fab-t")},
    }


def rand(threat_model: ThreatModel) -> dict[str, StagedAttack]:
    """Returns AutoAttack's `rand`, for classifiers that draw random numbers.

    APGD on the cross-entropy and on DLR; every logit and gradient is a mean
    of 20 passes.

    Args:
        threat_model: The set that they search.

    Example:
    >>> from dat_keras.core.threat_models import Linf
    >>> list(rand(Linf(8 / 255)))
    ['apgd-ce', 'apgd-dlr']
    """
    return {
        "apgd-ce": Restarts(apgd(threat_model, draws=20)),
        "apgd-dlr": Restarts(apgd(threat_model, DLR(), draws=20)),
    }
