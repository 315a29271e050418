"""Configs of functional models that share layers, and models from them.

Keras saves layers that several models share, but cannot load them: a tensor
is found by the number of the call that made it, and a shared layer has been
called by the other model before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import keras

Shared = list[dict[str, list]]
"""For each model: name of a layer -> [earlier model, its name there]."""


def shared_layers(models: Sequence[keras.Model]) -> Shared:
    """Names the layers of each model that an earlier one has too.

    Args:
        models: Functional models.

    Raises:
        ValueError: If weights are shared by layers inside nested models.

    Example:
    >>> dense = keras.layers.Dense(2, name="dense")
    >>> inputs = [keras.Input((3,)) for _ in range(2)]
    >>> shared_layers([keras.Model(x, dense(x)) for x in inputs])
    [{}, {'dense': [0, 'dense']}]
    """
    owners: dict[int, list] = {}
    known: set[int] = set()
    found: Shared = []
    for index, model in enumerate(models):
        own = {v.name: owners[id(v)] for v in model.layers if id(v) in owners}
        rest = [w for v in model.layers if v.name not in own for w in v.weights]
        if any(id(w) in known for w in rest):
            raise ValueError(
                "Branches are saved when they share whole layers of their own. "
                f"`{model.name}` shares weights inside a nested model: save "
                "`classifier.base`, or the weights alone with `save_weights`."
            )
        for layer in model.layers:
            owners.setdefault(id(layer), [index, layer.name])
        known.update(id(w) for w in model.weights)
        found.append(own)
    return found


def branch_config(model: keras.Model) -> dict[str, Any]:
    """The serialized form of one model, as if it shared no layer."""
    return _unshared(keras.saving.serialize_keras_object(model))


def branches_from_config(
    configs: Sequence[Mapping], shared: Shared
) -> list[keras.Model]:
    """Builds models and lets them share layers again.

    Args:
        configs: What `branch_config` returned, for each model.
        shared: What `shared_layers` returned.
    """
    models: list[keras.Model] = []
    for config, same in zip(configs, shared, strict=True):
        # Keras empties the configuration that it reads.
        model = keras.saving.deserialize_keras_object(deepcopy(config))
        models.append(_sharing(model, same, models) if same else model)
    return models


def _sharing(
    model: keras.Model, same: dict[str, list], earlier: list[keras.Model]
) -> keras.Model:
    def layer_for(layer: keras.layers.Layer) -> keras.layers.Layer:
        if layer.name in same:
            index, name = same[layer.name]
            return earlier[index].get_layer(name)
        return type(layer).from_config(layer.get_config())

    return keras.models.clone_model(model, clone_function=layer_for)


def _unshared(data: Any) -> Any:
    """The same data without the numbers by which Keras shares objects."""
    if isinstance(data, dict):
        return {
            k: _unshared(v) for k, v in data.items() if k != "shared_object_id"
        }
    if isinstance(data, list | tuple):
        return [_unshared(v) for v in data]
    return data
