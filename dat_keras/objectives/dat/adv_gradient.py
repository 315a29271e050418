"""How DAT's `x_hat'` depends on `x_hat`: rules for the generator's gradient."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from dat_keras.core.types import Images

ADV_GRADIENTS: dict[str, Callable[[Images, Images, float], tf.Tensor]] = {
    "projection": lambda x_adv, x, eps: tf.logical_and(
        tf.abs(tf.abs(x_adv - x) - eps) <= 1e-6, _inside_box(x_adv)
    ),
    "none": lambda x_adv, x, eps: tf.zeros_like(x, tf.bool),
    "full": lambda x_adv, x, eps: _inside_box(x_adv),
}
"""Pixels of `x_adv` that follow `x`, by name of `generator_adv_grad`."""


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


def _inside_box(x: Images) -> tf.Tensor:
    return tf.logical_and(x > 0.0, x < 1.0)
