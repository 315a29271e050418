"""Type aliases of tensors with their shapes, shared by all modules."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import tensorflow as tf

Images: TypeAlias = tf.Tensor
"""`(B, H, W, C)` float32, pixels in `[0, 1]`."""
Labels: TypeAlias = tf.Tensor
"""`(B,)` integer class ids."""
Logits: TypeAlias = tf.Tensor
"""`(B, K)` float32, before any softmax."""
PerExample: TypeAlias = tf.Tensor
"""`(B,)` float32, one number per example."""
Features: TypeAlias = tf.Tensor
"""`(B, F)` float32, what the last dense layer reads."""


class Predict(Protocol):
    """A classifier with its mode fixed: all that attacks and losses know."""

    def __call__(self, x: Images, branch: int = 0) -> Logits:
        """Returns the logits of `x`, computed on BatchNorm branch `branch`."""
        ...


class Network(Predict, Protocol):
    """A `Predict` that training methods may ask for more than logits."""

    @property
    def with_batch_statistics(self) -> Predict:
        """The classifier on batch statistics, which leave no trace."""
        ...

    def features(self, x: Images, branch: int = 0) -> tuple[Features, Logits]:
        """Returns what the last layer reads, and the logits, of `x`."""
        ...
