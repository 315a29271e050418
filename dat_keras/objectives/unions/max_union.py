"""MAX: training on the worst threat model of each image (NeurIPS 2019).

    min_theta  L(x, x'_p*),   p* = argmax_p l(f(x'_p), y)
    x'_p = the base's attack in norm p, which climbs l

`L` is the loss of the base method, `l` what its attack maximises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, PerExample, Predict
from dat_keras.objectives.unions.one_attack import OneAttack
from dat_keras.objectives.unions.union_attack import UnionPGD
from dat_keras.objectives.unions.worst import worst


@dataclass(frozen=True)
class WorstOfNorms(UnionPGD):
    """PGD in every norm; of each image the result of the largest loss.

    Args:
        threat_model: A `UnionOfBalls`.
        loss: What is maximised, in each norm and over them.
        steps: Number of steps in each norm.
        step_size: That of the first norm; the others in proportion.
        start: The first iterate.
        keep: Which iterate is returned.

    Example:
    >>> from dat_keras.attacks import PGD
    >>> from dat_keras.core.threat_models import L2, Linf
    >>> own = PGD(Linf(0.1), step_size=0.02)
    >>> attack = WorstOfNorms.of(own, (Linf(0.1), L2(0.5)))
    >>> [round(each.step_size, 3) for each in attack.members]
    [0.02, 0.1]

    Reference:
        [Tramer and Boneh, 2019](https://arxiv.org/abs/1904.13000)
    """

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns of each image the worst of the norms."""
        loss = self.loss.bind(predict, x, y)

        def climbed(images: Images) -> PerExample:
            return loss(predict(images))

        attacked = [each(predict, x, y, key) for each in self.members]
        return tf.stop_gradient(worst(attacked, climbed))


@dataclass(frozen=True)
class MaxUnion(OneAttack):
    """Each image is attacked in every norm; the worst result is trained on.

    With three norms about three times the time of the base's attacks. Views
    of an image, such as DAT's two, have each their own worst norm.

    Args:
        base: A method whose `attack` is a `PGD`. Default: `PGDAT()`.
        radii: The norms and their radii. Default: Linf, L2 and L1.

    Example:
    >>> [attack.threat_model.eps for attack in MaxUnion().attacks][1:]
    [0.5, 12.0]

    Reference:
        [Tramer and Boneh, 2019](https://arxiv.org/abs/1904.13000)
    """

    attack_type: ClassVar[type[UnionPGD]] = WorstOfNorms
