"""The words that all modules share: arrays with their shapes, views, steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import tensorflow as tf

if TYPE_CHECKING:
    from dat_keras.adversary import Adversary
    from dat_keras.keys import Key

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

    def abreast(
        self, images: Sequence[Images], branches: Sequence[int]
    ) -> list[Logits]:
        """Returns the logits of several batches, each on its branch.

        The same as one call for each, in less time.
        """
        ...

    @property
    def batchwise(self) -> Predict:
        """The classifier on batch statistics, which leave no trace."""
        ...

    def features(self, x: Images, branch: int = 0) -> tuple[Features, Logits]:
        """Returns what the last layer reads, and the logits, of `x`."""
        ...


@dataclass(frozen=True)
class View:
    """One clean/adversarial pair and the BatchNorm branch that reads it.

    Args:
        x: Clean images.
        x_adv: Adversarial images made from `x` (`x` itself if there are none).
        branch: BatchNorm branch of both; 0 is the base branch.
    """

    x: Images
    x_adv: Images
    branch: int = 0


@dataclass(frozen=True)
class Step:
    """The read-only context of one training step.

    Args:
        predict: The classifier in inference mode (frozen statistics).
        x: Augmented images.
        x_raw: The same images before augmentation.
        y: Labels.
        progress: Share of the training done, a scalar in `[0, 1]`.
        key: Randomness of this step.
        adversary: The learned second player, if the objective has one.
    """

    predict: Network
    x: Images
    x_raw: Images
    y: Labels
    progress: tf.Tensor
    key: Key
    adversary: Adversary
