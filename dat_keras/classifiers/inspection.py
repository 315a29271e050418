"""The parts of a classifier: its branches, its last layer, its features."""

from __future__ import annotations

import keras

from dat_keras.core.keras_private import (
    functional_of,
    output_operation,
    output_reader_input,
)


def feature_size(classifier: keras.Model) -> int | None:
    """Number of features that a classifier's last layer reads.

    Args:
        classifier: Any classifier.

    Returns:
        `F`, or `None` for a classifier that does not show its last layer: a
        subclassed model, or one nested in another.

    Example:
    >>> layers = [keras.Input((7,)), keras.layers.Dense(2)]
    >>> feature_size(keras.Sequential(layers))
    7
    """
    base = branch_models(classifier)[0]
    if functional_of(base) is None:
        return None
    shape = output_reader_input(base).shape
    return shape[1] if len(shape) == 2 else None


def branch_models(classifier: keras.Model) -> list[keras.Model]:
    """Returns a classifier's branches; one without any is its own."""
    return getattr(classifier, "branches", [classifier])


def last_layer(classifier: keras.Model) -> keras.layers.Layer:
    """The layer that makes the logits, on every BatchNorm branch.

    Args:
        classifier: A functional or branched classifier.

    Example:
    >>> layers = [keras.Input((7,)), keras.layers.Dense(2, name="logits")]
    >>> last_layer(keras.Sequential(layers)).name
    'logits'
    """
    return output_operation(branch_models(classifier)[0])


def with_features(model: keras.Model) -> keras.Model:
    """Returns a functional model that outputs features and logits.

    Args:
        model: A functional model.
    """
    features = output_reader_input(model)
    return keras.Model(model.inputs, [features, model.outputs[0]])


def random_states(model: keras.Model) -> dict[str, keras.Variable]:
    """Returns the states of random layers such as dropout, by their order.

    Keras saves them nowhere, and their names differ from process to process.

    Args:
        model: A built model.

    Example:
    >>> layers = [keras.Input((2,)), keras.layers.Dropout(0.5)]
    >>> list(random_states(keras.Sequential(layers)))
    ['random_state_0']
    """
    weights = {id(w) for w in model.weights}
    states = [v for v in model.non_trainable_variables if id(v) not in weights]
    return {f"random_state_{i}": v for i, v in enumerate(states)}
