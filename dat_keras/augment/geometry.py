"""Shear, translation and rotation, each image by an amount of its own.

Images are `(B, H, W, C)` in `[0, 1]`, amounts `(B,)`. Shear and translation
move along one axis only, so their bicubic interpolation needs four taps.
"""

from __future__ import annotations

import math

import tensorflow as tf

from dat_keras.core.types import Images


def shear_x(x: Images, slope: tf.Tensor, fill: float) -> Images:
    """Moves rows by `slope` times their distance from the upper edge."""
    rows = tf.range(x.shape[1], dtype=tf.float32) + 0.5
    return slide(x, slope[:, None] * rows, fill)


def shear_y(x: Images, slope: tf.Tensor, fill: float) -> Images:
    """Moves columns by `slope` times their distance from the left edge."""
    return _turned(shear_x(_turned(x), slope, fill))


def translate_x(x: Images, pixels: tf.Tensor, fill: float) -> Images:
    """Moves the image to the left by a number of pixels."""
    offset = tf.tile(pixels[:, None], (1, x.shape[1]))
    return slide(x, offset, fill)


def translate_y(x: Images, pixels: tf.Tensor, fill: float) -> Images:
    """Moves the image up by a number of pixels."""
    return _turned(translate_x(_turned(x), pixels, fill))


def shear_x_nearest(x: Images, radians: tf.Tensor, fill: float) -> Images:
    """Shears about the middle row, without interpolation."""
    middle = (x.shape[1] - 1) / 2
    rows = tf.range(x.shape[1], dtype=tf.float32) - middle
    return slide(x, tf.round(tf.tan(radians)[:, None] * rows), fill)


def shear_y_nearest(x: Images, radians: tf.Tensor, fill: float) -> Images:
    """Shears about the middle column, without interpolation."""
    return _turned(shear_x_nearest(_turned(x), radians, fill))


def slide(x: Images, offset: tf.Tensor, fill: float) -> Images:
    """Samples every row at its columns plus an offset, bicubically.

    Args:
        x: Images, shape `(B, H, W, C)`.
        offset: Pixels to the right, shape `(B, H)`; whole numbers copy.
        fill: Value where the source lies outside the image.
    """
    width = x.shape[2]
    place = tf.range(width, dtype=tf.float32) + offset[:, :, None]
    base = tf.floor(place)
    d = (place - base)[..., None]
    # The cubic of the Python Imaging Library, a = -1.
    weights = (
        d * (-1.0 + d * (2.0 - d)),
        1.0 + d * d * (d - 2.0),
        d * (1.0 + d * (1.0 - d)),
        d * d * (d - 1.0),
    )
    taps = [
        weight
        * tf.gather(x, _column(base + shift, width), axis=2, batch_dims=2)
        for shift, weight in zip((-1.0, 0.0, 1.0, 2.0), weights, strict=True)
    ]
    inside = tf.logical_and(place >= -0.5, place < width - 0.5)[..., None]
    return tf.where(inside, tf.clip_by_value(tf.add_n(taps), 0.0, 1.0), fill)


def rotate(x: Images, degrees: tf.Tensor, fill: float) -> Images:
    """Turns counter-clockwise about the middle, nearest pixel."""
    angle = (degrees * math.pi / 180.0)[:, None, None]
    height, width = x.shape[1:3]
    down = tf.range(height, dtype=tf.float32)[:, None] + 0.5 - height / 2
    right = tf.range(width, dtype=tf.float32)[None, :] + 0.5 - width / 2
    column = tf.cos(angle) * right - tf.sin(angle) * down + width / 2
    row = tf.sin(angle) * right + tf.cos(angle) * down + height / 2
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = tf.stack(
        [_column(tf.floor(row), height), _column(tf.floor(column), width)], -1
    )
    turned = tf.gather_nd(x, place, batch_dims=1)
    return tf.where(inside[..., None], turned, fill)


def _column(place: tf.Tensor, width: int) -> tf.Tensor:
    return tf.clip_by_value(tf.cast(place, tf.int32), 0, width - 1)


def _turned(x: Images) -> Images:
    return tf.transpose(x, (0, 2, 1, 3))
