"""Distances and levels that give the drops of `spatter` their relief."""

from __future__ import annotations

import tensorflow as tf

_FAR = 20
_AWAY = 2.0 * _FAR**2


def near_edge(inside: tf.Tensor) -> tf.Tensor:
    """Distance to the nearest border pixel of a region, at most 20.

    Args:
        inside: Whether each pixel belongs to the region, `(B, H, W, 1)`. Its
            border pixels are those with one of four neighbours outside; the
            border of the image is none.

    Returns:
        Euclidean distances in pixels, shape `(B, H, W, 1)`.
    """
    edges = ((0, 0), (1, 1), (1, 1), (0, 0))
    outside = tf.pad(tf.cast(~inside, tf.float32), edges)
    height, width = inside.shape[1:3]
    neighbours = (
        outside[:, i : i + height, j : j + width]
        for i, j in ((0, 1), (2, 1), (1, 0), (1, 2))
    )
    edge = inside & (tf.add_n(list(neighbours)) > 0.0)
    square = tf.where(edge, 0.0, _AWAY)
    for axis in (1, 2):
        square = _nearest(square, axis)
    return tf.minimum(tf.sqrt(square), float(_FAR))


def equalized(x: tf.Tensor) -> tf.Tensor:
    """Spreads levels of 0 to 255 evenly, as OpenCV's `equalizeHist` does.

    Args:
        x: Whole levels, shape `(B, H, W, 1)`.
    """
    levels = tf.cast(tf.reshape(x, (tf.shape(x)[0], -1)), tf.int32)
    counts = tf.math.bincount(levels, minlength=256, maxlength=256, axis=-1)
    upto = tf.cumsum(tf.cast(counts, tf.float32), axis=-1)
    least = tf.reduce_min(levels, axis=-1, keepdims=True)
    first = tf.gather(upto, least, batch_dims=1)
    share = tf.math.divide_no_nan(upto - first, upto[:, -1:] - first)
    level = tf.round(255.0 * share)
    # An image of one level stays as it is.
    one = first == upto[:, -1:]
    level = tf.where(one, tf.range(256, dtype=tf.float32), level)
    return tf.reshape(tf.gather(level, levels, batch_dims=1), tf.shape(x))


def _nearest(square: tf.Tensor, axis: int) -> tf.Tensor:
    """The least of `square + offset**2` along an axis."""
    edges = [(0, 0)] * 4
    edges[axis] = (_FAR, _FAR)
    wide = tf.pad(square, edges, constant_values=_AWAY)
    places = tf.range(square.shape[axis])

    def nearer(i: tf.Tensor, least: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        moved = tf.gather(wide, places + i, axis=axis)
        return i + 1, tf.minimum(
            least, moved + tf.cast((i - _FAR) ** 2, tf.float32)
        )

    _, least = tf.while_loop(
        lambda i, least: i <= 2 * _FAR, nearer, (tf.constant(0), square)
    )
    return least
