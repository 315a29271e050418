"""N-FGSM: one gradient-sign step from strong noise, without projection.

x_noisy = clip(x + U(-noise eps, noise eps), 0, 1)
x_adv   = clip(x_noisy + step eps sign(grad CE(f(x_noisy), y)), 0, 1)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import tensorflow as tf

from dat_keras.attacks.base import Attack
from dat_keras.attacks.losses import AttackLoss, CrossEntropy
from dat_keras.core.gradients import input_gradient
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, Predict
from dat_keras.utils.ranges import Range


@dataclass(frozen=True)
class NoisyFGSM(Attack):
    """The single-step attack of N-FGSM, for training only.

    Its images may lie up to `(noise + step) * eps` from `x`: the noise is an
    augmentation and the step alone has the length of the threat model. So it
    is no attack of the threat model and is refused by evaluations.

    Args:
        threat_model: Its `eps` is the unit of the two lengths below.
        loss: What is maximised.
        noise: Length of the noise in units of `eps`. Default: the paper's.
        step: Length of the step in units of `eps`. Default: the paper's.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> from dat_keras.core.threat_models import Linf
    >>> def predict(x, branch=0):
    ...     return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 0]], -1)
    >>> x, y = tf.fill((1, 1, 1, 1), 0.5), tf.constant([0])
    >>> attack = NoisyFGSM(Linf(0.02), noise=0.0)
    >>> round(float(attack(predict, x, y, BatchKey.of(0, 0))[0, 0, 0, 0]), 3)
    0.48

    Reference:
        [de Jorge et al., 2022](https://arxiv.org/abs/2202.01181)
    """

    stays_in_ball: ClassVar[bool] = False

    loss: AttackLoss = CrossEntropy()
    noise: Annotated[float, Range(0.0)] = 2.0
    step: Annotated[float, Range(0.0)] = 1.0

    @property
    def is_single_step(self) -> bool:
        """It is."""
        return True

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns the noisy images after one step, clipped to the box."""
        ball = self.threat_model
        wide = replace(ball, eps=self.noise * ball.eps)
        x_noisy = wide.random_start(x, key)
        loss = self.loss.bind(predict, x, y)
        _, _, grad = input_gradient(predict, loss, x_noisy)
        x_adv = x_noisy + self.step * ball.eps * ball.steepest(grad)
        return tf.stop_gradient(tf.clip_by_value(x_adv, 0.0, 1.0))
