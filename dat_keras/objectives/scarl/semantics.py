"""SCARL's projection heads and class memory, trained with the classifier."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from dat_keras.core.types import Features, Labels
from dat_keras.losses import as_distribution
from dat_keras.objectives.base import hard_labels
from dat_keras.objectives.step import Ascent, NoAdversary, View

SIZE = 64
"""Length of the projections of images and word vectors."""


class Semantics(NoAdversary):
    """Maps image features and word vectors to unit vectors; holds the memory.

    Both heads are `Dense(64), BatchNorm, ReLU, Dense(64)` and move with the
    classifier, down its loss. The memory holds a running mean of the text
    vectors of each class.

    Args:
        num_features: Length of the classifier's features.
        words: Word vectors of the classes, shape `(K, E)`.

    Example:
    >>> semantics = Semantics(8, np.eye(3, dtype=np.float32))
    >>> semantics.memory.shape
    TensorShape([3, 64])
    """

    def __init__(self, num_features: int, words: np.ndarray) -> None:
        super().__init__(name="semantics")
        self.words = tf.constant(words, tf.float32)
        self.image_head = _head("image_head", num_features)
        self.text_head = _head("text_head", words.shape[1])
        width = (3.0 / SIZE) ** 0.5
        self.memory = self.add_weight(
            shape=(words.shape[0], SIZE),
            initializer=keras.initializers.RandomUniform(-width, width, seed=0),
            trainable=False,
            name="memory",
        )
        self.built = True

    @property
    def cooperative_weights(self) -> list[keras.Variable]:
        """The weights of both heads."""
        return (
            self.image_head.trainable_variables
            + self.text_head.trainable_variables
        )

    def image(self, features: Features) -> tf.Tensor:
        """Returns unit vectors of images, shape `(B, 64)`."""
        return _unit(self.image_head, features)

    def text(self, y: Labels) -> tf.Tensor:
        """Returns unit vectors of the labels' words, shape `(B, 64)`."""
        classes = as_distribution(y, self.words.shape[0])
        return _unit(self.text_head, classes @ self.words)

    def ascend(self, ascent: Ascent) -> None:
        """Stores the memory that the loss of this batch has read."""
        # Of several views of a batch, each holds the same memory.
        view = cast(SemanticView, ascent.views[0])
        self.memory.assign(view.memory)

    def memory_after(self, y: Labels, share: tf.Tensor) -> tf.Tensor:
        """`(1 - share) * mean + share * memory` for the classes present.

        The mean is over the batches of all replicas. Other classes keep
        their memory.

        Args:
            y: Labels, shape `(B,)`, or distributions, `(B, K)`.
            share: Share of the old memory that stays.

        Returns:
            The memory with this batch, shape `(K, 64)`, without a gradient.
        """
        totals = class_totals(self.text(y), hard_labels(y), self.words.shape[0])
        replica = tf.distribute.get_replica_context()
        totals = replica.all_reduce(
            tf.distribute.ReduceOp.SUM, [tf.stop_gradient(t) for t in totals]
        )
        mean, present = _means(*totals)
        new = (1.0 - share) * mean + share * self.memory.value
        return tf.where(present[:, None], new, self.memory.value)


@dataclass(frozen=True)
class SemanticView(View):
    """A view with what the semantic terms are measured against.

    Args:
        semantics: The heads.
        memory: The class memory with this batch, shape `(K, 64)`; published
            code updates it before the loss reads it.
        geometry_weight: `w(s)`.
    """

    semantics: Semantics = field(kw_only=True)
    memory: tf.Tensor = field(kw_only=True)
    geometry_weight: tf.Tensor = field(kw_only=True)


def memory_share(progress: float | tf.Tensor) -> tf.Tensor:
    """`exp(-5 (1 - t)^2)`: how much memory stays, and what geometry weighs.

    Args:
        progress: Share of the training done.

    Example:
    >>> float(memory_share(1.0))
    1.0
    """
    return tf.exp(-5.0 * tf.square(1.0 - progress))


def class_means(
    vectors: tf.Tensor, y: Labels, num_classes: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean vector of each class, and which classes are there.

    Args:
        vectors: Shape `(B, F)`.
        y: Labels, shape `(B,)`.
        num_classes: `K`.

    Returns:
        Means, shape `(K, F)`, zero for absent classes; a mask `(K,)`.

    Example:
    >>> mean, present = class_means(tf.ones((2, 1)), tf.constant([1, 1]), 2)
    >>> mean.numpy().ravel().tolist(), present.numpy().tolist()
    ([0.0, 1.0], [False, True])
    """
    return _means(*class_totals(vectors, y, num_classes))


def class_totals(
    vectors: tf.Tensor, y: Labels, num_classes: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Sum of the vectors of each class, and their number.

    Args:
        vectors: Shape `(B, F)`.
        y: Labels, shape `(B,)`.
        num_classes: `K`.

    Returns:
        Sums, shape `(K, F)`; numbers, shape `(K,)`.
    """
    onehot = tf.one_hot(y, num_classes)
    total = tf.matmul(onehot, vectors, transpose_a=True)
    return total, tf.reduce_sum(onehot, axis=0)


def _means(total: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return total / tf.maximum(count, 1.0)[:, None], count > 0


def _head(name: str, inputs: int) -> keras.Sequential:
    head = keras.Sequential(
        [
            layers.Dense(SIZE, dtype="float32", name="dense0"),
            layers.BatchNormalization(
                momentum=0.9, epsilon=1e-5, dtype="float32", name="norm"
            ),
            layers.ReLU(dtype="float32", name="relu"),
            layers.Dense(SIZE, dtype="float32", name="dense1"),
        ],
        name=name,
    )
    head.build((None, inputs))
    return head


def _unit(head: keras.Sequential, x: tf.Tensor) -> tf.Tensor:
    # Only batch statistics are ever used, so moving ones need no update.
    with keras.StatelessScope():
        return tf.math.l2_normalize(head(x, training=True), axis=-1)
