"""Training-mode BatchNorm through TensorFlow's fused kernel.

Keras' own layer composes it of elementary operations, each of which reads and
writes the whole activation: three times the time, forward and backward.
"""

from __future__ import annotations

from functools import partial

import keras
import tensorflow as tf
from keras import layers

from dat_keras.kernels.fold_batch_norm import is_plain_norm
from dat_keras.kernels.rematerialization import Activation


def is_fusable(layer: keras.Operation) -> bool:
    """Whether the kernel can replace a layer in training mode.

    Example:
    >>> norms = [layers.BatchNormalization(axis=axis) for axis in (1, -1)]
    >>> for norm in norms:
    ...     norm.build((None, 8, 8, 3))
    >>> [is_fusable(norm) for norm in norms]
    [False, True]
    """
    return (
        is_plain_norm(layer)
        and layer.trainable
        and not layer.synchronized
        and layer.input_spec.ndim == 4
    )


def normalized(layer: layers.BatchNormalization, x: Activation) -> Activation:
    """Normalizes by batch statistics, and updates the layer's moving ones.

    Args:
        layer: A layer that `is_fusable`.
        x: Its input, `(B, H, W, C)`. It is kept; the output is recomputed in
            the backward pass.
    """
    channels = x.value.shape[-1]
    gamma = layer.gamma.value if layer.scale else tf.ones(channels)
    beta = layer.beta.value if layer.center else tf.zeros(channels)
    kernel = partial(
        tf.raw_ops.FusedBatchNormV3,
        # Read here once: gradients of a `tf.cond` cannot read variables.
        scale=tf.identity(gamma),
        offset=tf.identity(beta),
        epsilon=layer.epsilon,
    )
    y, mean, variance, *_ = kernel(
        x=x.value, mean=[], variance=[], is_training=True
    )
    # The kernel reports the unbiased variance, the layer keeps the other.
    count = tf.cast(tf.size(x.value) // channels, tf.float32)
    variance *= (count - 1.0) / count
    for moving, value in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance),
    ):
        moving.assign(
            layer.momentum * moving.value + (1.0 - layer.momentum) * value
        )

    def recompute() -> tf.Tensor:
        y, *_ = kernel(
            x=x.recomputed(), mean=mean, variance=variance, is_training=False
        )
        return tf.cast(y, layer.compute_dtype)

    return Activation(tf.cast(y, layer.compute_dtype), recompute)
