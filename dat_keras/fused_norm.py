"""BatchNorm on batch statistics by TensorFlow's fused kernel.

Keras' own layer composes it of elementary operations, each of which reads and
writes the whole activation: three times the time, forward and backward.
"""

from __future__ import annotations

from functools import partial

import keras
import tensorflow as tf
from keras import layers

from dat_keras.folding import is_plain_norm
from dat_keras.graphs import Graph, Swap


def fused_norms(graph: Graph) -> dict[keras.Operation, Swap]:
    """Returns swaps for the norms that the kernel can stand for.

    Args:
        graph: The model to run in training mode.

    Example:
    >>> net = [keras.Input((4, 4, 3)), layers.BatchNormalization()]
    >>> len(fused_norms(Graph.of(keras.Sequential(net))))
    1
    """
    return {
        layer: partial(_normalized, layer)
        for layer in graph.layers()
        if is_plain_norm(layer)
        and layer.trainable
        and not layer.synchronized
        and layer.input_spec.ndim == 4
    }


def _normalized(layer: layers.BatchNormalization, x: tf.Tensor) -> tf.Tensor:
    """Normalizes on batch statistics, and moves the layer's own."""
    channels = x.shape[-1]
    ones, zeros = tf.ones(channels), tf.zeros(channels)
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=x,
        scale=layer.gamma.value if layer.scale else ones,
        offset=layer.beta.value if layer.center else zeros,
        mean=[],
        variance=[],
        epsilon=layer.epsilon,
        is_training=True,
    )
    # The kernel reports the unbiased variance, the layer keeps the other.
    count = tf.cast(tf.size(x) // channels, tf.float32)
    variance *= (count - 1.0) / count
    for moving, value in (
        (layer.moving_mean, mean),
        (layer.moving_variance, variance),
    ):
        moving.assign(
            layer.momentum * moving.value + (1.0 - layer.momentum) * value
        )
    return tf.cast(y, layer.compute_dtype)
