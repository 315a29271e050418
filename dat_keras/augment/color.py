"""Colour operations on batches, each image with a strength of its own.

The definitions are those of the Python Imaging Library on 256 grey levels,
here on float images in `[0, 1]`, `(B, H, W, 3)`. Strengths have shape
`(B, 1, 1, 1)`; operations without one ignore it.
"""

from __future__ import annotations

import tensorflow as tf

from dat_keras.core.types import Images

_LUMA = (0.299, 0.587, 0.114)
_SMOOTH = ((1.0, 1.0, 1.0), (1.0, 5.0, 1.0), (1.0, 1.0, 1.0))


def color(x: Images, factor: tf.Tensor) -> Images:
    """Saturation: 0 is grey, 1 unchanged."""
    return _blend(_grey(x), x, factor)


def contrast(x: Images, factor: tf.Tensor) -> Images:
    """Distance from the image's mean grey level: 1 is unchanged."""
    mean = tf.reduce_mean(_grey(x), axis=[1, 2, 3], keepdims=True)
    return _blend(tf.round(255.0 * mean) / 255.0, x, factor)


def brightness(x: Images, factor: tf.Tensor) -> Images:
    """Distance from black: 1 is unchanged."""
    return _blend(tf.zeros_like(x), x, factor)


def sharpness(x: Images, factor: tf.Tensor) -> Images:
    """Distance from a smoothed image, border untouched: 1 is unchanged."""
    kernel = tf.constant(_SMOOTH)[:, :, None, None] / 13.0
    kernel = tf.tile(kernel, (1, 1, x.shape[-1], 1))
    inner = tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "VALID")
    edge = [[0, 0], [1, 1], [1, 1], [0, 0]]
    border = tf.pad(tf.zeros_like(inner, tf.bool), edge, constant_values=True)
    return _blend(tf.where(border, x, tf.pad(inner, edge)), x, factor)


def invert(x: Images, strength: tf.Tensor) -> Images:
    """The negative."""
    return 1.0 - x


def solarize(x: Images, threshold: tf.Tensor) -> Images:
    """The negative of levels from `threshold` (0 to 256) on."""
    return tf.where(tf.round(255.0 * x) < threshold, x, 1.0 - x)


def posterize(x: Images, bits: tf.Tensor) -> Images:
    """The highest `bits` of 8 bits."""
    step = tf.pow(2.0, 8.0 - bits)
    return tf.floor(tf.round(255.0 * x) / step) * step / 255.0


def autocontrast(x: Images, strength: tf.Tensor) -> Images:
    """Each channel stretched to the full range; a constant one stays."""
    low = tf.reduce_min(x, axis=[1, 2], keepdims=True)
    span = tf.reduce_max(x, axis=[1, 2], keepdims=True) - low
    return tf.where(span > 0.0, tf.math.divide_no_nan(x - low, span), x)


def equalize(x: Images, strength: tf.Tensor) -> Images:
    """Each channel with an even histogram; a constant one stays."""
    batch, height, width, channels = tf.unstack(tf.shape(x))
    pixels = tf.transpose(tf.cast(tf.round(255.0 * x), tf.int32), (0, 3, 1, 2))
    planes = tf.reshape(pixels, (batch * channels, height * width))
    bins = planes + 256 * tf.range(batch * channels)[:, None]
    counts = tf.math.unsorted_segment_sum(
        tf.ones_like(bins), bins, 256 * batch * channels
    )
    counts = tf.reshape(counts, (batch * channels, 256))
    brightest = tf.gather(counts, tf.reduce_max(planes, -1), batch_dims=1)
    step = ((height * width - brightest) // 255)[:, None]
    below = tf.cumsum(counts, axis=-1, exclusive=True)
    level = tf.minimum((step // 2 + below) // tf.maximum(step, 1), 255)
    level = tf.where(step > 0, level, tf.range(256))
    planes = tf.gather(level, planes, batch_dims=1)
    pixels = tf.reshape(planes, (batch, channels, height, width))
    pixels = tf.ensure_shape(tf.transpose(pixels, (0, 2, 3, 1)), x.shape)
    return tf.cast(pixels, tf.float32) / 255.0


def _grey(x: Images) -> Images:
    return tf.reduce_sum(x * tf.constant(_LUMA), axis=-1, keepdims=True)


def _blend(low: Images, x: Images, factor: tf.Tensor) -> Images:
    return tf.clip_by_value(low + factor * (x - low), 0.0, 1.0)
