"""How DAT's `x_hat'` depends on `x_hat`: rules for the generator's gradient.

The last iterate `u` before its projection is held fixed. In Linf a pixel then
follows `x_hat` or does not. In L2, where `u` is outside the ball,

    x_hat' = clip(x_hat + s (u - x_hat), 0, 1),  s = eps / ||u - x_hat||
    d x_hat' / d x_hat = (1 - s) I + s n n^T,    n = s (u - x_hat) / eps

and 0 at clipped pixels, and everywhere if `u` is inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import tensorflow as tf

from dat_keras.attacks import PGD, KeepLast
from dat_keras.core.gradients import input_gradient
from dat_keras.core.threat_models import L2, ThreatModel
from dat_keras.core.types import Images
from dat_keras.objectives.step import Step

ADV_GRADIENTS: dict[str, Callable[[Images, Images, float], tf.Tensor]] = {
    "projection": lambda x_adv, x, eps: tf.logical_and(
        tf.abs(tf.abs(x_adv - x) - eps) <= 1e-6, _inside_box(x_adv)
    ),
    "none": lambda x_adv, x, eps: tf.zeros_like(x, tf.bool),
    "full": lambda x_adv, x, eps: _inside_box(x_adv),
}
"""Pixels of `x_adv` that follow `x`, by name of `generator_adv_grad`.

That of "projection" is for threat models that clip each pixel for itself.
"""


def following(x_adv: Images, x: Images, follows: tf.Tensor) -> Images:
    """Returns `x_adv`, with the gradient of `x` where it follows.

    Args:
        x_adv: Attacked images, without a gradient.
        x: The images that were attacked.
        follows: Which pixels follow, boolean, of the same shape.

    Example:
    >>> x = tf.constant([0.2, 0.8])
    >>> with tf.GradientTape() as tape:
    ...     tape.watch(x)
    ...     x_adv = following(tf.constant([0.3, 0.9]), x, x > 0.5)
    >>> x_adv.numpy(), tape.gradient(x_adv, x).numpy()
    (array([0.3, 0.9], dtype=float32), array([0., 1.], dtype=float32))
    """
    return x_adv + tf.cast(follows, x.dtype) * (x - tf.stop_gradient(x))


def can_follow(attack: PGD) -> bool:
    """Whether there is a gradient of the attack's last projection.

    Args:
        attack: The attack.

    Example:
    >>> from dat_keras.core.threat_models import L1
    >>> can_follow(PGD(L2(0.5))), can_follow(PGD(L1(12.0)))
    (True, False)
    """
    ball = attack.threat_model
    last = isinstance(attack.keep, KeepLast)
    return ball.clips_pixels or (isinstance(ball, L2) and last)


def needs_unprojected(rule: str, attack: PGD) -> bool:
    """Whether a rule differentiates a projection that is no mask of pixels.

    Args:
        rule: Key of `ADV_GRADIENTS`.
        attack: The attack on `x`.

    Raises:
        ValueError: If the rule does not know the attack's projection.

    Example:
    >>> needs_unprojected("projection", PGD(L2(0.5)))
    True
    """
    ball = attack.threat_model
    if rule != "projection" or ball.clips_pixels:
        return False
    if not can_follow(attack):
        raise ValueError(
            "The generator follows a projection in `Linf`, or in `L2` with "
            '`KeepLast()`. Elsewhere `DAT` takes generator_adv_grad="none" or '
            f'"full". Received: threat_model={ball}, keep={attack.keep}'
        )
    return True


def unprojected(attack: PGD, step: Step, x: Images, branch: int) -> Images:
    """Returns the last iterate of an attack, before it is projected.

    Args:
        attack: The attack, that keeps the last iterate.
        step: Context of the step.
        x: Clean images.
        branch: BatchNorm branch that reads them.
    """
    predict = partial(step.predict, branch=branch)
    key = step.key.fold_in("attack").fold_in(branch)
    steps = tf.convert_to_tensor(attack.steps)
    before = replace(attack, steps=steps - 1)(predict, x, step.y, key)
    loss = attack.loss.bind(predict, x, step.y)
    _, _, grad = input_gradient(predict, loss, before)
    direction = attack.threat_model.step_direction(grad, before, x)
    # An attack that was turned off has no last step either.
    length = tf.where(steps > 0, attack.step_size, 0.0)
    return tf.stop_gradient(before + length * direction)


def projected(
    x_adv: Images, moved: Images, x: Images, ball: ThreatModel
) -> Images:
    """Returns `x_adv`, with the gradient of the projection of `moved`.

    Args:
        x_adv: Attacked images, without a gradient.
        moved: The iterates whose projections they are, likewise.
        x: The images that were attacked.
        ball: The threat model.
    """
    attached = ball.project(moved, x)
    return x_adv + (attached - tf.stop_gradient(attached))


def _inside_box(x: Images) -> tf.Tensor:
    return tf.logical_and(x > 0.0, x < 1.0)
