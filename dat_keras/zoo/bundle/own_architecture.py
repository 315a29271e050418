"""Which of this package's architectures a net is, layer by layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras

from dat_keras.zoo.bundle.read import build
from dat_keras.zoo.bundle.shapes import NETS
from dat_keras.zoo.cards.spec import ModelSpec


def as_own(spec: ModelSpec, net: keras.Model) -> ModelSpec | None:
    """Returns the spec with the architecture and the width of a net.

    A run that began at a published net has its layers, but no name for them.

    Args:
        spec: What is known but these two.
        net: A functional model.

    Returns:
        The spec that builds the same layers; `None` if there is none.
    """
    own = NETS.get(net.name)
    if own is None:
        return None
    features = net.layers[-1].input.shape[-1]
    width, rest = divmod(features, own.stages[-1])
    if rest or not width:
        return None
    kwargs = {} if width == own.width else {"width": width}
    found = replace(spec, architecture=net.name, kwargs=kwargs)
    return found if _layers(build(found)) == _layers(net) else None


def _layers(net: keras.Model) -> Any:
    """The config of the layers, whether they are trained or not."""
    return _without(net.get_config()["layers"], "trainable")


def _without(content: Any, key: str) -> Any:
    if isinstance(content, dict):
        return {k: _without(v, key) for k, v in content.items() if k != key}
    if isinstance(content, (list, tuple)):
        return [_without(each, key) for each in content]
    return content
