"""Clouds by the diamond-square algorithm, one for each image."""

from __future__ import annotations

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images


def plasma(x: Images, key: Key, decay: float) -> tf.Tensor:
    """Draws a cloud for each image.

    A periodic grid of one point is refined until it covers the image: the
    centre of four points is their mean plus noise, so is the middle of an
    edge. The noise is uniform with half width `100**2`, and `decay**2` times
    smaller at each refinement. The whole map is stretched to `[0, 1]`, and
    its upper left part is taken.

    Args:
        x: Images, shape `(B, H, W, C)`, for their number and size.
        key: Source of the random draws.
        decay: How fast the noise gets smaller; larger is smoother.

    Returns:
        Maps, shape `(B, H, W, 1)`, in `[0, 1]`.
    """
    batch, (height, width) = tf.shape(x)[0], x.shape[1:3]
    grid = tf.zeros((batch, 1, 1))
    size, wibble = 1, 100.0
    while size < max(height, width, 2):
        noise = key.fold_in(size).uniform((batch, 3, size, size), -1.0, 1.0)
        grid = _refined(grid, wibble**2 * noise)
        size, wibble = 2 * size, wibble / decay
    low, high = (
        f(grid, axis=[1, 2], keepdims=True)
        for f in (tf.reduce_min, tf.reduce_max)
    )
    grid = (grid - low) / (high - low)
    return tf.reshape(grid, (batch, size, size, 1))[:, :height, :width]


def _refined(grid: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
    """A grid with twice as many points along each axis, `(B, 2n, 2n)`."""
    n = grid.shape[1]
    rows = grid + tf.roll(grid, -1, axis=1)
    columns = grid + tf.roll(grid, -1, axis=2)
    centre = (rows + tf.roll(rows, -1, axis=2)) / 4.0 + noise[:, 0]
    above = (centre + tf.roll(centre, 1, axis=1) + columns) / 4.0
    beside = (centre + tf.roll(centre, 1, axis=2) + rows) / 4.0
    even = tf.stack([grid, above + noise[:, 1]], axis=-1)
    odd = tf.stack([beside + noise[:, 2], centre], axis=-1)
    pairs = tf.stack([even, odd], axis=2)
    return tf.reshape(pairs, (-1, 2 * n, 2 * n))
