"""Copies of a functional classifier's layers, with their weights, in one graph.

Nested functional models are written out, so that every layer of the copy lies
in one flat graph: BatchNorm then folds into convolutions (`fold_batch_norm.py`)
wherever a model comes from.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection
from typing import Any

import keras
from keras import KerasTensor

from dat_keras.core.keras_private import functional_of, run_through_graph

LayerFor = Callable[[keras.layers.Layer], keras.layers.Layer]
"""Returns the layer to call in place of another."""


def run_flat(
    model: keras.Model, x: KerasTensor, layer_for: LayerFor
) -> KerasTensor:
    """Calls a model's layers, or others in their place, on another input.

    Args:
        model: A functional or sequential model of one input and one output.
        x: Its new input.
        layer_for: Returns what to call in place of a layer.

    Raises:
        ValueError: If the model has a `call` of its own.

    Example:
    >>> inner = keras.Sequential([keras.Input((2,)), keras.layers.ReLU()])
    >>> net = keras.Sequential([keras.Input((2,)), inner])
    >>> x = keras.Input((2,))
    >>> flat = keras.Model(x, run_flat(net, x, lambda layer: layer))
    >>> [type(layer).__name__ for layer in flat.layers]
    ['InputLayer', 'ReLU']
    """
    functional = functional_of(model)
    if functional is None:
        raise ValueError(
            "Layers can be copied of a functional or sequential model only: "
            "a `call` of its own may do anything. Received: "
            f"{type(model).__name__}"
        )

    def call(operation: Any) -> Callable:
        inner = operation if isinstance(operation, keras.Model) else None
        if inner is not None and _is_inlined(inner):
            return lambda x, **_: run_flat(inner, x, layer_for)
        if isinstance(operation, keras.layers.Layer):
            return layer_for(operation)
        # An operation of `keras.ops` has no state: it is called once more.
        return operation

    return run_through_graph(functional, x, call)


def _is_inlined(model: keras.Model) -> bool:
    functional = functional_of(model)
    if functional is None:
        return False
    return len(functional.inputs) == len(functional.outputs) == 1


class LayerCopies:
    """Makes one copy of each layer; `copy_weights` then fills it.

    Args:
        suffix: Appended to the names of the copies.
        taken: Names that other layers of the graph have.

    Example:
    >>> dense = keras.layers.Dense(2)
    >>> net = keras.Sequential([keras.Input((3,)), dense])
    >>> copies = LayerCopies()
    >>> y = run_flat(net, keras.Input((3,)), copies)
    >>> copies.copy_weights()
    >>> bool((copies(dense).kernel == dense.kernel).numpy().all())
    True
    """

    def __init__(self, suffix: str = "", taken: Collection[str] = ()) -> None:
        self.suffix = suffix
        self.made: dict[int, keras.layers.Layer] = {}
        self._originals: dict[int, keras.layers.Layer] = {}
        self._names = set(taken)

    def __call__(self, layer: keras.layers.Layer) -> keras.layers.Layer:
        """Returns the copy of a layer, of the same class and settings."""
        if id(layer) not in self.made:
            self.made[id(layer)] = _copy(layer, self._free(layer.name))
            self._originals[id(layer)] = layer
        return self.made[id(layer)]

    def copy_weights(self) -> None:
        """Gives the copies the weights of their originals, bit by bit."""
        for key, copy in self.made.items():
            pairs = zip(copy.weights, self._originals[key].weights, strict=True)
            for variable, source in pairs:
                variable.assign(source)

    def _free(self, name: str) -> str:
        # Layers of two nested models may have one name.
        free, count = f"{name}{self.suffix}", 1
        while free in self._names:
            free, count = f"{name}_{count}{self.suffix}", count + 1
        self._names.add(free)
        return free


def _copy(layer: keras.layers.Layer, name: str) -> keras.layers.Layer:
    config = {**layer.get_config(), "name": name}
    try:
        return type(layer).from_config(config)
    except TypeError:
        # Some layers of KerasHub report more than they can be made from.
        known = {
            argument
            for cls in type(layer).__mro__
            for argument in inspect.signature(cls).parameters
        }
        odd = config.keys() - known
        if not odd:
            raise
    copy = type(layer).from_config(_without(config, odd))
    own = copy.get_config
    # So can the copy be saved and loaded.
    copy.get_config = lambda: _without(own(), odd)
    return copy


def _without(config: dict[str, Any], odd: Collection[str]) -> dict[str, Any]:
    return {k: v for k, v in config.items() if k not in odd}


def input_like(model: keras.Model) -> KerasTensor:
    """Returns a new input with the shape, type and name of a model's.

    Args:
        model: A functional model of one input.
    """
    old = model.inputs[0]
    name = getattr(old, "name", None)
    return keras.Input(batch_shape=old.shape, dtype=old.dtype, name=name)
