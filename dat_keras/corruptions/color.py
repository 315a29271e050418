"""Colours of images with one or three channels."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from dat_keras.core.types import Images

_LUMA = (0.299, 0.587, 0.114)


def grey(x: Images) -> Images:
    """Returns the luma (ITU-R BT.601), shape `(B, H, W, 1)`."""
    if x.shape[-1] == 1:
        return x
    return tf.reduce_sum(x * tf.constant(_LUMA), axis=-1, keepdims=True)


def tinted(color: tuple[float, float, float], x: Images) -> tf.Tensor:
    """Returns a colour in the channels of `x`: its luma if there is one."""
    rgb = tf.constant(color)
    return rgb if x.shape[-1] == 3 else grey(rgb)


def in_hsv(
    x: Images, change: Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]]
) -> Images:
    """Changes hue, saturation and value.

    Args:
        x: Images, shape `(B, H, W, C)`. One channel is the value of a grey
            image, which has no hue, so its saturation stays 0.
        change: Maps hue, saturation and value to new ones.
    """
    if x.shape[-1] == 1:
        zero = tf.zeros_like(x)
        return change(zero, zero, x)[2]
    hsv = tf.split(tf.image.rgb_to_hsv(x), 3, axis=-1)
    return tf.image.hsv_to_rgb(tf.concat(change(*hsv), axis=-1))
