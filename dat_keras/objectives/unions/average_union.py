"""AVG: training on the mean over threat models (NeurIPS 2019).

    min_theta  1/n sum_p L(x, x'_p)
    x'_p = the base's attack in norm p

`L` is the loss of the base method.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.core.types import Labels, Network
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.objectives.unions.union_objective import UnionObjective


@dataclass(frozen=True)
class AverageUnion(UnionObjective):
    """Each image is attacked in every norm; all results are trained on.

    With three norms about three times the time of the base method, whose loss
    is computed once for each norm.

    Args:
        base: `PGDAT`, `TRADES` or `MART`. Default: `PGDAT()`.
        radii: The norms and their radii. Default: Linf, L2 and L1.

    Example:
    >>> AverageUnion().terms
    ('robust',)

    Reference:
        [Tramer and Boneh, 2019](https://arxiv.org/abs/1904.13000)
    """

    def craft(self, step: Step) -> Views:
        """Attacks in every norm; one view for each."""
        return tuple(view for base in self.bases for view in base.craft(step))

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the base's terms, averaged over the norms."""
        each = [self.base.loss(predict, (view,), y) for view in views]
        return {
            name: tf.add_n([terms[name] for terms in each]) / len(each)
            for name in self.terms
        }
