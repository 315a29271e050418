"""Parts of a classifier with a `call` of their own, which no graph shows."""

from __future__ import annotations

import warnings

import keras

from dat_keras.classifiers.inspection import branch_models
from dat_keras.core.keras_private import flat_layers, wants_plain_kernels
from dat_keras.kernels.functional_graph import Graph


def subclassed_parts(model: keras.Model) -> tuple[keras.Model, ...]:
    """Returns the models in a classifier whose layers its graph hides.

    Args:
        model: A classifier without branches.

    Example:
    >>> class Own(keras.Model):
    ...     def call(self, x):
    ...         return x
    >>> image = keras.Input((2,))
    >>> parts = subclassed_parts(keras.Model(image, Own(name="own")(image)))
    >>> [part.name for part in parts]
    ['own']
    """
    graph = Graph.of(model)
    if graph is None:
        return (model,)
    return tuple(n for n in graph.layers() if isinstance(n, keras.Model))


def warn_of_subclassed(classifier: keras.Model) -> None:
    """Warns of a classifier that trains slower than a functional one.

    Args:
        classifier: The classifier.
    """
    if wants_plain_kernels():
        return
    parts = subclassed_parts(branch_models(classifier)[0])
    if parts:
        names = ", ".join(sorted({type(part).__name__ for part in parts}))
        warnings.warn(
            f"{names} has a `call` of its own: its BatchNorm layers are not "
            "folded in attacks, and it trains slower than a functional model.",
            stacklevel=4,
        )


def check_convolutions(model: keras.Model, dtype: str) -> None:
    """Refuses another type of convolutions that no graph shows.

    Args:
        model: A classifier without branches.
        dtype: The type.

    Raises:
        ValueError: If a subclassed part holds a convolution.
    """
    for part in subclassed_parts(model):
        if any(isinstance(n, keras.layers.Conv2D) for n in flat_layers(part)):
            raise ValueError(
                "Attacks in another precision need a functional classifier. "
                f"Received: {type(part).__name__}, dtype={dtype!r}"
            )
