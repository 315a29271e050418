"""Weather: snow, frost, fog and brightness."""

from __future__ import annotations

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images
from dat_keras.corruptions.base import Corruption
from dat_keras.corruptions.color import grey, in_hsv, tinted
from dat_keras.corruptions.linear_maps import along_axes, clipped_zoom
from dat_keras.corruptions.plasma import plasma
from dat_keras.corruptions.resampling import motion

_ICE = (0.8, 0.9, 1.0)


def snow(
    x: Images,
    key: Key,
    mean: float,
    sigma: float,
    zoom: float,
    threshold: float,
    radius: float,
    blur: float,
    share: float,
) -> Images:
    """Whitens an image and adds flakes: noise, zoomed, cut off, in motion.

    Order of operations and parameters are the benchmark's. It keeps flakes in
    256 levels before and after the motion blur, which is left out here.
    """
    batch, (height, width) = tf.shape(x)[0], x.shape[1:3]
    flakes = mean + sigma * key.fold_in("flakes").normal(
        (batch, height, width, 1)
    )
    flakes = along_axes(
        tf.ensure_shape(flakes, (None, height, width, 1)),
        clipped_zoom(height, zoom),
        clipped_zoom(width, zoom),
    )
    flakes = tf.where(flakes < threshold, 0.0, tf.minimum(flakes, 1.0))
    angle = key.fold_in("angle").uniform((batch,), -135.0, -45.0)
    flakes = motion(flakes, radius, blur, angle)
    whiter = tf.maximum(x, 1.5 * grey(x) + 0.5)
    x = share * x + (1.0 - share) * whiter
    return x + flakes + tf.reverse(flakes, axis=(1, 2))


def frost(x: Images, key: Key, share: float, ice: float) -> Images:
    """Mixes an image with ice crystals, drawn ones.

    `share * x + ice * crystals` and both parameters are the benchmark's; the
    crystals are not. There they are cut at random from six photographs, which
    are not shipped; here they are the ridges of a cloud, bluish white. So the
    accuracies cannot be compared with published ones.
    """
    crystals = plasma(x, key, 2.0)
    ridges = (1.0 - tf.abs(2.0 * crystals - 1.0)) ** 2
    return share * x + ice * ridges * tinted(_ICE, x)


def fog(x: Images, key: Key, thickness: float, decay: float) -> Images:
    """Adds a cloud, and scales back to the brightness of before."""
    brightest = tf.reduce_max(x, axis=[1, 2, 3], keepdims=True)
    foggy = x + thickness * plasma(x, key, decay)
    return foggy * brightest / (brightest + thickness)


def brightness(x: Images, key: Key, amount: float) -> Images:
    """Adds `amount` to the value of HSV."""
    return in_hsv(
        x, lambda h, s, v: (h, s, tf.clip_by_value(v + amount, 0.0, 1.0))
    )


SNOW = Corruption(
    snow,
    cifar10=(
        (0.1, 0.2, 1.0, 0.6, 8, 3, 0.95),
        (0.1, 0.2, 1.0, 0.5, 10, 4, 0.9),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    ),
    tiny_imagenet=(
        (0.1, 0.2, 1.0, 0.6, 8, 3, 0.8),
        (0.1, 0.2, 1.0, 0.5, 10, 4, 0.8),
        (0.15, 0.3, 1.75, 0.55, 10, 4, 0.7),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.65),
        (0.3, 0.3, 1.25, 0.65, 14, 12, 0.6),
    ),
    imagenet=(
        (0.1, 0.3, 3.0, 0.5, 10, 4, 0.8),
        (0.2, 0.3, 2.0, 0.5, 12, 4, 0.7),
        (0.55, 0.3, 4.0, 0.9, 12, 8, 0.7),
        (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
        (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
    ),
)
FROST = Corruption(
    frost,
    cifar10=((1.0, 0.2), (1.0, 0.3), (0.9, 0.4), (0.85, 0.4), (0.75, 0.45)),
    tiny_imagenet=(
        *((1.0, 0.3), (0.9, 0.4), (0.8, 0.45), (0.75, 0.5), (0.7, 0.55)),
    ),
    imagenet=((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75)),
)
FOG = Corruption(
    fog,
    cifar10=((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75)),
    tiny_imagenet=(
        *((0.4, 3.0), (0.7, 3.0), (1.0, 2.5), (1.5, 2.0), (2.0, 1.75)),
    ),
    imagenet=((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4)),
)
BRIGHTNESS = Corruption(
    brightness,
    cifar10=((0.05,), (0.1,), (0.15,), (0.2,), (0.3,)),
    tiny_imagenet=((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)),
    imagenet=((0.1,), (0.2,), (0.3,), (0.4,), (0.5,)),
)
