"""Methods that cannot be trained on a union of norms, and why."""

from __future__ import annotations

from collections.abc import Mapping

from dat_keras.objectives.base import Objective
from dat_keras.objectives.grad_align import GradAlign
from dat_keras.objectives.oa_at import OAAT
from dat_keras.objectives.st import ST

RADII_OF_ITS_OWN: Mapping[type[Objective], str] = {
    OAAT: "it has radii of its own (`mix_eps`), stated in Linf, and projects "
    "what its attack finds into a second ball.",
}
"""Refused by every union."""

READS_THE_BALL: Mapping[type[Objective], str] = {
    ST: "its search moves images on both sides of the label at once and reads "
    "the ball of its attack alone; `+avg` takes it.",
    GradAlign: "its alignment term is drawn in the ball of its attack; `+avg` "
    "takes it.",
}
"""Refused where the attack on the union takes the place of the base's."""


def reason_against(base: Objective, in_each_norm: bool) -> str:
    """Returns why a method cannot be the base of a union; empty if it can.

    Args:
        base: The method.
        in_each_norm: Whether the union runs it in one norm at a time.

    Example:
    >>> reason_against(ST(), in_each_norm=True)
    ''
    """
    tables = [RADII_OF_ITS_OWN]
    if not in_each_norm:
        tables.append(READS_THE_BALL)
    reasons = (
        reason
        for table in tables
        for method, reason in table.items()
        if isinstance(base, method)
    )
    return next(reasons, "")
