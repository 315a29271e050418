"""Unions by an attack: the base calls one attack that searches all norms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.types import Labels, Network
from dat_keras.objectives.base import Objective
from dat_keras.objectives.step import Adversary, Step, Terms, Views
from dat_keras.objectives.unions.union_attack import UnionPGD
from dat_keras.objectives.unions.union_objective import UnionObjective


@dataclass(frozen=True)
class OneAttack(UnionObjective):
    """The base method with another attack; everything else is the base's.

    So any number of views is attacked on the union, each for itself, and a
    learned adversary such as DAT's generator plays as in the base.

    Args:
        base: The method.
        radii: The norms and their radii.
    """

    attack_type: ClassVar[type[UnionPGD]]
    """The attack on the union."""

    @property
    def attack_on_union(self) -> UnionPGD:
        """The attack that takes the place of the base's."""
        return self.attack_type.of(self._own, self.radii.threat_models)

    @property
    def united(self) -> Objective:
        """The base with the attack on the union."""
        attack = self.attack_on_union
        return self.base.with_attack(attack)

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the base's learned adversary."""
        return self.united.build_adversary(spec)

    def craft(self, step: Step) -> Views:
        """Attacks the base's images on the union."""
        return self.united.craft(step)

    def measure(self, step: Step, views: Views) -> Terms:
        """Returns the base's scalars."""
        return self.united.measure(step, views)

    def attach(self, step: Step, views: Views) -> Views:
        """Returns the views as functions of the base's learned adversary."""
        return self.united.attach(step, views)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the terms of the base method."""
        return self.united.loss(predict, views, y)

    def perturbation_loss(
        self, predict: Network, views: Views, y: Labels
    ) -> Terms:
        """Returns the base's terms that AWP's weights climb."""
        return self.united.perturbation_loss(predict, views, y)

    def ascent_loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the base's terms that its learned adversary raises."""
        return self.united.ascent_loss(predict, views, y)
