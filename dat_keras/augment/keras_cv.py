"""Augmentation layers of KerasCV, their random numbers keyed to the step."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import tensorflow as tf

from dat_keras.augment.base import Augment
from dat_keras.core.keras_private import flat_layers
from dat_keras.core.random import BatchKey, Key
from dat_keras.core.types import Images, Labels
from dat_keras.utils.registry import lookup

UNKEYED = ("Random", "Multinomial", "ParameterizedTruncatedNormal")
"""Prefixes of the operations that draw from a state which cannot be reset."""


@dataclass(frozen=True)
class KerasCV(Augment):
    """An augmentation layer of KerasCV as a part of the training step.

    KerasCV's layers draw from hidden state, so a resumed run would see other
    images. Here all numbers come from one generator that is reset to the key
    of the step. Layers that draw in other ways cannot be keyed and are
    refused when they are first traced: `AugMix`, `RandAugment` (this library
    has its own), `FourierMix`, `MixUp` and `CutMix` (likewise).

    Known to work: `GridMask`, `RandomCutout`, `RandomHue`,
    `RandomSharpness`, `RandomGaussianBlur`, `ChannelShuffle`,
    `RandomChannelShift`, `Posterization`, `Grayscale`.

    Args:
        layer: Name of a class in `keras_cv.layers`, which recipes can store,
            or a layer. By name it is built for pixels in `[0, 1]`.
        arguments: Pairs of an argument's name and its value, for a name.

    Raises:
        ValueError: If the name is unknown, or the layer draws numbers that
            cannot be keyed, or the step runs on several replicas.

    Example:
    >>> KerasCV("GridMask").layer
    'GridMask'

    Reference:
        [Chen et al., 2020](https://arxiv.org/abs/2001.04086), GridMask.
    """

    layer: Any
    arguments: tuple[tuple[str, Any], ...] = ()

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the layer's images; labels stay as they are."""
        replica = tf.distribute.get_replica_context()
        if replica.num_replicas_in_sync > 1 or not isinstance(key, BatchKey):
            raise ValueError(
                "`KerasCV` draws for one batch on one device: it runs neither "
                "on several replicas nor with a key for each row."
            )
        layer, generator = self._keyed
        counter = tf.zeros((2,), tf.int64)
        generator.reset_from_key_counter(_folded(key.seed), counter)
        traced = tf.function(
            lambda images: layer(images, training=True), autograph=True
        ).get_concrete_function(tf.TensorSpec(x.shape, tf.float32))
        _refuse_unkeyed(layer, traced)
        return tf.clip_by_value(traced(x), 0.0, 1.0), y

    @cached_property
    def _keyed(self) -> tuple[Callable[..., tf.Tensor], tf.random.Generator]:
        # Made in a traced step, its variable must outlive the trace.
        with tf.init_scope():
            generator = tf.random.Generator.from_seed(0, alg="philox")
            layer = self.layer
            if isinstance(layer, str):
                layer = _built(layer, dict(self.arguments))
            for part in flat_layers(layer):
                _redirect(part, generator)
        return layer, generator


def _built(name: str, arguments: dict[str, Any]) -> keras.layers.Layer:
    import keras_cv

    table = {
        n: cls
        for n, cls in vars(keras_cv.layers).items()
        if inspect.isclass(cls) and issubclass(cls, keras.layers.Layer)
    }
    cls = lookup(table, name, "layer of KerasCV")
    if "value_range" in inspect.signature(cls.__init__).parameters:
        arguments = {"value_range": (0.0, 1.0), **arguments}
    return cls(**arguments)


def _redirect(layer: keras.layers.Layer, generator: Any) -> None:
    """Has a layer, and the factors that it samples, draw from a generator."""
    from keras_cv.core import FactorSampler, UniformFactorSampler

    class KeyedFactor(FactorSampler):
        """A uniform factor drawn from the generator."""

        def __init__(self, low: float, high: float) -> None:
            self.low, self.high = low, high

        def __call__(self, shape: Any = (), dtype: str = "float32") -> Any:
            drawn = generator.uniform(shape, self.low, self.high)
            return tf.cast(drawn, dtype)

        def get_config(self) -> dict[str, float]:
            return {"low": self.low, "high": self.high}

    for name, value in list(vars(layer).items()):
        if isinstance(value, UniformFactorSampler):
            setattr(layer, name, KeyedFactor(value.lower, value.upper))
        elif isinstance(value, tf.random.Generator):
            setattr(layer, name, generator)


def _folded(seed: tf.Tensor) -> tf.Tensor:
    """One 64-bit key from the two numbers of a step's key."""
    return tf.random.stateless_uniform(
        (), seed, None, None, tf.int64, alg="philox"
    )


def _refuse_unkeyed(layer: keras.layers.Layer, traced: Any) -> None:
    """Refuses a traced layer that draws from anything but the generator."""
    definition = traced.graph.as_graph_def()
    nodes = list(definition.node)
    for function in definition.library.function:
        nodes += function.node_def
    drawn = sorted({n.op for n in nodes if n.op.startswith(UNKEYED)})
    if len(traced.variables) > 1:
        drawn.append("a seed in a variable of its own")
    if drawn:
        raise ValueError(
            f"`{type(layer).__name__}` of KerasCV draws random numbers that "
            f"cannot be keyed to the step ({', '.join(drawn)}), so a resumed "
            "run would differ."
        )
