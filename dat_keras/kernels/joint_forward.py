"""Joint training-mode forward passes of several batches through one classifier.

Each batch has BatchNorm statistics, and a branch, of its own; all else is
shared. A convolution whose kernel is larger than its images runs once on the
concatenated batches: its kernel is read, transformed and differentiated once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from dat_keras.core.keras_private import operation_fn
from dat_keras.core.onednn import strided_conv2d, strided_gradient_crashes
from dat_keras.core.types import Images, Logits
from dat_keras.kernels import winograd
from dat_keras.kernels.functional_graph import Graph
from dat_keras.kernels.fused_batch_norm import is_fusable, normalized
from dat_keras.kernels.rematerialization import (
    Activation,
    GradientOrder,
    call_twice,
    rectified,
)


def run_jointly(
    graphs: Sequence[Graph], images: Sequence[Images]
) -> list[Logits]:
    """Returns what each model returns for its images in training mode.

    Args:
        graphs: The model of each batch. They may share layers, or be one.
        images: The batches.

    Example:
    >>> net = keras.Sequential([keras.Input((2,)), layers.ReLU()])
    >>> graph, x = Graph.of(net), tf.constant([[-1.0, 1.0]])
    >>> [y.numpy().tolist() for y in run_jointly([graph, graph], [x, 2 * x])]
    [[[0.0, 1.0]], [[0.0, 2.0]]]
    """
    if len({len(graph.layers()) for graph in graphs}) > 1:
        pairs = zip(graphs, images, strict=True)
        return [z for g, x in pairs for z in run_jointly([g], [x])]
    with tf.control_dependencies(images):
        # Wait for all inputs: half a pass would only occupy memory.
        images = [tf.identity(x) for x in images]
    known = [
        {id(g.model.inputs[0]): Activation(tf.cast(x, g.model.inputs[0].dtype))}
        for g, x in zip(graphs, images, strict=True)
    ]
    order = GradientOrder()
    for nodes in zip(*(graph.nodes() for graph in graphs), strict=True):
        inputs = [
            [values[id(x)] for x in node.input_tensors]
            for values, node in zip(known, nodes, strict=True)
        ]
        outputs = _outputs(nodes, inputs, order)
        for values, node, made in zip(known, nodes, outputs, strict=True):
            values |= zip(map(id, node.outputs), made, strict=True)
    return [
        values[id(graph.model.outputs[0])].value
        for values, graph in zip(known, graphs, strict=True)
    ]


def _outputs(
    nodes: Sequence[Any], inputs: list[list[Activation]], order: GradientOrder
) -> list[list[Activation]]:
    """What the nodes in one place of all graphs make of their inputs."""
    layer, shape = nodes[0].operation, nodes[0].outputs[0].shape
    shared = all(node.operation is layer for node in nodes)
    if shared and _is_plain(layer) and winograd.outweighs(layer, shape):
        xs = [x for (x,) in inputs]
        together = _convolved(layer, xs, shape, order)
        return [[y] for y in together]
    return [
        _passed(node, xs, order) for node, xs in zip(nodes, inputs, strict=True)
    ]


def _passed(
    node: Any, inputs: list[Activation], order: GradientOrder
) -> list[Activation]:
    """What one node makes of its inputs."""
    layer = node.operation
    if is_fusable(layer):
        return [normalized(layer, *inputs)]
    if _is_rectifier(layer):
        return [rectified(*inputs)]
    if _is_plain(layer):
        return _convolved(layer, inputs, node.outputs[0].shape, order)
    if type(layer) is layers.ZeroPadding2D:
        return [Activation.of(layer.call, *inputs)]
    if type(layer) is layers.Add and all(x.recompute for x in inputs):
        return [Activation.of(lambda *xs: layer.call(xs), *inputs)]
    values = zip(map(id, node.input_tensors), inputs, strict=True)
    args, options = node.arguments.fill_in({k: x.value for k, x in values})
    outputs = operation_fn(layer, training=True)(*args, **options)
    return [Activation(y) for y in tf.nest.flatten(outputs)]


def _is_plain(layer: keras.Operation) -> bool:
    """Whether a layer is a convolution by a kernel, and nothing else."""
    return (
        type(layer) is layers.Conv2D
        and isinstance(layer.kernel, keras.Variable)
        and layer.bias is None
        and layer.activation is keras.activations.linear
    )


def _is_rectifier(layer: keras.Operation) -> bool:
    return type(layer) is layers.ReLU and (
        layer.max_value,
        layer.negative_slope,
        layer.threshold,
    ) == (None, 0.0, 0.0)


def _convolved(
    layer: layers.Conv2D,
    inputs: list[Activation],
    shape: Sequence[int | None],
    order: GradientOrder,
) -> list[Activation]:
    """Convolves batches as if they were one."""
    dtype = layer.compute_dtype
    tiles = winograd.tiles_for(layer, shape, dtype)
    convolution = _convolution_of(layer, inputs[0].value.shape[-1])

    def convolve(kernel: tf.Tensor, *batches: tf.Tensor) -> list[tf.Tensor]:
        x = tf.cast(tf.concat(batches, axis=0), dtype)
        if tiles is None:
            y = convolution(x, tf.cast(kernel, dtype))
        else:
            with tf.control_dependencies([x]):
                # Transform the kernel only when its input is there.
                kernel = tf.identity(kernel)
            y = tiles.convolve(x, tf.cast(tiles.transform(kernel), dtype))
        return tf.split(y, [tf.shape(batch)[0] for batch in batches])

    kernel = tf.identity(layer.kernel.value)
    return [
        Activation(y) for y in call_twice(convolve, [kernel], inputs, order)
    ]


def _convolution_of(
    layer: layers.Conv2D, channels: int | None
) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The layer's convolution, as a function of images and kernel."""
    if strided_gradient_crashes(layer.kernel_size, layer.strides, channels):
        return lambda x, kernel: strided_conv2d(x, kernel, layer.strides)
    return layer.convolution_op
