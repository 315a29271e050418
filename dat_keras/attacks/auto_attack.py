"""AutoAttack: its attacks and its suites `standard`, `plus` and `rand`.

standard: APGD-CE, APGD-T, FAB-T, Square
    plus: APGD-CE, APGD-DLR and FAB five times each, Square, APGD-T, FAB-T
    rand: APGD-CE, APGD-DLR, on means of 20 passes

Each part is run on the images that the parts before it did not break.
"""

from __future__ import annotations

from collections.abc import Callable

from dat_keras.attacks.apgd import APGD
from dat_keras.attacks.boundaries import NearestMargin, TargetedMargin
from dat_keras.attacks.dlr import DLR, TargetedDLR
from dat_keras.attacks.fab import FAB
from dat_keras.attacks.square import Square
from dat_keras.attacks.stages import EachTarget, Restarts, StagedAttack
from dat_keras.core.threat_models import ThreatModel

PARTS: dict[str, Callable[[ThreatModel], StagedAttack]] = {
    "apgd-ce": lambda ball: Restarts(APGD(ball)),
    "apgd-dlr": lambda ball: Restarts(APGD(ball, DLR())),
    "apgd-t": lambda ball: EachTarget(APGD(ball, TargetedDLR())),
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
    repeated: dict[str, APGD | FAB] = {
        "apgd-ce": APGD(threat_model),
        "apgd-dlr": APGD(threat_model, DLR()),
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
        "apgd-ce": Restarts(APGD(threat_model, draws=20)),
        "apgd-dlr": Restarts(APGD(threat_model, DLR(), draws=20)),
    }
