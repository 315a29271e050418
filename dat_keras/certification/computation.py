"""A functional Keras model as a `Computation` that bounds can pass through."""

from __future__ import annotations

from collections.abc import Iterator

import keras
import tensorflow as tf

from dat_keras.certification.layers import operations_of, refused
from dat_keras.certification.operations import Call, Computation
from dat_keras.core.keras_private import functional_of, nodes_of


def computation_of(model: keras.Model, dtype: tf.DType) -> Computation:
    """Returns a model's operations in inference mode, with its weights of now.

    Args:
        model: A functional or sequential model of one input, images, and one
            output, logits. Models inside it are entered.
        dtype: Type to compute in.

    Raises:
        ValueError: If a layer has no known bounds; it names the layer.

    Example:
    >>> layers = [keras.Input((2, 2, 1)), keras.layers.Flatten()]
    >>> net = keras.Sequential([*layers, keras.layers.Dense(3)])
    >>> computation = computation_of(net, tf.float32)
    >>> [type(call.operation).__name__ for call in computation.calls]
    ['Affine', 'Affine']
    """
    reader = _Reader(dtype)
    calls = list(reader.read(model, 0))
    return Computation(tuple(calls), reader.last, model.output_shape[-1])


class _Reader:
    """Numbers the values of a model and of the models inside it."""

    def __init__(self, dtype: tf.DType) -> None:
        self.dtype = dtype
        self.count = 1
        self.last = 0

    def read(self, model: keras.Model, source: int) -> Iterator[Call]:
        """Yields a model's calls; leaves the number of its output in `last`.

        Args:
            model: The model.
            source: Number of its input.
        """
        functional = functional_of(model)
        if functional is None:
            raise refused(model, f"{type(model).__name__} with its own call")
        if len(functional.inputs) != 1 or len(functional.outputs) != 1:
            raise refused(model, "a model of several inputs or outputs")
        numbers = {id(functional.inputs[0]): source}
        for node in nodes_of(functional):
            inputs = tuple(numbers[id(x)] for x in node.input_tensors)
            yield from self._node(node, inputs)
            numbers[id(node.outputs[0])] = self.last
        self.last = numbers[id(functional.outputs[0])]

    def _node(self, node: object, inputs: tuple[int, ...]) -> Iterator[Call]:
        layer = node.operation  # type: ignore[attr-defined]
        if isinstance(layer, keras.Model):
            yield from self.read(layer, *inputs)
            return
        shape = node.input_tensors[0].shape[1:]  # type: ignore[attr-defined]
        (self.last, *_) = inputs
        for operation in operations_of(layer, tuple(shape), self.dtype):
            yield Call(operation, inputs, self.count)
            inputs = (self.last,) = (self.count,)
            self.count += 1
