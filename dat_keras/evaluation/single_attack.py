"""Evaluations of one attack, or of none."""

from __future__ import annotations

from dataclasses import dataclass, replace

from dat_keras.attacks import Attack
from dat_keras.evaluation.context import Evaluation, EvaluationContext, Verdict
from dat_keras.evaluation.results import Caution


@dataclass(frozen=True)
class NoAttack(Evaluation):
    """No attack at all."""

    def __call__(self, name: str, trial: EvaluationContext) -> Verdict:
        """Returns the natural errors."""
        return Verdict(trial.wrong, repr(self))


@dataclass(frozen=True)
class SingleAttack(Evaluation):
    """One attack on every image that the protocol has attacked.

    Args:
        attack: The attack; the protocol decides which iterate is judged.
    """

    attack: Attack

    def __call__(self, name: str, trial: EvaluationContext) -> Verdict:
        """Returns what the attack breaks, judged by the protocol."""
        protocol = trial.protocol
        found = trial.search(
            name,
            protocol.adapt(self.attack),
            protocol.attacked(trial.wrong),
        )
        broken = protocol.broken(trial.wrong, found.broken)
        return replace(found, broken=broken, cautions=self.cautions)

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What a reader of the accuracy must know."""
        caveat = self.attack.caveat
        return (Caution("not_standard", caveat),) if caveat else ()
