"""Projection onto a hyperplane inside the box `[0, 1]`, for FAB.

    minimise ||d||  subject to  <g, d> = -gap  and  p + d in [0, 1]

Every pixel goes towards the face of the box that lowers the product, at a
speed of its own, until it is there or the product is small enough. With
`theta` the common clock, what is gained is

    phi(theta) = sum_i |g_i| min(theta speed_i, room_i),

concave, rising and piecewise linear: Newton's method from 0 finds the root of
`phi = gap` in finitely many steps, without sorting the pixels. In L1 the
pixels move one after another instead, the steepest first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

from dat_keras.core.threat_models import L1, L2, Linf, ThreatModel
from dat_keras.core.types import Images, PerExample

STEPS = 40
"""Bound on Newton's steps; at most a dozen were observed."""
TOLERANCE = 1e-7
"""Relative change of `theta` that ends the search."""

_SPEED: dict[type[ThreatModel], Callable[[tf.Tensor], tf.Tensor]] = {
    Linf: lambda slope: tf.cast(slope > 0, slope.dtype),
    # A tiny slope would wait for a theta that float32 does not hold.
    L2: lambda slope: tf.where(slope > 1e-8, slope, 0.0),
}


def to_hyperplane(
    norm: type[ThreatModel], point: Images, normal: Images, gap: PerExample
) -> Images:
    """Returns the smallest move `d` that closes a gap inside the box.

    Args:
        norm: `Linf`, `L2` or `L1`: the norm in which the move is smallest.
        point: Where it begins, in `[0, 1]`, shape `(B, H, W, C)`.
        normal: The plane's normal `g`, of the same shape.
        gap: `<g, point>` minus its value on the plane, shape `(B,)`.

    Returns:
        The moves. Where the box does not reach the plane, that into the
        corner nearest to it.

    Example:
    >>> point = tf.constant([0.05, 0.5], shape=(1, 1, 2, 1))
    >>> move = to_hyperplane(Linf, point, tf.ones((1, 1, 2, 1)), [0.25])
    >>> move.numpy().ravel().round(3)
    array([-0.05, -0.2 ], dtype=float32)

    Reference:
        [Croce and Hein, 2020](https://arxiv.org/abs/1907.02044)
    """
    # Turned so that the product has to fall by a positive gap.
    gap = tf.convert_to_tensor(gap)[:, None, None, None]
    normal = tf.where(gap < 0, -normal, normal)
    gap = tf.abs(gap)
    slope = tf.abs(normal)
    room = tf.where(normal > 0, point, 1.0 - point)
    return -tf.sign(normal) * _MOVES[norm](slope, room, gap)


def _by_slope(slope: Images, room: Images, gap: tf.Tensor) -> Images:
    """Moves the steepest pixels as far as the box allows, the last in part.

    The L1 norm pays the same for each pixel: a fractional knapsack.
    """
    room = tf.where(slope > 0, room, 0.0)
    rows = tf.reshape(slope, (tf.shape(slope)[0], -1))
    flat = tf.reshape(room, tf.shape(rows))
    order = tf.argsort(rows, direction="DESCENDING", stable=True)
    steep = tf.gather(rows, order, batch_dims=1)
    width = tf.gather(flat, order, batch_dims=1)
    before = tf.cumsum(steep * width, axis=-1, exclusive=True)
    missing = tf.maximum(gap[:, :, 0, 0] - before, 0.0)
    move = tf.minimum(tf.math.divide_no_nan(missing, steep), width)
    back = tf.argsort(order)
    return tf.reshape(tf.gather(move, back, batch_dims=1), tf.shape(slope))


def _by_clock(
    speed_of: Callable[[Images], Images],
    slope: Images,
    room: Images,
    gap: tf.Tensor,
) -> Images:
    """Moves all pixels at speeds of their own, until the gap is closed."""
    speed = speed_of(slope)
    moves = speed > 0
    room = tf.where(moves, room, 0.0)
    arrival = tf.where(moves, room / tf.where(moves, speed, 1.0), 0.0)
    reachable = _total(slope * room) > gap
    theta = _root(slope * speed, arrival, tf.where(reachable, gap, 0.0))
    move = tf.minimum(theta * speed, room)
    return tf.where(reachable, move, room)


_MOVES: dict[type[ThreatModel], Callable[..., Images]] = {
    L1: _by_slope,
    **{
        norm: functools.partial(_by_clock, speed)
        for norm, speed in _SPEED.items()
    },
}


def _root(rate: Images, arrival: Images, gap: tf.Tensor) -> tf.Tensor:
    """Solves `sum_i rate_i min(theta, arrival_i) = gap` for each row."""

    def newton(
        i: tf.Tensor, theta: tf.Tensor, change: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        missing = gap - _total(rate * tf.minimum(theta, arrival))
        moving = _total(tf.where(arrival > theta, rate, 0.0))
        change = tf.math.divide_no_nan(tf.maximum(missing, 0.0), moving)
        return i + 1, theta + change, change

    _, theta, _ = tf.while_loop(
        lambda i, theta, change: (
            (i < STEPS) & tf.reduce_any(change > TOLERANCE * theta)
        ),
        newton,
        (0, tf.zeros_like(gap), tf.ones_like(gap)),
        parallel_iterations=1,
    )
    return theta


def _total(values: Images) -> tf.Tensor:
    return tf.reduce_sum(values, axis=[1, 2, 3], keepdims=True)
