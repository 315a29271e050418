"""MAX: training on the worst threat model of each image (NeurIPS 2019).

    min_theta  L(x, x'_p*),   p* = argmax_p l(f(x'_p), y)
    x'_p = the base's attack in norm p, which climbs l

`L` is the loss of the base method, `l` what its attack maximises.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from dat_keras.core.types import Images, Labels, Network, PerExample
from dat_keras.objectives.step import Step, Terms, Views
from dat_keras.objectives.unions.union_objective import UnionObjective
from dat_keras.objectives.unions.worst import worst


@dataclass(frozen=True)
class MaxUnion(UnionObjective):
    """Each image is attacked in every norm; the worst result is trained on.

    With three norms about three times the time of the base method.

    Args:
        base: `PGDAT`, `TRADES` or `MART`. Default: `PGDAT()`.
        radii: The norms and their radii. Default: Linf, L2 and L1.

    Example:
    >>> [attack.threat_model.eps for attack in MaxUnion().attacks][1:]
    [0.5, 12.0]

    Reference:
        [Tramer and Boneh, 2019](https://arxiv.org/abs/1904.13000)
    """

    def craft(self, step: Step) -> Views:
        """Attacks in every norm, and keeps the worst of each image."""
        views = [base.craft(step)[0] for base in self.bases]
        first = views[0]
        predict = partial(step.predict, branch=first.branch)
        loss = self._own.loss.bind(predict, first.x, step.y)

        def climbed(images: Images) -> PerExample:
            return loss(predict(images))

        x_adv = worst([view.x_adv for view in views], climbed)
        return (replace(first, x_adv=x_adv),)

    def loss(self, predict: Network, views: Views, y: Labels) -> Terms:
        """Returns the terms of the base method."""
        return self.base.loss(predict, views, y)
