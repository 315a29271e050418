"""Keras layers as operations with bounds: the table of those that are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras
import tensorflow as tf
from keras import activations, layers

from dat_keras.certification.operations import (
    Affine,
    Map,
    Maximum,
    Operation,
    Rectifier,
    Sum,
)
from dat_keras.core.onednn import strided_conv2d, strided_gradient_crashes
from dat_keras.kernels.fold_batch_norm import is_plain_norm, scale_and_offset

Shape = tuple[int, ...]


def operations_of(
    layer: keras.Operation, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    """Returns what a layer computes in inference mode, in order.

    Weights are read now.

    Args:
        layer: The layer.
        shape: Shape of its input, the first if it has several, without the
            batch.
        dtype: Type to compute in.

    Raises:
        ValueError: For a layer without known bounds, or with settings that
            have none.

    Example:
    >>> relu = keras.layers.ReLU()
    >>> operations_of(relu, (4,), tf.float32)
    [Rectifier()]
    """
    known = _OPERATIONS.get(type(layer))
    if known is None:
        raise refused(layer, type(layer).__name__)
    if getattr(layer, "data_format", None) == "channels_first":
        raise refused(layer, f"{type(layer).__name__}, channels first")
    return known(layer, shape, dtype)


def refused(layer: keras.Operation, kind: str) -> ValueError:
    """Returns the error that names a layer without bounds.

    Args:
        layer: The layer.
        kind: What it is.
    """
    names = ", ".join(sorted(known.__name__ for known in _OPERATIONS))
    return ValueError(
        f"The layer {layer.name!r} has no certified bounds here. "
        f"Received: {kind}; known are {names}, with ReLU or no activation"
    )


def _conv(
    layer: layers.Conv2D, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    if layer.groups > 1 or max(layer.dilation_rate) > 1:
        # TensorFlow has no gradient of these on CPUs.
        raise refused(
            layer,
            f"Conv2D with groups={layer.groups}, "
            f"dilation_rate={layer.dilation_rate}",
        )
    kernel = tf.cast(layer.kernel.value, dtype)
    strides = layer.strides
    crashes = strided_gradient_crashes(layer.kernel_size, strides, shape[-1])

    def convolution(kernel: tf.Tensor) -> Map:
        if crashes:
            return lambda x: strided_conv2d(x, kernel, strides)
        return lambda x: tf.nn.conv2d(x, kernel, strides, layer.padding.upper())

    affine = Affine(
        convolution(kernel),
        convolution(tf.abs(kernel)),
        shape,
        _bias(layer, dtype),
    )
    return [affine, *_activation(layer, layer.activation)]


def _dense(
    layer: layers.Dense, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    kernel = tf.cast(tf.convert_to_tensor(layer.kernel), dtype)
    affine = Affine(
        lambda x: tf.tensordot(x, kernel, 1),
        lambda r: tf.tensordot(r, tf.abs(kernel), 1),
        shape,
        _bias(layer, dtype),
    )
    return [affine, *_activation(layer, layer.activation)]


def _bias(layer: keras.layers.Layer, dtype: tf.DType) -> tf.Tensor | None:
    return None if layer.bias is None else tf.cast(layer.bias.value, dtype)


def _activation(layer: keras.Operation, function: Callable) -> list[Operation]:
    if function is activations.linear:
        return []
    if function is activations.relu:
        return [Rectifier()]
    name = getattr(function, "__name__", str(function))
    raise refused(layer, f"{type(layer).__name__} with activation {name}")


def _activation_layer(
    layer: layers.Activation, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    return _activation(layer, layer.activation)


def _relu(layer: layers.ReLU, shape: Shape, dtype: tf.DType) -> list[Operation]:
    settings = (layer.max_value, layer.negative_slope, layer.threshold)
    if settings != (None, 0.0, 0.0):
        raise refused(
            layer,
            "ReLU with max_value={}, negative_slope={}, threshold={}".format(
                *settings
            ),
        )
    return [Rectifier()]


def _scaled(
    scale: tf.Tensor, offset: tf.Tensor, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    """Values times a scale, plus an offset."""
    scale, offset = tf.cast(scale, dtype), tf.cast(offset, dtype)
    size = tf.abs(scale)
    return [Affine(lambda x: x * scale, lambda r: r * size, shape, offset)]


def _norm(
    layer: layers.BatchNormalization, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    if not is_plain_norm(layer):
        raise refused(layer, "BatchNormalization of another axis, or renorm")
    return _scaled(*scale_and_offset(layer, dtype), shape, dtype)


def _rescaling(
    layer: layers.Rescaling, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    return _scaled(layer.scale, layer.offset, shape, dtype)


def _normalization(
    layer: layers.Normalization, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    if layer.invert:
        raise refused(layer, "Normalization with invert=True")
    mean, variance = (tf.cast(s, dtype) for s in (layer.mean, layer.variance))
    scale = 1.0 / tf.maximum(tf.sqrt(variance), keras.config.epsilon())
    return _scaled(scale, -mean * scale, shape, dtype)


def _nonnegative(
    layer: keras.layers.Layer, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    """A layer whose matrix has no negative entry and that has no bias."""
    return [Affine(layer.call, layer.call, shape)]


def _flatten(
    layer: layers.Flatten, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    def flat(x: tf.Tensor) -> tf.Tensor:
        return tf.reshape(x, (-1, math.prod(shape)))

    return [Affine(flat, flat, shape)]


def _max_pooling(
    layer: layers.MaxPooling2D, shape: Shape, dtype: tf.DType
) -> list[Operation]:
    if max(layer.pool_size) == 1:
        # The shortcuts of the residual nets here: a slice.
        vertical, horizontal = layer.strides

        def pick(x: tf.Tensor) -> tf.Tensor:
            return x[:, ::vertical, ::horizontal]

        return [Affine(pick, pick, shape)]
    return [Maximum(layer.call)]


_OPERATIONS: dict[type, Callable[..., list[Operation]]] = {
    layers.Conv2D: _conv,
    layers.Dense: _dense,
    layers.BatchNormalization: _norm,
    layers.Rescaling: _rescaling,
    layers.Normalization: _normalization,
    layers.AveragePooling2D: _nonnegative,
    layers.GlobalAveragePooling2D: _nonnegative,
    layers.ZeroPadding2D: _nonnegative,
    layers.Flatten: _flatten,
    layers.MaxPooling2D: _max_pooling,
    layers.ReLU: _relu,
    layers.Activation: _activation_layer,
    layers.Add: lambda layer, shape, dtype: [Sum()],
    layers.Dropout: lambda layer, shape, dtype: [],
}
"""What each type of layer computes; subclasses are refused."""
