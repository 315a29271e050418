"""The interface of PGD on a union of norm balls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

from dat_keras.attacks import PGD
from dat_keras.core.threat_models import ThreatModel
from dat_keras.objectives.unions.union_of_balls import UnionOfBalls


@dataclass(frozen=True)
class UnionPGD(PGD):
    """A PGD that searches several norms.

    It takes the place of a method's `attack`. A method that changes loss,
    radius or step size of its attack (a ramp, a learned strength) so changes
    those of all norms, in proportion.

    Args:
        threat_model: A `UnionOfBalls`.
        loss: What is maximised.
        steps: Number of steps.
        step_size: That of the first norm; the others have theirs in
            proportion to their radii.
        start: The first iterate.
        keep: Which iterate is returned.
    """

    @classmethod
    def of(cls, own: PGD, balls: Sequence[ThreatModel], **more: Any) -> Self:
        """Returns the attack on a union that is as long as one in its norm.

        Args:
            own: An attack in one norm: loss, steps, start and
                `step_size / eps` stay.
            balls: The balls of the union.
            **more: Further fields of the class.
        """
        first = balls[0].eps
        fields = dict(vars(own))
        fields["step_size"] = own.step_size * (first / own.threat_model.eps)
        fields["threat_model"] = UnionOfBalls(first, tuple(balls))
        return cls(**fields, **more)

    @property
    def union(self) -> UnionOfBalls:
        """The threat model."""
        return cast(UnionOfBalls, self.threat_model)

    @property
    def members(self) -> tuple[PGD, ...]:
        """PGD in each norm."""
        return tuple(
            PGD(
                ball,
                self.loss,
                self.steps,
                self.step_size * ratio,
                self.start.scaled(ratio),
                self.keep,
            )
            for ball, ratio in zip(
                self.union.scaled, self.union.ratios, strict=True
            )
        )
