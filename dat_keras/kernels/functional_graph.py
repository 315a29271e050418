"""A functional model as a graph of layer calls, some of which are replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from dat_keras.core.keras_private import (
    Functional,
    functional_of,
    nodes_of,
    operation_fn,
    run_through_graph,
    wants_plain_kernels,
)

Swap = Callable[..., tf.Tensor]
"""Replaces a layer: takes its inputs, returns its output."""


@dataclass(frozen=True)
class Graph:
    """A functional model as the nodes that make its output.

    Args:
        model: A functional or sequential model.

    Example:
    >>> net = keras.Sequential([keras.Input((2,)), keras.layers.ReLU()])
    >>> graph = Graph.of(net)
    >>> [type(layer).__name__ for layer in graph.layers()]
    ['ReLU']
    """

    model: Functional

    @classmethod
    def of(cls, model: keras.Model) -> Graph | None:
        """Returns a model's graph; `None` where `call` is the model's own.

        Also `None` for several inputs, and where the environment asks for
        plain Keras calls (`keras_private.py`).
        """
        functional = None if wants_plain_kernels() else functional_of(model)
        if functional is None or len(functional.inputs) != 1:
            return None
        return cls(functional)

    def layers(self) -> list[keras.Operation]:
        """Returns the layer of each node, from input to output."""
        return [node.operation for node in self.nodes()]

    def called_once(self) -> Iterator[keras.Operation]:
        """Yields the layers that are called once, from input to output."""
        calls = Counter(self.layers())
        yield from (layer for layer, count in calls.items() if count == 1)

    def shapes(self) -> list[tuple[keras.Operation, tuple[int | None, ...]]]:
        """Returns the layer of each node with the shape of its output."""
        return [(n.operation, n.outputs[0].shape) for n in self.nodes()]

    def only_reader(self, layer: keras.Operation) -> keras.Operation | None:
        """Returns the one layer that reads the output of `layer`, if so."""
        (made,) = (n.outputs for n in self.nodes() if n.operation is layer)
        readers = [
            node.operation
            for node in self.nodes()
            for x in node.input_tensors
            if x is made[0]
        ]
        is_output = any(x is made[0] for x in self.model.outputs)
        return readers[0] if len(readers) == 1 and not is_output else None

    def run(
        self,
        x: tf.Tensor,
        swaps: Mapping[keras.Operation, Swap],
    ) -> tf.Tensor:
        """Returns what the model returns for `x` in inference mode.

        Args:
            x: Input of the model.
            swaps: What is called in place of a layer.
        """

        def call(layer: keras.Operation) -> Swap:
            if (swap := swaps.get(layer)) is not None:
                # Images have no masks, which layers would be given too.
                return lambda *inputs, **_: swap(*inputs)
            return operation_fn(layer, training=False)

        x = tf.cast(x, self.model.inputs[0].dtype)
        return run_through_graph(self.model, x, call)

    def nodes(self) -> Iterator[Any]:
        """Returns Keras' nodes, from input to output."""
        return nodes_of(self.model)
