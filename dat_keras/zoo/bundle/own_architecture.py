"""Which of this package's architectures a net is, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from dat_keras.zoo.bundle.read import ReadModel, build
from dat_keras.zoo.bundle.shapes import NETS
from dat_keras.zoo.cards.spec import ModelSpec


def as_own(spec: ModelSpec, net: keras.Model) -> ReadModel | None:
    """Returns a net as one of this package's architectures.

    A run that began at a published net has its layers, but no name for them,
    and numbers its weights.

    Args:
        spec: What is known of the net but architecture, width and statistics.
        net: A functional model from images to logits.

    Returns:
        The net with the names of its weights, and its spec; `None` if it has
        other layers.
    """
    own = NETS.get(net.name)
    kernel = getattr(net.layers[-1], "kernel", None)
    if own is None or kernel is None:
        return None
    kwargs: dict[str, Any] = {}
    # Of other layers it is any number, and the comparison below fails.
    width = max(1, kernel.shape[0] // own.stages[-1])
    if width != own.width:
        kwargs["width"] = width
    for layer in net.layers:
        if layer.name == "mean_std":
            std = [variance**0.5 for variance in layer.input_variance]
            kwargs["mean_std"] = [list(layer.input_mean), std]
    found = replace(spec, architecture=net.name, kwargs=kwargs)
    named = build(found)
    if _layers(named) != _layers(net):
        return None
    named.set_weights(net.get_weights())
    return ReadModel(named, found)


def _layers(net: keras.Model) -> Any:
    """The config of the layers; variances, from roots, may be rounded."""
    return _without(net.get_config()["layers"], {"trainable", "variance"})


def _without(content: Any, keys: set[str]) -> Any:
    if isinstance(content, dict):
        return {
            k: _without(v, keys) for k, v in content.items() if k not in keys
        }
    if isinstance(content, (list, tuple)):
        return [_without(each, keys) for each in content]
    return content
