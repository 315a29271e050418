"""APGD in L1: sparse steps, and radii that shrink to `eps`.

    x <- project(x + step * sign(top-k of grad) / k)

The search runs in balls of 3 eps, 2 eps and eps, for 30, 30 and 40 % of the
steps, each from the best point of the one before, projected. At checkpoints
k is set to two thirds of the values that the best point changes; the step
returns to the radius where these became fewer by 5 %, else it is shortened.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import tensorflow as tf

from dat_keras.attacks.base import Attack
from dat_keras.attacks.eot import mean_over_draws
from dat_keras.attacks.losses import AttackLoss, CrossEntropy
from dat_keras.core.gradients import input_gradient
from dat_keras.core.random import Key
from dat_keras.core.threat_models import L1
from dat_keras.core.types import Images, Labels, Logits, PerExample, Predict
from dat_keras.utils.ranges import Range

RADII = (3.0, 2.0, 1.0)
"""Radii of the search, in units of `eps`."""
SHARES = (0.3, 0.3)
"""Shares of the steps in all radii but the last."""
SHRINK = 1.5
"""Divisor of the step size and of the number of values that steps move."""
FEWER = 0.95
"""The step size is reset where the changed values fell below this share."""
SMALLEST = 10.0
"""The radius in units of the smallest step size."""


class _Plan(NamedTuple):
    """By iteration: radius in `eps`, whether a ball is entered or checked."""

    radius: np.ndarray
    enters: np.ndarray
    checks: np.ndarray


class _State(NamedTuple):
    """Loop state; `found` is the first misclassified iterate in the ball."""

    x_adv: Images
    grad: Images
    best: Images
    best_grad: Images
    best_loss: PerExample
    found: Images
    alive: tf.Tensor
    step_size: tf.Tensor
    density: PerExample
    changed: PerExample


@dataclass(frozen=True)
class SparseAPGD(Attack):
    """Auto-PGD for L1, as AutoAttack runs it.

    Returns the first misclassified iterate within `eps` where there is one,
    else the point of the largest loss. All defaults are AutoAttack's.

    Args:
        threat_model: The L1 ball that the returned image lies in.
        loss: What is maximised: `CrossEntropy`, `DLR` or `TargetedDLR`.
        steps: Number of steps in all three balls, at least 3.
        draws: Passes over which logits and gradient of an iterate are
            averaged, for a classifier that draws random numbers.

    Raises:
        ValueError: If the threat model is another than `L1`.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> def predict(x, branch=0):
    ...     return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 0]], -1)
    >>> x, y = tf.fill((1, 1, 1, 1), 0.51), tf.constant([0])
    >>> attack = SparseAPGD(L1(0.02), steps=5)
    >>> round(float(attack(predict, x, y, BatchKey.of(0, 0))[0, 0, 0, 0]), 3)
    0.49

    Reference:
        [Croce and Hein, 2021](https://arxiv.org/abs/2103.01208)
    """

    loss: AttackLoss = CrossEntropy()
    steps: Annotated[int, Range(3)] = 100
    draws: Annotated[int, Range(1)] = 1

    def __post_init__(self) -> None:
        """Refuses other balls."""
        super().__post_init__()
        if not isinstance(self.threat_model, L1):
            raise ValueError(
                "`threat_model` must be an `L1`; use `APGD` for other norms. "
                f"Received: {self.threat_model}"
            )

    def passes(self, classes: int) -> tuple[int, int]:
        """Returns forward passes and gradients of an unbroken image."""
        each = self.draws * (self.steps + len(RADII))
        return each, each

    def in_run(self, run: int | tf.Tensor) -> SparseAPGD:
        """Returns the attack of a restart; each draws a start of its own."""
        return self

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns the broken or else the best point for each image of `x`."""
        loss = self.loss.bind(predict, x, y)
        mean = mean_over_draws(predict, self.draws)
        see = functools.partial(input_gradient, mean, loss)
        plan = _Plan(*map(tf.constant, schedule(self.steps)))

        def climb(i: tf.Tensor, state: _State) -> tuple[tf.Tensor, _State]:
            ball = L1(self.threat_model.eps * plan.radius[i])
            enters, checks = plan.enters[i], plan.checks[i]
            x_adv = tf.where(
                enters, ball.project(state.best, x), self._step(state, x, ball)
            )
            logits, value, grad = see(x_adv)
            in_ball = plan.radius[i] <= RADII[-1]
            wrong = in_ball & ~_correct(logits, y)
            # Written so that NaN counts as better: it is returned and noticed.
            better = enters | ~(value <= state.best_loss)
            first = _wide(wrong & state.alive)
            state = state._replace(
                x_adv=x_adv,
                grad=grad,
                best=tf.where(_wide(better), x_adv, state.best),
                best_grad=tf.where(_wide(better), grad, state.best_grad),
                best_loss=tf.where(better, value, state.best_loss),
                found=tf.where(first, x_adv, state.found),
                alive=state.alive & ~wrong,
            )
            state = _entered(state, x, ball, enters)
            return i + 1, _checked(state, x, ball, checks)

        zeros = tf.zeros_like(x[:, 0, 0, 0])
        start = x + key.normal(tf.shape(x))
        start = tf.ensure_shape(start, x.shape)
        begin = _State(
            *(start, tf.zeros_like(x), start, tf.zeros_like(x), zeros, x),
            tf.ones_like(zeros, tf.bool),
            *(_wide(zeros), zeros, zeros),
        )
        _, state = tf.while_loop(
            lambda i, s: (i < self.steps + len(RADII)) & tf.reduce_any(s.alive),
            climb,
            (tf.constant(0), begin),
            parallel_iterations=1,
        )
        broken = tf.where(_wide(state.alive), state.best, state.found)
        return tf.stop_gradient(broken)

    def _step(self, state: _State, x: Images, ball: L1) -> Images:
        """Returns the projected iterate after one sparse step."""
        moves = sparse_signs(state.grad, state.density)
        return ball.project(state.x_adv + state.step_size * moves, x)


def sparse_signs(grad: Images, density: PerExample) -> Images:
    """Returns the signs of the largest entries, with an L1 norm of 1.

    Args:
        grad: Gradients, shape `(B, H, W, C)`.
        density: Share of the entries that are kept, shape `(B,)`.

    Example:
    >>> grad = tf.constant([3.0, -2.0, 1.0, 0.5], shape=(1, 1, 4, 1))
    >>> sparse_signs(grad, tf.constant([0.5])).numpy().ravel()
    array([ 0.5, -0.5,  0. ,  0. ], dtype=float32)
    """
    flat = tf.abs(tf.reshape(grad, (tf.shape(grad)[0], -1)))
    size = tf.cast(tf.shape(flat)[1], tf.float32)
    place = tf.clip_by_value((1.0 - density) * size, 0.0, size - 1.0)
    place = tf.cast(place, tf.int32)
    least = tf.gather(tf.sort(flat, axis=-1), place, axis=1, batch_dims=1)
    signs = tf.where(tf.abs(grad) >= _wide(least), tf.sign(grad), 0.0)
    return signs / (L1(1.0).distance(signs, 0.0)[:, None, None, None] + 1e-10)


def schedule(steps: int) -> _Plan:
    """Returns the radius of each iteration, and where balls are entered.

    Entering a ball is an iteration of its own, without a step.

    Args:
        steps: Number of steps, at least 3.

    Example:
    >>> plan = schedule(10)
    >>> plan.radius.astype(int).tolist()
    [3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1, 1]
    """
    # In percent, for 0.3 * 10 is not 3.
    counts = [math.ceil(round(100 * share) * steps / 100) for share in SHARES]
    counts.append(steps - sum(counts))
    radius, enters, checks = [], [], []
    for each, count in zip(RADII, counts, strict=True):
        period = max(4 * count // 100, 1)
        radius += [each] * (count + 1)
        enters += [True] + [False] * count
        checks += [False] + [i % period == 0 for i in range(1, count + 1)]
    return _Plan(np.array(radius, "f"), np.array(enters), np.array(checks))


def _entered(state: _State, x: Images, ball: L1, enters: tf.Tensor) -> _State:
    """Resets step size and density where a ball is entered."""
    changed, size = _changed(state.x_adv, x)
    radius = tf.zeros_like(state.step_size) + ball.eps
    return state._replace(
        step_size=tf.where(enters, radius, state.step_size),
        density=tf.where(enters, changed / size / SHRINK, state.density),
        changed=tf.where(enters, changed, state.changed),
    )


def _checked(state: _State, x: Images, ball: L1, checks: tf.Tensor) -> _State:
    """Adapts step size and density at a checkpoint."""
    changed, size = _changed(state.best, x)
    fewer = changed < FEWER * state.changed
    shorter = tf.maximum(state.step_size / SHRINK, ball.eps / SMALLEST)
    step = tf.where(_wide(fewer), tf.zeros_like(shorter) + ball.eps, shorter)
    back = _wide(checks & fewer)
    return state._replace(
        x_adv=tf.where(back, state.best, state.x_adv),
        grad=tf.where(back, state.best_grad, state.grad),
        step_size=tf.where(checks, step, state.step_size),
        density=tf.where(checks, changed / size / SHRINK, state.density),
        changed=tf.where(checks, changed, state.changed),
    )


def _changed(x_adv: Images, x: Images) -> tuple[PerExample, tf.Tensor]:
    """Number of values that differ, and of all."""
    differs = tf.cast(tf.not_equal(x_adv, x), tf.float32)
    total = tf.cast(tf.reduce_prod(tf.shape(x)[1:]), tf.float32)
    return tf.reduce_sum(differs, axis=[1, 2, 3]), total


def _correct(logits: Logits, y: Labels) -> tf.Tensor:
    return tf.argmax(logits, -1, output_type=y.dtype) == y


def _wide(rows: tf.Tensor) -> tf.Tensor:
    """Per-example values, to be broadcast against images."""
    return rows[:, None, None, None]
