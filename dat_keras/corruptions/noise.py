"""Noise: Gaussian, shot and impulse."""

from __future__ import annotations

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images
from dat_keras.corruptions.base import Corruption


def gaussian_noise(x: Images, key: Key, sigma: float) -> Images:
    """Adds normal noise of standard deviation `sigma`."""
    return x + sigma * key.normal(tf.shape(x))


def shot_noise(x: Images, key: Key, photons: float) -> Images:
    """Counts photons: `Poisson(photons * x) / photons`."""
    return poisson(key, photons * x) / photons


def impulse_noise(x: Images, key: Key, amount: float) -> Images:
    """Sets a share `amount` of all values to 0 or 1, half of them each."""
    hit = key.fold_in("hit").uniform(tf.shape(x)) < amount
    salt = key.fold_in("salt").uniform(tf.shape(x)) < 0.5
    return tf.where(hit, tf.cast(salt, tf.float32), x)


def poisson(key: Key, rate: tf.Tensor) -> tf.Tensor:
    """Draws from Poisson distributions.

    Args:
        key: Source of the draws.
        rate: Means, shape `(B, ...)`.

    Returns:
        Counts, float32, in the shape of `rate`.
    """
    # A seed for each row, so that no row depends on the others.
    words = key.uniform((tf.shape(rate)[0], 2)) * 2.0**24
    return tf.map_fn(
        lambda row: tf.random.stateless_poisson(
            tf.shape(row[1]), row[0], row[1], tf.float32
        ),
        (tf.cast(words, tf.int32), rate),
        fn_output_signature=tf.TensorSpec(rate.shape[1:], tf.float32),
    )


GAUSSIAN_NOISE = Corruption(
    gaussian_noise,
    cifar10=((0.04,), (0.06,), (0.08,), (0.09,), (0.10,)),
    tiny_imagenet=((0.04,), (0.08,), (0.12,), (0.15,), (0.18,)),
    imagenet=((0.08,), (0.12,), (0.18,), (0.26,), (0.38,)),
)
SHOT_NOISE = Corruption(
    shot_noise,
    cifar10=((500.0,), (250.0,), (100.0,), (75.0,), (50.0,)),
    tiny_imagenet=((250.0,), (100.0,), (50.0,), (30.0,), (15.0,)),
    imagenet=((60.0,), (25.0,), (12.0,), (5.0,), (3.0,)),
)
IMPULSE_NOISE = Corruption(
    impulse_noise,
    cifar10=((0.01,), (0.02,), (0.03,), (0.05,), (0.07,)),
    tiny_imagenet=((0.01,), (0.02,), (0.05,), (0.08,), (0.14,)),
    imagenet=((0.03,), (0.06,), (0.09,), (0.17,), (0.27,)),
)
