"""The interface of training on a union of threat models.

    S = S_linf | S_l2 | S_l1,   S_p = {x' in [0, 1] : ||x' - x||_p <= eps_p}

A base method of one threat model says what is climbed and what is descended;
its attack is run in each norm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import keras

from dat_keras.attacks import PGD, Attack
from dat_keras.core.threat_models import L1, L2, Linf, ThreatModel
from dat_keras.objectives.base import Objective
from dat_keras.objectives.pgd_at import PGDAT
from dat_keras.objectives.unions.refused_bases import reason_against
from dat_keras.objectives.unions.union_attack import UnionPGD
from dat_keras.utils.ranges import Range, RangeChecked


@dataclass(frozen=True)
class Radii(RangeChecked):
    """The radius of each norm of a union; `None` leaves a norm out.

    Args:
        linf_eps: Radius of Linf, in pixel units of `[0, 1]`. Default 8/255.
        l2_eps: Radius of L2. Default 0.5.
        l1_eps: Radius of L1. Default 12. All three are those of Croce and
            Hein (2022) for CIFAR-10.

    Raises:
        ValueError: If a radius is out of range, or every norm is left out.

    Example:
    >>> Radii(l2_eps=None).threat_models
    (Linf(eps=0.03137254901960784), L1(eps=12.0))

    Reference:
        [Croce and Hein, 2022](https://arxiv.org/abs/2105.12508)
    """

    linf_eps: Annotated[float | None, Range(0.0, above=True)] = 8 / 255
    l2_eps: Annotated[float | None, Range(0.0, above=True)] = 0.5
    l1_eps: Annotated[float | None, Range(0.0, above=True)] = 12.0

    def __post_init__(self) -> None:
        """Refuses radii out of range, and a union of nothing."""
        super().__post_init__()
        if not self.threat_models:
            raise ValueError("A union must have a norm. Received: none")

    @property
    def threat_models(self) -> tuple[ThreatModel, ...]:
        """The threat models of the union, Linf first."""
        radii = (Linf, self.linf_eps), (L2, self.l2_eps), (L1, self.l1_eps)
        return tuple(ball(eps) for ball, eps in radii if eps is not None)


@dataclass(frozen=True)
class UnionObjective(Objective):
    """A method that trains its base on several threat models.

    In each norm the base's attack is as long, in units of the radius, as in
    its own: loss, number of steps, start and `step_size / eps` stay. Where the
    union is the base's own threat model alone, the base is left.

    Args:
        base: A method whose `attack` is a `PGD`.
        radii: The norms and their radii.

    Raises:
        ValueError: If the base has another attack or none, or cannot be
            trained on a union in this way.
    """

    base: Objective = PGDAT()
    radii: Radii = Radii()
    in_each_norm: ClassVar[bool] = False
    """Whether the base is run in one norm at a time, and so may read the
    threat model of its attack."""

    def __post_init__(self) -> None:
        """Refuses other bases."""
        super().__post_init__()
        attack = getattr(self.base, "attack", None)
        name = type(self.base).__name__
        if type(attack) is not PGD:
            raise ValueError(
                "`base` must be a method whose `attack` is a `PGD`. Received: "
                f"{name} with {type(attack).__name__ if attack else 'none'}"
            )
        reason = reason_against(self.base, self.in_each_norm)
        if reason:
            raise ValueError(
                f"`base` of `{type(self).__name__}` cannot be `{name}`: "
                f"{reason}"
            )
        if not self._own.threat_model.eps > 0.0:
            raise ValueError(
                "`base.attack.threat_model.eps` must be above 0, the unit of "
                f"its step. Received: {self._own.threat_model.eps}"
            )

    @property
    def terms(self) -> tuple[str, ...]:  # type: ignore[override]
        """The terms of the base method."""
        return self.base.terms

    @property
    def selects_by(self) -> tuple[str, ...]:  # type: ignore[override]
        """The base's validation metrics that pick the best checkpoint."""
        return self.base.selects_by

    @property
    def weights_examples(self) -> bool:  # type: ignore[override]
        """Whether the base's terms are means over examples."""
        return self.base.weights_examples

    @property
    def measures(self) -> tuple[str, ...]:
        """What the base logs beside its loss."""
        return self.base.measures

    @property
    def branches(self) -> int:
        """Number of BatchNorm branches that the base trains."""
        return self.base.branches

    @property
    def needs_run_length(self) -> bool:
        """Whether a step of the base reads the share of the run done."""
        return self.base.needs_run_length

    @property
    def ascent_updates_statistics(self) -> bool:
        """Whether passes of the base's learned adversary move statistics."""
        return self.base.ascent_updates_statistics

    @property
    def single_step(self) -> Attack | None:
        """The base method's attack, if it has a single step."""
        return self.base.single_step

    def prepared(
        self, batch_size: int, load: Callable[[str], keras.Model]
    ) -> Objective:
        """Returns the method with its base prepared for a run."""
        return replace(self, base=self.base.prepared(batch_size, load))

    def without_attack(self) -> Objective:
        """Returns the method whose base has an attack of no steps."""
        return replace(self, base=self.base.without_attack())

    @property
    def attacks(self) -> tuple[PGD, ...]:
        """The base's attack in each norm."""
        return UnionPGD.of(self._own, self.radii.threat_models).members

    @property
    def bases(self) -> tuple[Objective, ...]:
        """The base with its attack in each norm."""
        return tuple(self.base.with_attack(attack) for attack in self.attacks)

    @property
    def _own(self) -> PGD:
        return self.base.attack  # type: ignore[attr-defined]


def method_of(objective: Objective) -> Objective:
    """Returns the method of one threat model that a union trains.

    Args:
        objective: Any training method; one that is no union is returned.

    Example:
    >>> method_of(PGDAT()).terms
    ('robust',)
    """
    return (
        objective.base if isinstance(objective, UnionObjective) else objective
    )
