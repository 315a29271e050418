"""Identity of the function that a classifier computes with given weights.

Nets with equal weights may differ in a `Rescaling` or an activation, which a
hash of the weights does not show.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from dat_keras.classifiers.inspection import branch_models
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.keras_private import functional_of

FunctionIdentity: TypeAlias = str | list[list[float]]
"""Hash of a functional classifier's config, or logits of a few images; an
empty list where passes over the same images differ."""

PROBES = 16
"""Number of images whose logits stand for a classifier without a config."""

TOLERANCE = 1e-2
"""Largest difference between logits, relative to their norm, that rounding on
another device causes."""

_KNOWN = ("keras", "dat_keras")
"""Packages whose classes do what their config says."""
_IRRELEVANT = ("name", "trainable", "build_config", "shared_object_id", "seed")
_TRAINING = ("_initializer", "_regularizer", "_constraint", "momentum")


class _NoConfig(Exception):
    """The config does not tell what the classifier computes."""


def function_identity(model: keras.Model, x: np.ndarray) -> FunctionIdentity:
    """Returns what identifies a classifier's function beside its weights.

    Names of layers, initial values and regularizers do not count.

    Args:
        model: The classifier.
        x: Images, of which the first `PROBES` are classified where layers are
            not Keras' or this package's own.

    Example:
    >>> x = np.ones((1, 1, 1, 2), np.float32)
    >>> def scaled(by):
    ...     layers = keras.layers.Rescaling(by), keras.layers.Flatten()
    ...     return keras.Sequential([keras.Input((1, 1, 2)), *layers])
    >>> one, same, other = (
    ...     function_identity(scaled(by), x) for by in (2.0, 2.0, 3.0)
    ... )
    >>> same_function(one, same), same_function(one, other)
    (True, False)
    """
    functional = functional_of(branch_models(model)[0])
    if functional is not None:
        try:
            config = json.dumps(_essence(functional.get_config(), {}))
            return hashlib.sha256(config.encode()).hexdigest()
        except (_NoConfig, NotImplementedError, TypeError, KeyError):
            pass
    predict, probes = Predictor(model), tf.constant(x[:PROBES])
    logits, again = (predict(probes).numpy() for _ in range(2))
    if _differ(logits, again):
        return []
    return [[float(f"{z:.5g}") for z in row] for row in logits]


def same_function(one: FunctionIdentity, other: FunctionIdentity) -> bool:
    """Returns whether two classifiers of equal weights are the same.

    Args:
        one: Identity of a classifier.
        other: That of another.
    """
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    try:
        a, b = np.array(one, np.float64), np.array(other, np.float64)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and not _differ(a, b)


def _differ(a: np.ndarray, b: np.ndarray) -> bool:
    scale = np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1.0)
    return bool((np.abs(a - b) > TOLERANCE * scale).any())


def _essence(value: Any, places: Mapping[str, int]) -> Any:
    """A config without names; `places` has the layers of the model by name."""
    if isinstance(value, list | tuple):
        return [_essence(each, places) for each in value]
    if not isinstance(value, dict):
        return value
    name = str(value.get("class_name", ""))
    module = str(value.get("module") or "keras")
    # Code that a config holds or names may change under the same name.
    if module.partition(".")[0] not in _KNOWN or name in (
        "Lambda",
        "__lambda__",
    ):
        raise _NoConfig
    if name == "__keras_tensor__":
        layer, *index = value["config"]["keras_history"]
        return ["tensor", places[layer], *index]
    if name.endswith("Policy"):
        return [name, value["config"]]
    if isinstance(value.get("layers"), list):
        names = [layer["config"].get("name") for layer in value["layers"]]
        places = {each: place for place, each in enumerate(names)}
    return {
        key: _placed(part, places)
        if key in ("input_layers", "output_layers")
        else _essence(part, places)
        for key, part in sorted(value.items())
        if key not in _IRRELEVANT and not key.endswith(_TRAINING)
    }


def _placed(value: Any, places: Mapping[str, int]) -> Any:
    """Names of layers, at any depth, as their places."""
    if isinstance(value, list | tuple):
        return [_placed(each, places) for each in value]
    return places.get(value, value) if isinstance(value, str) else value
