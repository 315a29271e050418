"""The four extra corruptions: speckle noise, Gaussian blur, spatter, saturate.

They are for tuning; the mean corruption error leaves them out.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images
from dat_keras.corruptions.base import Corruption
from dat_keras.corruptions.color import in_hsv, tinted
from dat_keras.corruptions.linear_maps import along_axes, gaussian
from dat_keras.corruptions.resampling import convolve
from dat_keras.corruptions.wet_surface import equalized, near_edge

_WATER = (175 / 255, 238 / 255, 238 / 255)
_MUD = (63 / 255, 42 / 255, 20 / 255)
_RELIEF = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
_MEAN = np.full((3, 3), 1 / 9)


def speckle_noise(x: Images, key: Key, sigma: float) -> Images:
    """Adds normal noise in proportion to the pixel."""
    return x + x * sigma * key.normal(tf.shape(x))


def gaussian_blur(x: Images, key: Key, sigma: float) -> Images:
    """A Gaussian of standard deviation `sigma` pixels."""
    return along_axes(x, *(gaussian(n, sigma) for n in x.shape[1:3]))


def spatter(
    x: Images,
    key: Key,
    mean: float,
    sigma: float,
    blur: float,
    threshold: float,
    strength: float,
    mud: float,
) -> Images:
    """Drops of water, lit along their border, or stains of mud.

    Noise, blur, threshold, relief, colours and parameters are the benchmark's,
    and so is all of mud. Two steps of water (severities 1 to 3) are not:
    borders of drops are the pixels that have a neighbour outside, where the
    benchmark runs Canny's detector, and distances to them are exact, where it
    takes OpenCV's approximation with a mask of 5 pixels.
    """
    batch, (height, width) = tf.shape(x)[0], x.shape[1:3]
    liquid = mean + sigma * key.normal((batch, height, width, 1))
    liquid = tf.ensure_shape(liquid, (None, height, width, 1))
    liquid = gaussian_blur(liquid, key, blur)
    liquid = tf.where(liquid < threshold, 0.0, liquid)
    if mud:
        wet = gaussian_blur(
            tf.cast(liquid > threshold, tf.float32), key, strength
        )
        wet = tf.where(wet < 0.8, 0.0, wet)
        return (1.0 - wet) * x + wet * tinted(_MUD, x)
    depth = convolve(near_edge(liquid > 0.0), _MEAN)
    # Cut off to whole numbers: a mean of equal ones may be just below one.
    depth = convolve(equalized(tf.floor(depth + 1e-3)), _RELIEF)
    depth = tf.round(convolve(tf.clip_by_value(depth, 0.0, 255.0), _MEAN))
    drops = tf.floor(255.0 * liquid) * depth
    most = tf.reduce_max(drops, axis=[1, 2], keepdims=True)
    drops = strength * tf.math.divide_no_nan(drops, most)
    return x + drops * tinted(_WATER, x)


def saturate(x: Images, key: Key, factor: float, amount: float) -> Images:
    """Changes the saturation of HSV; a grey channel stays as it is."""
    return in_hsv(
        x,
        lambda h, s, v: (
            h,
            tf.clip_by_value(factor * s + amount, 0.0, 1.0),
            v,
        ),
    )


SPECKLE_NOISE = Corruption(
    speckle_noise,
    cifar10=((0.06,), (0.1,), (0.12,), (0.16,), (0.2,)),
    tiny_imagenet=((0.15,), (0.2,), (0.25,), (0.3,), (0.35,)),
    imagenet=((0.15,), (0.2,), (0.35,), (0.45,), (0.6,)),
)
GAUSSIAN_BLUR = Corruption(
    gaussian_blur,
    cifar10=((0.4,), (0.6,), (0.7,), (0.8,), (1.0,)),
    tiny_imagenet=((0.5,), (0.75,), (1.0,), (1.25,), (1.5,)),
    imagenet=((1.0,), (2.0,), (3.0,), (4.0,), (6.0,)),
)
SPATTER = Corruption(
    spatter,
    cifar10=(
        (0.62, 0.1, 0.7, 0.7, 0.5, 0),
        (0.65, 0.1, 0.8, 0.7, 0.5, 0),
        (0.65, 0.3, 1.0, 0.69, 0.5, 0),
        (0.65, 0.1, 0.7, 0.69, 0.6, 1),
        (0.65, 0.1, 0.5, 0.68, 0.6, 1),
    ),
    tiny_imagenet=(
        (0.62, 0.1, 0.7, 0.7, 0.6, 0),
        (0.65, 0.1, 0.8, 0.7, 0.6, 0),
        (0.65, 0.3, 1.0, 0.69, 0.6, 0),
        (0.65, 0.1, 0.7, 0.68, 0.6, 1),
        (0.65, 0.1, 0.5, 0.67, 0.6, 1),
    ),
    imagenet=(
        (0.65, 0.3, 4.0, 0.69, 0.6, 0),
        (0.65, 0.3, 3.0, 0.68, 0.6, 0),
        (0.65, 0.3, 2.0, 0.68, 0.5, 0),
        (0.65, 0.3, 1.0, 0.65, 1.5, 1),
        (0.67, 0.4, 1.0, 0.65, 1.5, 1),
    ),
)
SATURATE = Corruption(
    saturate,
    cifar10=((0.3, 0.0), (0.1, 0.0), (1.5, 0.0), (2.0, 0.1), (2.5, 0.2)),
    tiny_imagenet=((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (30.0, 0.2)),
    imagenet=((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2)),
)
