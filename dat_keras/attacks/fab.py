"""FAB: a search for the nearest misclassified image (minimum-norm attack).

    d, d0 <- moves of x and of the clean x0 onto the boundary of a class
    x <- (1 - alpha) (x + eta d) + alpha (x0 + eta d0)
    if misclassified:  x <- x0 + beta (x - x0)

`alpha` grows with the length of `d`, which keeps the iterate near `x0`. The
first run is deterministic; restarts begin at random points near `x0`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import tensorflow as tf

from dat_keras.attacks.boundaries import Boundary, TargetedMargin
from dat_keras.attacks.minimum_norm import (
    NOT_FOUND,
    MinimumNormAttack,
    wide,
    with_lost,
)
from dat_keras.attacks.projection import to_hyperplane
from dat_keras.attacks.starts import CleanStart, Start, SurfaceStart
from dat_keras.attacks.xla import xla_compiled
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, PerExample, Predict
from dat_keras.utils.ranges import Range

_State = tuple[tf.Tensor, Images, Images, PerExample]

RESTART = 0.5
"""How far from the clean image later runs begin, in units of `eps`."""


@dataclass(frozen=True)
class FAB(MinimumNormAttack):
    """Fast adaptive boundary attack, towards one class or the nearest.

    Returns an image within `eps` where one is found, else the clean image.
    All defaults are AutoAttack's.

    Args:
        threat_model: The set that an image must lie in to count.
        loss: The boundary that is aimed at: `TargetedMargin` or
            `NearestMargin`.
        steps: Number of steps.
        alpha_max: Largest weight of the clean image's own move.
        eta: Overshoot of the moves.
        beta: Share of the distance that is kept after a success.
        start: The first iterate.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> from dat_keras.core.threat_models import Linf
    >>> def predict(x, branch=0):
    ...     return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 0]], -1)
    >>> x, y = tf.fill((1, 1, 1, 1), 0.51), tf.constant([0])
    >>> x_adv = FAB(Linf(0.02))(predict, x, y, BatchKey.of(0, 0))
    >>> round(float(x_adv[0, 0, 0, 0]), 4)
    0.4995

    Reference:
        [Croce and Hein, 2020](https://arxiv.org/abs/1907.02044)
    """

    loss: Boundary = TargetedMargin()
    steps: Annotated[int, Range(1)] = 100
    alpha_max: Annotated[float, Range(0.0, 1.0)] = 0.1
    eta: Annotated[float, Range(1.0)] = 1.05
    beta: Annotated[float, Range(0.0, 1.0)] = 0.9
    start: Start = CleanStart()

    def passes(self, classes: int) -> tuple[int, int]:
        """Returns forward passes and gradients of an unbroken image."""
        return 2 * self.steps, self.loss.gradients(classes) * self.steps

    def check(self, classes: int, shape: tuple[int, int, int]) -> None:
        """Refuses more classes than the boundary is made for."""
        self.loss.gradients(classes)

    def in_run(self, run: int | tf.Tensor) -> FAB:
        """Returns the attack of a run; all but the first start near `x`."""
        share = RESTART * tf.cast(run > 0, tf.float32)
        return replace(self, start=SurfaceStart(share))

    def nearest(
        self,
        predict: Predict,
        x: Images,
        y: Labels,
        key: Key,
        enough: float | tf.Tensor = 0.0,
    ) -> tuple[Images, PerExample]:
        """Searches from the start that the attack is given; see `closest`."""
        start = self.start(self.threat_model, x, key)
        start = tf.clip_by_value(start, 0.0, 1.0)
        return self.closest(predict, x, y, enough, start)

    def closest(
        self,
        predict: Predict,
        x: Images,
        y: Labels,
        enough: float | tf.Tensor = 0.0,
        start: Images | None = None,
    ) -> tuple[Images, PerExample]:
        """Searches the nearest misclassified image, however far it is.

        Args:
            predict: The classifier.
            x: Clean images.
            y: Labels.
            enough: Distance within which an image need not come nearer.
            start: The first iterates. Default: the clean images.

        Returns:
            The images, and their distances in the norm of the threat model;
            `x` and 1e10 where none was found.
        """
        plane = self.loss.plane(predict, x, y, self.threat_model)
        combine = xla_compiled(self._combine)
        settle = xla_compiled(self._settle)

        first = x if start is None else start

        def approach(
            i: tf.Tensor, x_adv: Images, found: Images, least: PerExample
        ) -> _State:
            x_adv = combine(x_adv, x, *plane(x_adv))
            wrong = tf.argmax(predict(x_adv), -1, output_type=y.dtype) != y
            near = (found, least, enough)
            return i + 1, *settle(x_adv, x, wrong, *near)

        enough = tf.cast(enough, tf.float32)
        _, x_adv, found, least = tf.while_loop(
            lambda i, *state: (
                (i < self.steps) & tf.reduce_any(state[-1] > enough)
            ),
            approach,
            (0, first, x, tf.fill(tf.shape(x)[:1], NOT_FOUND)),
            parallel_iterations=1,
        )
        return with_lost(x_adv, found, least)

    def _combine(
        self, x_adv: Images, x: Images, ahead: PerExample, grad: Images
    ) -> Images:
        """Moves iterate and clean image to the plane; weighs both points."""
        both = tf.concat([x_adv, x], axis=0)
        # The plane seen from x, without differences of large products.
        behind = tf.reduce_sum(grad * (x - x_adv), axis=[1, 2, 3])
        moves = to_hyperplane(
            type(self.threat_model),
            both,
            tf.concat([grad, grad], axis=0),
            tf.concat([ahead, ahead + behind], axis=0),
        )
        lengths = self.threat_model.distance(moves, tf.zeros_like(moves))
        own, clean = tf.split(tf.maximum(lengths, 1e-8), 2)
        alpha = wide(tf.minimum(own / (own + clean), self.alpha_max))
        ends, clean_ends = tf.split(both + self.eta * moves, 2)
        mixed = (1 - alpha) * ends + alpha * clean_ends
        return tf.clip_by_value(mixed, 0.0, 1.0)

    def _settle(
        self,
        x_adv: Images,
        x: Images,
        wrong: tf.Tensor,
        found: Images,
        least: PerExample,
        enough: tf.Tensor,
    ) -> tuple[Images, Images, PerExample]:
        """Stores misclassified iterates, and moves them back towards `x`."""
        distance = self.threat_model.distance(x_adv, x)
        # Once near enough, an image is done.
        nearer = wrong & (distance < least) & (least > enough)
        found = tf.where(wide(nearer), x_adv, found)
        least = tf.where(nearer, distance, least)
        back = x + self.beta * (x_adv - x)
        return tf.where(wide(wrong), back, x_adv), found, least
