"""PGD: projected gradient descent (Madry et al., ICLR 2018).

    x_adv <- project(x_adv + step_size * steepest(grad loss(f(x_adv))))

FGSM, C&W-inf and the attacks inside TRADES and DAT are this loop with other
losses, starts and numbers of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.attacks.base import Attack
from dat_keras.attacks.losses import AttackLoss, CrossEntropy
from dat_keras.attacks.returned_iterate import Keep, KeepLast, Kept
from dat_keras.attacks.starts import RandomStart, Start
from dat_keras.core.gradients import input_gradient
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, PerExample, Predict
from dat_keras.utils.ranges import Range


@dataclass(frozen=True)
class PGD(Attack):
    """Projected gradient ascent on a loss, inside a threat model.

    Args:
        threat_model: The set that the search must stay in.
        loss: What is maximised.
        steps: Number of steps, a number or an integer tensor.
        step_size: Length of a step in the norm, in pixel units of `[0, 1]`.
            Default 2/255, the usual step for eps 8/255.
        start: The first iterate. One outside of the threat model stays there
            where `keep` cannot return it, and is projected where it can.
        keep: Which iterate is returned.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> from dat_keras.core.threat_models import Linf
    >>> def predict(x, branch=0):
    ...     return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 0]], -1)
    >>> x, y = tf.fill((1, 1, 1, 1), 0.51), tf.constant([0])
    >>> attack = PGD(Linf(0.02), steps=5, step_size=0.01)
    >>> round(float(attack(predict, x, y, BatchKey.of(0, 0))[0, 0, 0, 0]), 3)
    0.49

    Reference:
        [Madry et al., 2018](https://arxiv.org/abs/1706.06083)
    """

    loss: AttackLoss = CrossEntropy()
    steps: Annotated[int | tf.Tensor, Range(1)] = 10
    step_size: Annotated[float | tf.Tensor, Range(0.0)] = 2 / 255
    start: Start = RandomStart()
    keep: Keep = KeepLast()

    @property
    def is_single_step(self) -> bool:
        """Whether the number of steps is one."""
        return isinstance(self.steps, int) and self.steps == 1

    def first_iterate(self, x: Images, key: Key) -> Images:
        """Returns the image that the first step is taken from."""
        return self.start(self.threat_model, x, key)

    def advance(
        self,
        grad: Images,
        x_adv: Images,
        x: Images,
        climbed: Callable[[Images], PerExample],
    ) -> Images:
        """Returns the next iterate: a step, projected.

        Args:
            grad: Gradient of the loss at `x_adv`.
            x_adv: The iterate.
            x: Clean images.
            climbed: The loss of images, per example; a pass each.
        """
        direction = self.threat_model.step_direction(grad, x_adv, x)
        return self.threat_model.project(x_adv + self.step_size * direction, x)

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns the chosen iterate for each image of `x`."""
        loss = self.loss.bind(predict, x, y)

        def climbed(images: Images) -> PerExample:
            return loss(predict(images))

        def climb(
            i: tf.Tensor, x_adv: Images, kept: Kept
        ) -> tuple[tf.Tensor, Images, Kept]:
            logits, _, grad = input_gradient(predict, loss, x_adv)
            kept = self.keep.visit(kept, x_adv, logits, y)
            return i + 1, self.advance(grad, x_adv, x, climbed), kept

        start = self.first_iterate(x, key)
        if self.keep.may_return_start:
            start = self.threat_model.contain(start, x)
        state = (0, start, self.keep.begin(x))
        _, x_adv, kept = tf.while_loop(
            lambda i, *_: i < self.steps, climb, state, parallel_iterations=1
        )
        # A start outside the box may be chosen, or there may be no step.
        chosen = tf.clip_by_value(self.keep.choose(kept, x_adv), 0.0, 1.0)
        return tf.stop_gradient(chosen)
