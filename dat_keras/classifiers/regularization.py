"""Losses that a classifier brings along: its regularizers and `add_loss`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf

from dat_keras.classifiers.inspection import branch_models
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.keras_private import flat_layers

OWN = ("keras.", "dat_keras.")
"""Packages whose layers add losses only by an `activity_regularizer`."""

NAME = "regularization"
"""Its name among the terms of the loss."""


class Pass:
    """A scope of forward passes that collects what layers add to the loss.

    It is opened once a pass; updates of variables stay in it.
    """

    def __init__(self) -> None:
        self.scope = keras.StatelessScope(collect_losses=True)
        self.count = 0
        self._losses: list[tf.Tensor] = []

    def __call__(self) -> keras.StatelessScope:
        """Returns the scope, to be opened."""
        self.count += 1
        self._collect()
        return self.scope

    def mean_of(self, count: int) -> tf.Tensor:
        """Returns the losses of all layers in all passes, over their number."""
        self._collect()
        losses = [tf.cast(each, tf.float32) for each in self._losses]
        return tf.add_n(losses) / count

    @property
    def found(self) -> bool:
        """Whether any layer added a loss."""
        self._collect()
        return bool(self._losses)

    def _collect(self) -> None:
        # A model's next call would clear what is left in the scope.
        self._losses += self.scope.losses
        self.scope.losses.clear()


@dataclass(frozen=True)
class Regularization:
    """What a classifier adds to the loss of any objective.

    `sum_w regularizer(w)  +  1/passes * sum over passes of added losses`

    Layers add losses in every pass of the outer loss: clean and attacked
    images, on each branch.

    Args:
        weights: Variables with a regularizer; those that are not trainable
            when the loss is computed do not count, as in Keras.
        in_passes: Whether forward passes add losses: an
            `activity_regularizer`, or `add_loss` in `call`. Such a classifier
            is called as plain Keras calls it, one pass after another, because
            joint and fused kernels skip what a layer adds.

    Example:
    >>> dense = keras.layers.Dense(2, kernel_regularizer="l2")
    >>> net = keras.Sequential([keras.Input((3,)), dense])
    >>> [w.name for w in Regularization.of(net, (3,)).weights]
    ['kernel']
    """

    weights: Sequence[keras.Variable] = ()
    in_passes: bool = False

    @classmethod
    def of(
        cls, classifier: keras.Model, shape: tuple[int, ...]
    ) -> Regularization:
        """Returns the regularization of a classifier of inputs of a shape."""
        weights = [w for w in classifier.weights if w.regularizer is not None]
        return cls(weights, _adds_losses(classifier, shape))

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.weights) or self.in_passes

    def names(self, terms: Sequence[str]) -> list[str]:
        """Returns names of terms, with that of its own where there is one."""
        return [*terms, NAME] if self else list(terms)

    def added_to(
        self, terms: dict[str, tf.Tensor], passes: Pass
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of a loss with one of its own, if there is any."""
        return {**terms, NAME: self.value(passes)} if self else terms

    def value(self, passes: Pass) -> tf.Tensor:
        """Returns the term, a scalar.

        Args:
            passes: The scope in which the passes of the loss ran.
        """
        terms = [
            tf.cast(w.regularizer(w), tf.float32)
            for w in self.weights
            if w.trainable
        ]
        if self.in_passes:
            terms.append(passes.mean_of(passes.count))
        return tf.add_n(terms) if terms else tf.constant(0.0)


def _adds_losses(classifier: keras.Model, shape: tuple[int, ...]) -> bool:
    layers = flat_layers(classifier)
    if not any(_may_add(layer) for layer in layers):
        return False
    passes = Pass()
    x = tf.zeros((2, *shape))
    for branch in range(len(branch_models(classifier))):
        Predictor(classifier, training=True, scope=passes, plain=True)(
            x, branch
        )
    return passes.found


def _may_add(layer: keras.layers.Layer) -> bool:
    own = type(layer).__module__.startswith(OWN)
    return layer.activity_regularizer is not None or not own
