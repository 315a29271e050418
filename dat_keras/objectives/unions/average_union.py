"""AVG: training on the mean over threat models (NeurIPS 2019).

    min_theta  1/n sum_p L(x, x'_p)
    x'_p = the base's attack in norm p

`L` is the loss of the base method.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from dat_keras.classifiers.spec import ClassifierSpec
from dat_keras.core.types import Labels, Network
from dat_keras.objectives.base import Objective
from dat_keras.objectives.step import Adversary, Step, Terms, Views
from dat_keras.objectives.unions.union_objective import UnionObjective


@dataclass(frozen=True)
class AverageUnion(UnionObjective):
    """Each image is attacked in every norm; all results are trained on.

    The base makes its views once for each norm, with the same draws. With
    three norms about three times the time of the base method, whose loss is
    computed once for each norm.

    Args:
        base: A method whose `attack` is a `PGD`. Default: `PGDAT()`.
        radii: The norms and their radii. Default: Linf, L2 and L1.

    Example:
    >>> AverageUnion().terms
    ('robust',)

    Reference:
        [Tramer and Boneh, 2019](https://arxiv.org/abs/1904.13000)
    """

    in_each_norm: ClassVar[bool] = True

    def build_adversary(self, spec: ClassifierSpec) -> Adversary:
        """Returns the base's learned adversary, one for all norms."""
        return self.base.build_adversary(spec)

    def craft(self, step: Step) -> Views:
        """Makes the base's views in every norm, one norm after the other."""
        return tuple(view for base in self.bases for view in base.craft(step))

    def measure(self, step: Step, views: Views) -> Terms:
        """Returns the base's scalars, of the views of the first norm."""
        base, group = self._groups(views)[0]
        return base.measure(step, group)

    def attach(self, step: Step, views: Views) -> Views:
        """Returns the views as functions of the base's learned adversary."""
        return tuple(
            view
            for base, group in self._groups(views)
            for view in base.attach(step, group)
        )

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the base's terms, averaged over the norms."""
        return _mean(
            base.loss(predict, group, y) for base, group in self._groups(views)
        )

    def perturbation_loss(
        self, predict: Network, views: Views, y: Labels
    ) -> Terms:
        """Returns the base's terms of AWP, averaged over the norms."""
        return _mean(
            base.perturbation_loss(predict, group, y)
            for base, group in self._groups(views)
        )

    def ascent_loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the learned adversary's terms, averaged over the norms."""
        return _mean(
            base.ascent_loss(predict, group, y)
            for base, group in self._groups(views)
        )

    def _groups(self, views: Views) -> list[tuple[Objective, Views]]:
        """The base in each norm with its views."""
        bases = self.bases
        size = len(views) // len(bases)
        return [
            (base, views[i * size : (i + 1) * size])
            for i, base in enumerate(bases)
        ]


def _mean(of_norms: Iterable[Terms]) -> Terms:
    each = list(of_norms)
    return {
        name: tf.add_n([terms[name] for terms in each]) / len(each)
        for name in each[0]
    }
