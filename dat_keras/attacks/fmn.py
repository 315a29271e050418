"""FMN: the fast minimum-norm attack, descent on a ball of adaptive radius.

    L = z_y - max_{j != y} z_j, negative where misclassified
    never misclassified so far:  eps <- 1.001 (||d|| + L / ||grad L||_*)
    misclassified before only:   eps <- (1 + gamma) eps
    misclassified:               eps <- min((1 - gamma) eps, ||d_best||)
    d <- project(d - alpha grad L / ||grad L||_2), onto ball of eps and box

`d_best` is the smallest change so far that is misclassified. `alpha` and
`gamma` fall by half a cosine, from their first values at step 0 towards the
last ones, which a step behind the search would have, as in the authors' code
(adversarial-library). The paper has no factor 1.001: with it, rounding cannot
hold an iterate in front of a boundary that is flat.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.attacks.boundaries import plane_distance
from dat_keras.attacks.minimum_norm import (
    NOT_FOUND,
    MinimumNormAttack,
    wide,
    with_lost,
)
from dat_keras.core.gradients import input_gradient
from dat_keras.core.random import Key
from dat_keras.core.threat_models import L2
from dat_keras.core.types import Images, Labels, PerExample, Predict
from dat_keras.losses import margin
from dat_keras.utils.ranges import Range

Seen = tuple[tf.Tensor, PerExample, Images]
"""Whether iterates are misclassified, `(B,)`, their margins, and gradients."""

State = tuple[Images, PerExample, Images, PerExample]
"""Iterates, radii, the nearest misclassified images and their distances."""

LAST_SHARE = 0.01
"""Last step size, in units of the first: that of the authors' code."""
OVERSHOOT = 1.001
"""Factor on the radius that a linear classifier would need."""
LAST_GAMMA = 1e-3
"""Last relative change of the radius: that of the authors' code."""


@dataclass(frozen=True)
class FMN(MinimumNormAttack):
    """Fast minimum-norm attack, untargeted, in Linf, L2 and L1.

    It draws nothing: it starts at the clean image. A step takes one forward
    pass and one gradient, whatever the number of classes.

    Args:
        threat_model: Its norm is minimised; as an `Attack`, images within it
            are returned.
        steps: Number of steps. Default: as many as FAB; the paper takes 1000.
        step_size: First step size, the Euclidean length of a step before it
            is projected. Default: that of the authors' code.
        gamma: First relative change of the radius. Default: likewise.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> from dat_keras.core.threat_models import Linf
    >>> def predict(x, branch=0):
    ...     return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 0]], -1)
    >>> x, y = tf.fill((1, 1, 1, 1), 0.51), tf.constant([0])
    >>> _, distance = FMN(Linf(0.1)).nearest(predict, x, y, BatchKey.of(0, 0))
    >>> round(float(distance[0]), 3)
    0.01

    Reference:
        [Pintor et al., 2021](https://arxiv.org/abs/2102.12827)
    """

    steps: Annotated[int, Range(1)] = 100
    step_size: Annotated[float, Range(0.0, above=True)] = 1.0
    gamma: Annotated[float, Range(0.0, 1.0)] = 0.05

    def nearest(
        self,
        predict: Predict,
        x: Images,
        y: Labels,
        key: Key,
        enough: float | tf.Tensor = 0.0,
    ) -> tuple[Images, PerExample]:
        """Returns the nearest misclassified images that steps came to."""
        enough = tf.cast(enough, tf.float32)

        def step(i: tf.Tensor, *state: tf.Tensor) -> tuple[tf.Tensor, ...]:
            logits, gap, grad = input_gradient(
                predict, lambda z: margin(z, y), state[0]
            )
            wrong = tf.argmax(logits, -1, output_type=y.dtype) != y
            return i + 1, *self.advance(i, x, (wrong, gap, grad), state)

        rows = tf.zeros(tf.shape(x)[:1])
        _, x_adv, _, found, least = tf.while_loop(
            lambda i, *state: (
                (i < self.steps) & tf.reduce_any(state[-1] > enough)
            ),
            step,
            (0, x, rows, x, rows + NOT_FOUND),
            parallel_iterations=1,
        )
        return with_lost(x_adv, found, least)

    def advance(
        self, i: int | tf.Tensor, x: Images, seen: Seen, state: State
    ) -> State:
        """Returns the state after one step.

        Args:
            i: Number of the step, from 0.
            x: Clean images.
            seen: What the classifier says of the iterates.
            state: The state before.
        """
        (wrong, gap, grad), (x_adv, radius, found, least) = seen, state
        distance = self.threat_model.distance(x_adv, x)
        nearer = wrong & (distance < least)
        found = tf.where(wide(nearer), x_adv, found)
        least = tf.where(nearer, distance, least)
        gamma = self._annealed(i, self.gamma, LAST_GAMMA)
        ahead = distance + plane_distance(gap, grad, self.threat_model)
        ahead *= OVERSHOOT
        grown = tf.where(least < NOT_FOUND, (1.0 + gamma) * radius, ahead)
        shrunk = tf.minimum((1.0 - gamma) * radius, least)
        radius = tf.where(wrong, shrunk, grown)
        alpha = self.step_size * self._annealed(i, 1.0, LAST_SHARE)
        ball = type(self.threat_model)(wide(radius))
        moved = ball.project(x_adv - alpha * L2(0.0).steepest(grad), x)
        # Zero, or NaN where the gradient is: a projection may hide it.
        moved += tf.where(tf.math.is_finite(grad), 0.0, grad)
        return moved, radius, found, least

    def _annealed(
        self, i: int | tf.Tensor, first: float, last: float
    ) -> tf.Tensor:
        """The value of step `i`, from `first` at step 0 on."""
        share = tf.cast(i, tf.float32) / self.steps
        return last + (first - last) * (1.0 + tf.cos(math.pi * share)) / 2.0
