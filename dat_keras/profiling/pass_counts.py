"""Counts the passes through the classifier that training steps make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import keras
import tensorflow as tf

from dat_keras.classifiers.inspection import last_layer
from dat_keras.core.types import Images, Labels
from dat_keras.training.model import AdversarialModel


@dataclass(frozen=True)
class Passes:
    """Passes of one batch through the classifier.

    Args:
        forward: Forward passes.
        to_input: Backward passes that end at the pixels, as attacks make.
        to_weights: Backward passes that reach the weights.

    Example:
    >>> Passes(forward=13, to_input=10, to_weights=2).units
    27
    """

    forward: float
    to_input: float
    to_weights: float

    @property
    def units(self) -> float:
        """Cost in forward passes: a backward one to the weights is two."""
        return self.forward + self.to_input + 2 * self.to_weights


def passes_of_step(
    model: AdversarialModel, batch: tuple[Images, Labels], steps: int = 1
) -> Passes:
    """The passes of a training step: run outside any graph, and counted.

    The steps are spread over the run, for methods that change in its course
    or do something every few steps; their mean is returned. The model is
    trained by them.

    Args:
        model: A compiled model whose classifier is functional, or branched,
            and ends in a layer with a kernel.
        batch: Images `(B, H, W, C)` and labels `(B,)`; few and small ones do,
            for passes do not depend on sizes.
        steps: Number of steps.

    Example:
    >>> from dat_keras.objectives import TRADES
    >>> from dat_keras.optimizers import SGD
    >>> layers = [keras.Input((2, 2, 1)), keras.layers.Flatten()]
    >>> net = keras.Sequential([*layers, keras.layers.Dense(2)])
    >>> model = AdversarialModel(net, TRADES())
    >>> model.compile(optimizer=SGD(0.1))
    >>> passes_of_step(model, (tf.zeros((4, 2, 2, 1)), tf.zeros(4, tf.int32)))
    Passes(forward=13.0, to_input=10.0, to_weights=2.0)
    """
    total = int(model.total_steps.numpy())
    batch = tuple(map(tf.convert_to_tensor, batch))
    with _counted(last_layer(model.classifier)) as images:
        for i in range(steps):
            model.step.assign(i * total // steps)
            model.train_step(batch)
    done = steps * int(batch[0].shape[0])
    return Passes(
        forward=images["forward"] / done,
        to_input=(images["backward"] - images["kernel"]) / done,
        to_weights=images["kernel"] / done,
    )


@contextmanager
def _counted(layer: keras.layers.Layer) -> Iterator[Counter[str]]:
    """Counts the images of each pass through a layer inside a `with`.

    A backward pass through the logits is seen by its gradient; whether it
    goes on to the weights, by the gradient that reaches the kernel. Attacks
    watch no weight, so none reaches it in theirs.
    """
    images: Counter[str] = Counter()
    call = layer.call

    def counting(x: tf.Tensor, *args: object, **options: object) -> tf.Tensor:
        size = int(x.shape[0])
        images["forward"] += size
        kernel = tf.convert_to_tensor(layer.kernel.value)
        seen = _reporting(kernel, lambda: images.update(kernel=size))
        # Adds nothing but a path to the kernel that can be watched.
        logits = call(x, *args, **options)
        logits += tf.cast(0.0 * tf.reduce_sum(seen), logits.dtype)
        return _reporting(logits, lambda: images.update(backward=size))

    layer.call = counting
    try:
        yield images
    finally:
        del layer.call


def _reporting(x: tf.Tensor, tell: Callable[[], None]) -> tf.Tensor:
    """Returns `x`, and tells when a gradient passes."""

    @tf.custom_gradient
    def identity(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            tell()
            return upstream

        return tf.identity(x), gradient

    return identity(x)
