"""Conditioning input of DAT's generator, in addition to its noise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from dat_keras.core.types import Images
from dat_keras.losses import as_distribution
from dat_keras.objectives.step import Step


@dataclass(frozen=True)
class Condition:
    """A vector for each image, concatenated to the noise.

    Args:
        length: Its length `N`, from the number of classes.
        of: The vectors, shape `(B, N)`, of a step, images and `N`.
    """

    length: Callable[[int], int]
    of: Callable[[Step, Images, int], tf.Tensor]


def logits(step: Step, x: Images, length: int) -> tf.Tensor:
    """The base branch's logits, of a forward pass in inference mode."""
    return step.predict(x)


def labels(step: Step, x: Images, length: int) -> tf.Tensor:
    """The one-hot labels; mixed labels as they are."""
    return as_distribution(step.y, length)


def no_condition(step: Step, x: Images, length: int) -> tf.Tensor:
    """Vectors of length zero: the generator sees its noise alone."""
    return tf.zeros((tf.shape(x)[0], 0))


CONDITIONS: dict[str, Condition] = {
    "logits": Condition(lambda num_classes: num_classes, logits),
    "labels": Condition(lambda num_classes: num_classes, labels),
    "noise": Condition(lambda num_classes: 0, no_condition),
}
"""By name of `generator_input`; `logits` is the published one."""
