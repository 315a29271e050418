"""Euclidean projection onto an L1 ball intersected with the box `[0, 1]`.

    minimise ||z - d||_2   subject to  ||z||_1 <= eps,  x + z in [0, 1]

The solution is a soft threshold cut at the box,

    z_i = sign(d_i) min(max(|d_i| - t, 0), room_i),

with `t = 0` if that lies in the ball, else with the `t` for which its L1 norm
is `eps`. The norm is piecewise linear and falls in `t`: Newton's method inside
a bracket finds `t` without sorting the pixels.
"""

from __future__ import annotations

import tensorflow as tf

STEPS = 60
"""Bound on the steps of the search; some ten are usual."""
TOLERANCE = 1e-6
"""Relative error of the L1 norm that ends the search."""


def project_change(
    delta: tf.Tensor, x: tf.Tensor, eps: float | tf.Tensor
) -> tf.Tensor:
    """Returns the change in ball and box that is nearest to `delta`.

    Args:
        delta: Changes, shape `(B, H, W, C)`.
        x: Clean images in `[0, 1]`, of the same shape.
        eps: Radius, a scalar or of shape `(B, 1, 1, 1)`.

    Example:
    >>> x = tf.constant([0.5, 0.5, 0.9], shape=(1, 1, 3, 1))
    >>> delta = tf.constant([0.4, -0.2, 0.5], shape=(1, 1, 3, 1))
    >>> project_change(delta, x, 0.3).numpy().ravel().round(3)
    array([ 0.2, -0. ,  0.1], dtype=float32)

    Reference:
        [Croce and Hein, 2021](https://arxiv.org/abs/2103.01208)
    """
    delta, x = tf.convert_to_tensor(delta), tf.convert_to_tensor(x)
    size, room = tf.abs(delta), tf.where(delta > 0, 1.0 - x, x)
    room = tf.maximum(room, 0.0)
    zero = tf.zeros_like(_total(size))
    eps = zero + tf.cast(eps, zero.dtype)

    def cut(threshold: tf.Tensor) -> tf.Tensor:
        return tf.minimum(tf.maximum(size - threshold, 0.0), room)

    def excess(threshold: tf.Tensor) -> tf.Tensor:
        return _total(cut(threshold)) - eps

    def search(
        i: tf.Tensor, low: tf.Tensor, high: tf.Tensor, at: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        over = excess(at)
        low, high = tf.where(over > 0, at, low), tf.where(over > 0, high, at)
        moving = (size > at) & (size - at < room)
        count = _total(tf.cast(moving, size.dtype))
        newton = at + tf.math.divide_no_nan(over, count)
        inside = (newton > low) & (newton < high)
        there = tf.where(inside, newton, (low + high) / 2)
        done = tf.abs(over) <= TOLERANCE * eps
        return i + 1, low, high, tf.where(done, at, there)

    largest = tf.reduce_max(size, axis=[1, 2, 3], keepdims=True)
    outside = excess(zero) > 0
    _, _, _, threshold = tf.while_loop(
        lambda i, low, high, at: (
            (i < STEPS)
            & tf.reduce_any(
                outside & (eps > 0) & (tf.abs(excess(at)) > TOLERANCE * eps)
            )
        ),
        search,
        (0, zero, largest, zero),
        parallel_iterations=1,
    )
    threshold = tf.where(outside, threshold, zero)
    threshold = tf.where(eps > 0, threshold, largest)
    return tf.sign(delta) * cut(threshold)


def _total(values: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(values, axis=[1, 2, 3], keepdims=True)
