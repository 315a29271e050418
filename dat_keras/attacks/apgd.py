"""APGD (Auto-PGD): projected gradient ascent with an adaptive step size.

    u <- project(x + step * steepest(grad))
    x <- project(x + a (u - x) + (1 - a) (x - x_prev)),    a = 0.75

At checkpoints, the step of an image is halved and its search returns to its
best point, if its loss rose too seldom or its best loss did not change.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import tensorflow as tf

from dat_keras.attacks.base import Attack
from dat_keras.attacks.eot import mean_over_draws
from dat_keras.attacks.losses import AttackLoss, CrossEntropy
from dat_keras.attacks.starts import Start, SurfaceStart
from dat_keras.attacks.xla import xla_compiled
from dat_keras.core.gradients import input_gradient
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, Logits, PerExample, Predict
from dat_keras.utils.ranges import Range

MOMENTUM = 0.75
"""Weight `a` of the new direction; the last move has weight `1 - a`."""


class _State(NamedTuple):
    """Loop state by image; `best` is the first broken iterate, if any."""

    x_adv: Images
    previous: Images
    grad: Images
    best: Images
    best_grad: Images
    best_loss: PerExample
    alive: tf.Tensor
    step_size: tf.Tensor
    last_loss: PerExample
    rises: tf.Tensor
    checked_loss: PerExample
    halved: tf.Tensor


@dataclass(frozen=True)
class APGD(Attack):
    """Auto-PGD: needs no choice of a step size, and keeps the best point.

    Returns the first misclassified iterate where there is one, else the point
    of the largest loss. All defaults are the paper's and AutoAttack's.

    Args:
        threat_model: The set that the search must stay in.
        loss: What is maximised: `CrossEntropy`, `DLR` or `TargetedDLR`.
        steps: Number of steps.
        rho: Share of steps between two checkpoints in which the loss must
            rise for the step size to stay.
        start: The first iterate, projected if it is outside.
        draws: Passes over which logits and gradient of an iterate are
            averaged, for a classifier that draws random numbers.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> from dat_keras.core.threat_models import Linf
    >>> def predict(x, branch=0):
    ...     return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 0]], -1)
    >>> x, y = tf.fill((1, 1, 1, 1), 0.51), tf.constant([0])
    >>> x_adv = APGD(Linf(0.02), steps=5)(predict, x, y, BatchKey.of(0, 0))
    >>> round(float(x_adv[0, 0, 0, 0]), 3)
    0.49

    Reference:
        [Croce and Hein, 2020](https://arxiv.org/abs/2003.01690)
    """

    loss: AttackLoss = CrossEntropy()
    steps: Annotated[int, Range(1)] = 100
    rho: Annotated[float, Range(0.0, 1.0)] = 0.75
    start: Start = SurfaceStart()
    draws: Annotated[int, Range(1)] = 1

    def passes(self, classes: int) -> tuple[int, int]:
        """Returns forward passes and gradients of an unbroken image."""
        each = self.draws * (self.steps + 1)
        return each, each

    def in_run(self, run: int | tf.Tensor) -> APGD:
        """Returns the attack of a restart; each draws a start of its own."""
        return self

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns the broken or else the best point for each image of `x`."""
        loss = self.loss.bind(predict, x, y)
        periods = tf.constant(checkpoints(self.steps))

        move, update = xla_compiled(self._move), xla_compiled(self._update)

        mean = mean_over_draws(predict, self.draws)
        see = functools.partial(input_gradient, mean, loss)

        def climb(i: tf.Tensor, state: _State) -> tuple[tf.Tensor, _State]:
            weight = tf.where(i == 1, 1.0, MOMENTUM)
            at, previous, grad, size = *state[:3], state.step_size
            x_adv = move(at, previous, grad, size, x, weight)
            state = state._replace(x_adv=x_adv, previous=at)
            return i + 1, update(state, y, *see(x_adv), periods[i])

        start = self.start(self.threat_model, x, key)
        start = self.threat_model.contain(start, x)
        _, state = tf.while_loop(
            # Steps after all images are broken change no result.
            lambda i, s: (i <= self.steps) & tf.reduce_any(s.alive),
            climb,
            (tf.constant(1), self._begin(start, y, *see(start))),
            parallel_iterations=1,
        )
        return tf.stop_gradient(state.best)

    def _begin(
        self,
        x_adv: Images,
        y: Labels,
        logits: Logits,
        value: PerExample,
        grad: Images,
    ) -> _State:
        zeros = tf.zeros_like(value)
        size = tf.cast(2 * self.threat_model.eps, tf.float32)
        return _State(
            x_adv=x_adv,
            previous=x_adv,
            grad=grad,
            best=x_adv,
            best_grad=grad,
            best_loss=value,
            alive=_correct(logits, y),
            step_size=_wide(zeros) + size,
            # The published code compares the first loss with 0, not with the
            # start's: the last entry of a history that is still empty.
            last_loss=zeros,
            rises=zeros,
            checked_loss=value,
            halved=tf.ones_like(zeros, tf.bool),
        )

    def _move(
        self,
        at: Images,
        previous: Images,
        grad: Images,
        size: tf.Tensor,
        x: Images,
        weight: tf.Tensor,
    ) -> Images:
        """One step with momentum; after a reset it still spans that jump."""
        ball = self.threat_model
        there = ball.project(at + size * ball.steepest(grad), x)
        there = at + weight * (there - at) + (1 - weight) * (at - previous)
        return ball.project(there, x)

    def _update(
        self,
        state: _State,
        y: Labels,
        logits: Logits,
        value: PerExample,
        grad: Images,
        period: tf.Tensor,
    ) -> _State:
        """Updates the best points and, at a checkpoint, the step sizes."""
        alive = state.alive & _correct(logits, y)
        # Written so that NaN counts as better: it is returned and noticed.
        better = ~(value <= state.best_loss)
        # The first wrong iterate is kept, and nothing after it.
        new = _wide(tf.where(alive, better, state.alive))
        state = state._replace(
            grad=grad,
            best=tf.where(new, state.x_adv, state.best),
            best_grad=tf.where(new, grad, state.best_grad),
            best_loss=tf.where(better, value, state.best_loss),
            alive=alive,
            last_loss=value,
            rises=state.rises + tf.cast(value > state.last_loss, tf.float32),
        )
        return self._check(state, period)

    def _check(self, state: _State, period: tf.Tensor) -> _State:
        """Halves steps at a checkpoint; `period` is 0 where none is."""
        now = period > 0
        seldom = state.rises <= self.rho * tf.cast(period, tf.float32)
        stuck = ~state.halved & (state.checked_loss >= state.best_loss)
        halve = now & (seldom | stuck)
        wide = _wide(halve)
        return state._replace(
            x_adv=tf.where(wide, state.best, state.x_adv),
            grad=tf.where(wide, state.best_grad, state.grad),
            step_size=tf.where(wide, state.step_size / 2, state.step_size),
            rises=tf.where(now, 0.0, state.rises),
            checked_loss=tf.where(now, state.best_loss, state.checked_loss),
            halved=tf.where(now, halve, state.halved),
        )


def checkpoints(steps: int) -> list[int]:
    """Returns, by step from 0, the length of the period that ends there or 0.

    Periods begin at 22 % of the steps and shrink by 3 % down to 6 %.

    Args:
        steps: Number of steps.

    Example:
    >>> {i: k for i, k in enumerate(checkpoints(50)) if k}
    {11: 11, 21: 10, 30: 9, 38: 8, 45: 7}
    """
    # In integers, for a product like 0.29 * 100 is below 29.
    period, shrink, least = (max(p * steps // 100, 1) for p in (22, 3, 6))
    ends = [0] * (steps + 1)
    end = period
    while end <= steps:
        ends[end] = period
        period = max(period - shrink, least)
        end += period
    return ends


def _correct(logits: Logits, y: Labels) -> tf.Tensor:
    return tf.argmax(logits, -1, output_type=y.dtype) == y


def _wide(rows: tf.Tensor) -> tf.Tensor:
    """Per-example values, to be broadcast against images."""
    return rows[:, None, None, None]
