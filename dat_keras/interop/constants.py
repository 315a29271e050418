"""Tensors of layers as NumPy arrays, which become constants of a graph.

A tensor that is no variable, such as the mean of a `Normalization` layer, is
captured by a graph as one more input; the ONNX converter leaves it one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from dat_keras.core.keras_private import flat_layers


@contextmanager
def tensors_as_constants(model: keras.Model) -> Iterator[None]:
    """Replaces tensors among the attributes of layers inside a `with`.

    Args:
        model: The model; it is as before afterwards.

    Example:
    >>> layer = keras.layers.Normalization(mean=0.5, variance=1.0)
    >>> net = keras.Sequential([keras.Input((2,)), layer])
    >>> with tensors_as_constants(net):
    ...     type(layer.mean).__name__
    'ndarray'
    >>> type(layer.mean).__name__
    'EagerTensor'
    """
    held = [
        (vars(layer), name, value)
        for layer in flat_layers(model)
        for name, value in vars(layer).items()
        if isinstance(value, tf.Tensor) and hasattr(value, "numpy")
    ]
    try:
        for attributes, name, value in held:
            attributes[name] = value.numpy()
        yield
    finally:
        for attributes, name, value in held:
            attributes[name] = value
