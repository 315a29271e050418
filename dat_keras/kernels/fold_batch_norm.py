"""Inference-mode BatchNorm folded into the convolution before it.

    norm(conv(x, W)) = conv(x, W * s) + (beta - mean * s),
    s = gamma / sqrt(variance + epsilon)

A convolution then costs one operation instead of three, forward and backward.
As its kernel is known beforehand, it may also be transformed beforehand
(winograd.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import layers

from dat_keras.kernels import winograd
from dat_keras.kernels.functional_graph import Graph, Swap

DTYPES = {"float32": tf.float32, "bfloat16": tf.bfloat16}
"""Types that convolutions may compute in, by name. Not float16: gradients of
pixels would vanish in it."""

CARRIED = (layers.ReLU, layers.Add, layers.ZeroPadding2D)
"""Layers without weights that compute in whatever type they are given."""


def folded(graph: Graph, dtype: str | None = None) -> dict:
    """Folds the current weights; returns replacements of the layers concerned.

    Args:
        graph: The model to run in inference mode.
        dtype: Type of all convolutions but the first, whose input needs the
            precision of pixels. Default: each layer's own.

    Returns:
        What to call in place of each convolution, BatchNorm layer and layer
        between them.

    Example:
    >>> net = keras.Sequential(
    ...     [
    ...         keras.Input((4, 4, 3)),
    ...         layers.Conv2D(2, 3),
    ...         layers.BatchNormalization(),
    ...     ]
    ... )
    >>> graph = Graph.of(net)
    >>> swaps, x = folded(graph), tf.ones((1, 4, 4, 3))
    >>> bool(tf.reduce_max(abs(graph.run(x, swaps) - net(x))) < 1e-5)
    True
    """
    swaps: dict[keras.Operation, Swap] = {}
    if dtype is not None:
        carried = (n for n in graph.layers() if isinstance(n, CARRIED))
        swaps |= {layer: layer.call for layer in carried}
    shapes = dict(graph.shapes())
    first, once = True, dict.fromkeys(graph.called_once())
    for layer in once:
        if type(layer) is layers.Conv2D:
            norm = _norm_behind(graph, layer)
            if norm not in once:
                norm = None
            out = dtype or layer.compute_dtype
            own = layer.compute_dtype if first else out
            swaps[layer] = _convolution(layer, norm, shapes[layer], own, out)
            first = False
            if norm is not None:
                swaps[norm] = tf.identity
        elif is_plain_norm(layer) and layer not in swaps:
            swaps[layer] = _affine(layer)
    return swaps


def is_plain_norm(layer: keras.Operation) -> bool:
    """Whether a layer is BatchNorm over all but the last axis, no variant."""
    return (
        type(layer) is layers.BatchNormalization
        and layer.axis in (-1, layer.input_spec.ndim - 1)
        and not layer.renorm
    )


def _norm_behind(
    graph: Graph, layer: layers.Conv2D
) -> layers.BatchNormalization | None:
    """The norm that alone reads a convolution's output, if there is one."""
    reader = graph.only_reader(layer)
    linear = layer.activation is keras.activations.linear
    channels_last = layer.data_format == "channels_last"
    foldable = linear and channels_last and is_plain_norm(reader)
    return reader if foldable else None


def _convolution(
    layer: layers.Conv2D,
    norm: layers.BatchNormalization | None,
    shape: Sequence[int | None],
    dtype: str,
    out: str,
) -> Swap:
    # A variable, or with LoRA a tensor.
    kernel = tf.convert_to_tensor(layer.kernel)
    bias = None if layer.bias is None else layer.bias.value
    if norm is not None:
        scale, offset = scale_and_offset(norm)
        kernel *= scale
        bias = offset if bias is None else offset + bias * scale
    convolve = layer.convolution_op
    if tiles := winograd.tiles_for(layer, shape, dtype):
        kernel, convolve = tiles.transform(kernel), tiles.convolve
    kernel = tf.cast(kernel, dtype)

    def call(x: tf.Tensor) -> tf.Tensor:
        y = convolve(tf.cast(x, dtype), kernel)
        if bias is not None:
            y = tf.nn.bias_add(y, tf.cast(bias, dtype))
        return tf.cast(layer.activation(y), out)

    return call


def _affine(norm: layers.BatchNormalization) -> Swap:
    scale, offset = scale_and_offset(norm)
    return lambda x: x * tf.cast(scale, x.dtype) + tf.cast(offset, x.dtype)


def scale_and_offset(
    norm: layers.BatchNormalization, dtype: tf.DType | None = None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns s and t of `norm(x) = s x + t` in inference mode.

    Args:
        norm: The layer.
        dtype: Type in which they are computed. Default: that of the weights.
    """
    scale = tf.math.rsqrt(_read(norm.moving_variance, dtype) + norm.epsilon)
    if norm.scale:
        scale *= _read(norm.gamma, dtype)
    offset = -_read(norm.moving_mean, dtype) * scale
    if norm.center:
        offset += _read(norm.beta, dtype)
    return scale, offset


def _read(variable: keras.Variable, dtype: tf.DType | None) -> tf.Tensor:
    return variable.value if dtype is None else tf.cast(variable.value, dtype)
