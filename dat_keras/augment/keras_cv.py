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
    refused when they are first traced, and so are those that read labels
    (`MixUp`, `CutMix`, `FourierMix`, `Mosaic`) or change the shape of images.

    Tested: `AugMix`, `RandAugment`, `GridMask`, `ChannelShuffle`,
    `RandomHue`, `RandomSharpness`, `RandomGaussianBlur`, `RandomCutout`,
    `RandomColorJitter`, `RandomShear`.

    Args:
        layer: Name of a class in `keras_cv.layers`, which recipes can store,
            or a layer. By name it is built for pixels in `[0, 1]`.
        arguments: Pairs of an argument's name and its value, for a name.

    Raises:
        ValueError: If the name is unknown, or the layer draws numbers that
            cannot be keyed, reads labels or changes the shape of images, or
            the step runs on several replicas.

    Example:
    >>> KerasCV("GridMask").layer
    'GridMask'

    Reference:
        [Chen et al., 2020](https://arxiv.org/abs/2001.04086), GridMask;
        [Hendrycks et al., 2020](https://arxiv.org/abs/1912.02781), AugMix.
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
        _refuse_unkeyed(layer, traced, generator)
        _refuse_other_shape(layer, x, traced)
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
    from keras_cv.core import (
        FactorSampler,
        NormalFactorSampler,
        UniformFactorSampler,
    )

    class KeyedFactor(FactorSampler):
        """The numbers of a sampler, drawn from the generator."""

        def __init__(self, sampler: FactorSampler) -> None:
            self.sampler = sampler

        def __call__(self, shape: Any = (), dtype: str = "float32") -> Any:
            its = self.sampler
            if isinstance(its, UniformFactorSampler):
                drawn = generator.uniform(shape, its.lower, its.upper)
            else:
                drawn = generator.normal(shape, its.mean, its.stddev)
                drawn = tf.clip_by_value(drawn, its.min_value, its.max_value)
            return tf.cast(drawn, dtype)

        def get_config(self) -> dict[str, Any]:
            return self.sampler.get_config()

    samplers = UniformFactorSampler, NormalFactorSampler
    for name, value in list(vars(layer).items()):
        if isinstance(value, samplers):
            setattr(layer, name, KeyedFactor(value))
        elif isinstance(value, tf.random.Generator):
            setattr(layer, name, generator)
    if hasattr(layer, "_sample_from_dirichlet"):
        _redirect_mixing(layer, generator)


def _redirect_mixing(layer: Any, generator: Any) -> None:
    """Has AugMix draw the weights of its chains from a generator."""

    def gamma(alpha: Any) -> tf.Tensor:
        seed = generator.make_seeds(1)[:, 0]
        return tf.random.stateless_gamma(tf.shape(alpha), seed, alpha)

    def dirichlet(alpha: Any) -> tf.Tensor:
        drawn = gamma(alpha)
        return drawn / tf.reduce_sum(drawn, axis=-1, keepdims=True)

    def beta(first: Any, second: Any) -> tf.Tensor:
        drawn = gamma(first)
        return drawn / (drawn + gamma(second))

    layer._sample_from_dirichlet, layer._sample_from_beta = dirichlet, beta


def _folded(seed: tf.Tensor) -> tf.Tensor:
    """One 64-bit key from the two numbers of a step's key."""
    return tf.random.stateless_uniform(
        (), seed, None, None, tf.int64, alg="philox"
    )


def _refuse_unkeyed(layer: Any, traced: Any, generator: Any) -> None:
    """Refuses a traced layer that draws from anything but the generator."""
    definition = traced.graph.as_graph_def()
    nodes = list(definition.node)
    for function in definition.library.function:
        nodes += function.node_def
    drawn = sorted({n.op for n in nodes if n.op.startswith(UNKEYED)})
    if any(each is not generator.state for each in traced.variables):
        drawn.append("a state of its own")
    if drawn:
        raise ValueError(
            f"`{type(layer).__name__}` of KerasCV draws random numbers that "
            f"cannot be keyed to the step ({', '.join(drawn)}), so a resumed "
            "run would differ."
        )


def _refuse_other_shape(layer: Any, x: Images, traced: Any) -> None:
    """Refuses a traced layer that does not return images as it got them."""
    made = traced.structured_outputs.shape
    if not made.is_compatible_with(x.shape):
        raise ValueError(
            f"`{type(layer).__name__}` of KerasCV changes images of shape "
            f"{tuple(x.shape)} to {tuple(made)}, which the classifier does "
            "not read."
        )
