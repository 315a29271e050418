"""The parts of Keras' private API that this package uses, in one place.

Read from Keras 3.15. `tests/core/test_keras_private.py` holds each to what
is expected of it, so that a new Keras fails there and not in a number.
The environment variable `DAT_KERAS_PLAIN_KERNELS=1` turns the kernels that
rest on it off: models are then called as plain Keras calls them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.common import global_state
from keras.src.models.functional import Functional, operation_fn
from keras.src.trainers.compile_utils import MetricsList

__all__ = [
    "Functional",
    "flat_layers",
    "forget_compiled_metrics",
    "forget_layer",
    "forget_losses",
    "functional_of",
    "has_compiled_metrics",
    "nodes_of",
    "number_paths",
    "operation_fn",
    "output_operation",
    "output_reader_input",
    "reuse_skipped_attributes",
    "results_of_compiled_metrics",
    "run_through_graph",
    "share_variables",
    "update_compiled_metrics",
    "uses_weight_decay",
    "wants_plain_kernels",
    "with_directions",
]


def wants_plain_kernels() -> bool:
    """Whether the environment turns the kernels off."""
    return os.environ.get("DAT_KERAS_PLAIN_KERNELS", "0") not in ("", "0")


def flat_layers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Returns a layer or model and all layers inside it."""
    return list(layer._flatten_layers())


def functional_of(model: keras.Model) -> Functional | None:
    """Returns the functional model behind a model without a `call` of its own.

    Args:
        model: Any model; a sequential one has a functional model inside.

    Example:
    >>> layers = [keras.Input((2,)), keras.layers.ReLU()]
    >>> type(functional_of(keras.Sequential(layers))).__name__
    'Functional'
    """
    if isinstance(model, keras.Sequential):
        model = model._functional
    plain = getattr(type(model), "call", None) is Functional.call
    return model if plain else None


def nodes_of(model: Functional) -> Iterator[Any]:
    """Yields the calls of layers that make a model's outputs, inputs first.

    A node has `operation`, `input_tensors`, `outputs` and `arguments`.
    """
    for _, nodes in sorted(model._nodes_by_depth.items())[::-1]:
        yield from (node for node in nodes if not node.is_input)


def run_through_graph(
    model: Functional, x: tf.Tensor, call: Callable[[keras.Operation], Callable]
) -> tf.Tensor:
    """Returns a model's output, every layer called through `call(layer)`."""
    out = model._run_through_graph([x], operation_fn=call)
    return tf.nest.flatten(out)[0]


def share_variables(
    source: keras.layers.Layer, target: keras.layers.Layer
) -> None:
    """Lets a built layer use the variables of another in place of its own.

    Variables of layers inside it are left alone.

    Args:
        source: A built layer.
        target: A built layer of the same class and settings.

    Example:
    >>> layers = [keras.layers.Dense(2), keras.layers.Dense(2)]
    >>> for layer in layers:
    ...     layer.build((None, 3))
    >>> share_variables(*layers)
    >>> layers[0].kernel is layers[1].kernel
    True
    """
    places: dict[int, keras.Variable] = {}
    for kind in ("_trainable_variables", "_non_trainable_variables"):
        olds, news = getattr(target, kind), getattr(source, kind)
        places |= {id(o): n for o, n in zip(olds, news, strict=True)}
        olds[:] = news
    for name, value in list(vars(target).items()):
        if id(value) in places:
            # Assigned as an attribute, it would be refused: Keras has closed
            # the lists of a built layer.
            vars(target)[name] = places[id(value)]


def number_paths(model: keras.Model) -> None:
    """Gives weights paths that depend on their order alone.

    Paths are made of names of layers, which Keras makes up where a class gives
    its inner layers none.

    Args:
        model: A model whose layers are built.

    Example:
    >>> net = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    >>> number_paths(net)
    >>> [w.path for w in net.weights]
    ['0000/kernel', '0001/bias']
    """
    for number, variable in enumerate(model.weights):
        variable._path = f"{number:04d}/{variable.name}"


def output_operation(model: keras.Model) -> keras.Operation:
    """Returns the layer that makes a functional model's first output."""
    return model.outputs[0]._keras_history.operation


def output_reader_input(model: keras.Model) -> keras.KerasTensor:
    """Returns what the layer of a functional model's first output reads."""
    # A layer shared by branches has many inputs; the output knows which.
    operation, node, _ = model.outputs[0]._keras_history
    return operation._inbound_nodes[node].input_tensors[0]


def update_compiled_metrics(
    model: keras.Model, y: tf.Tensor, logits: tf.Tensor, weight: Any
) -> dict[str, Any]:
    """Updates the metrics that `compile` was given, and returns results.

    The public `compute_metrics` returns those of all other metrics too.

    Args:
        model: A compiled model.
        y: Labels.
        logits: Its output.
        weight: Sample weights or `None`.
    """
    metrics = model._compile_metrics
    if metrics is None:
        return {}
    metrics.update_state(y, logits, weight)
    return metrics.result()


def results_of_compiled_metrics(model: keras.Model) -> dict[str, Any]:
    """Returns the results of the metrics that `compile` was given."""
    metrics = model._compile_metrics
    return {} if metrics is None else metrics.result()


def forget_losses(model: keras.Model) -> None:
    """Empties the lists in which layers keep what they added to the loss.

    Left there by a traced pass, `model.losses` would hold tensors of a graph.
    """
    model._clear_losses()


def forget_compiled_metrics(model: keras.Model) -> None:
    """Drops the metrics of an earlier `compile`, which Keras would keep."""
    model._compile_metrics = None


def forget_layer(model: keras.Model, layer: keras.layers.Layer) -> None:
    """Removes a layer that was an attribute from what the model tracks.

    Setting the attribute to something else would leave its weights in the
    model, and in what the model saves.
    """
    model._tracker.untrack(layer)


def reuse_skipped_attributes() -> None:
    """Lets Keras find what it stored while it saved weights; call it after.

    `saving_lib` stores the attributes that it skips in objects of a kind, and
    looks for them under another name. So every save makes another optimizer to
    list them, whose variables have new names: TensorFlow keeps a kernel of
    35 KiB for each name until the process ends.
    """
    for kind in ("Functional", "Layer", "Loss", "Metric", "Optimizer"):
        stored = global_state.get_global_attribute(
            f"saving_attr_skipset_{kind}"
        )
        if stored is not None:
            global_state.set_global_attribute(
                f"saving_attr_skiplist_{kind}", stored
            )


def uses_weight_decay(
    optimizer: keras.optimizers.Optimizer, variable: keras.Variable
) -> bool:
    """Whether `exclude_from_weight_decay` did not name a variable."""
    return optimizer._use_weight_decay(variable)


def has_compiled_metrics(model: keras.Model) -> bool:
    """Whether `compile` was given metrics."""
    return model._compile_metrics is not None


def with_directions(metrics: list[keras.Metric]) -> keras.Metric:
    """Returns metrics as one, in which callbacks look for directions.

    `EarlyStopping` and `ModelCheckpoint` with `mode="auto"` read `_direction`
    of metrics inside such a list alone.
    """
    return _Listed(metrics)


class _Listed(MetricsList):
    def result(self) -> dict[str, Any]:
        return self.get_result()
