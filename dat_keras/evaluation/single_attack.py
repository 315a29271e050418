"""Evaluations of a single attack, and of clean images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from dat_keras.attacks import Attack
from dat_keras.evaluation.context import Evaluation, EvaluationContext
from dat_keras.evaluation.results import AttackResult, Caution


@dataclass(frozen=True)
class NoAttack(Evaluation):
    """Natural accuracy: no attack at all."""

    def __call__(self, name: str, context: EvaluationContext) -> AttackResult:
        """Returns the natural errors."""
        return AttackResult(name, repr(self), tuple(context.wrong.tolist()))


@dataclass(frozen=True)
class SingleAttack(Evaluation):
    """One attack on every image that the protocol has attacked.

    Args:
        attack: The attack; the protocol decides which iterate is judged.

    Raises:
        ValueError: If its images may lie outside of its threat model.
    """

    keeps_images: ClassVar[bool] = True

    attack: Attack

    def __post_init__(self) -> None:
        """Refuses attacks for training alone."""
        if not self.attack.stays_in_ball:
            raise ValueError(
                f"`{type(self.attack).__name__}` is for training: its images "
                "may leave the threat model, so it measures no robust "
                f"accuracy. Received: attack={self.attack}"
            )

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses what the attack does not work on."""
        self.attack.check(classes, shape)

    def __call__(self, name: str, context: EvaluationContext) -> AttackResult:
        """Returns what the attack breaks, as the protocol counts it."""
        protocol = context.protocol
        found = context.search(
            name,
            protocol.adapt(self.attack),
            protocol.attacked(context.wrong),
        )
        broken = protocol.broken(context.wrong, np.array(found.broken))
        return replace(
            found, broken=tuple(broken.tolist()), cautions=self.cautions
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader of the accuracy must know."""
        caveat = self.attack.caveat
        return (Caution("not_standard", caveat),) if caveat else ()
