"""DLR losses of AutoAttack: ratios of logit differences, free of scale.

    DLR  = -(z_y - max_{j != y} z_j) / (z_(1) - z_(3))
    DLR-T = -(z_y - z_t) / (z_(1) - (z_(3) + z_(4)) / 2)

With few classes these are undefined: with three, DLR-T has DLR's denominator;
with two, both are the negative margin.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.attacks.losses import AttackLoss
from dat_keras.core.types import Images, Labels, Logits, PerExample, Predict
from dat_keras.losses import margin
from dat_keras.utils.ranges import Range

TARGETS = 9
"""Most classes that a targeted attack tries for an image."""

_Scale = Callable[[tf.Tensor], tf.Tensor]


def _one(top: tf.Tensor) -> tf.Tensor:
    return tf.ones_like(top[:, 0])


def _to_third(top: tf.Tensor) -> tf.Tensor:
    return top[:, 0] - top[:, 2] + 1e-12


def _to_fourth(top: tf.Tensor) -> tf.Tensor:
    return top[:, 0] - 0.5 * (top[:, 2] + top[:, 3]) + 1e-12


_SCALES: dict[int, _Scale] = {2: _one}
_TARGETED_SCALES: dict[int, _Scale] = {2: _one, 3: _to_third}


def dlr(logits: Logits, y: Labels) -> PerExample:
    """Difference-of-logits ratio; positive when misclassified.

    Args:
        logits: Logits, shape `(B, K)`. With `K = 2` the ratio is undefined,
            and the value is the negative margin.
        y: Labels, shape `(B,)`.

    Returns:
        Value per example, shape `(B,)`.

    Example:
    >>> z = tf.constant([[3.0, 2.0, 5.0, 1.0]])
    >>> dlr(z, tf.constant([2])).numpy().round(4)
    array([-0.6667], dtype=float32)

    Reference:
        [Croce and Hein, 2020](https://arxiv.org/abs/2003.01690)
    """
    scale = _SCALES.get(logits.shape[-1], _to_third)
    return -margin(logits, y) / scale(_largest(logits))


def targeted_dlr(logits: Logits, y: Labels, target: Labels) -> PerExample:
    """Difference-of-logits ratio towards one class.

    Args:
        logits: Logits, shape `(B, K)`. With `K = 3` the denominator is that
            of `dlr`, with `K = 2` it is 1.
        y: Labels, shape `(B,)`.
        target: The class to rise above `y`, shape `(B,)`.

    Returns:
        Value per example, shape `(B,)`.

    Example:
    >>> z = tf.constant([[3.0, 2.0, 5.0, 1.0]])
    >>> targeted_dlr(z, tf.constant([2]), tf.constant([0])).numpy().round(4)
    array([-0.5714], dtype=float32)

    Reference:
        [Croce and Hein, 2020](https://arxiv.org/abs/2003.01690)
    """
    scale = _TARGETED_SCALES.get(logits.shape[-1], _to_fourth)
    return lead(logits, y, target) / scale(_largest(logits))


def target_of_rank(
    predict: Predict, x: Images, rank: int | tf.Tensor
) -> Labels:
    """Returns the class of a rank among the logits of `x`; 1 is the largest.

    Args:
        predict: The classifier.
        x: Clean images.
        rank: From 1 to the number of classes, at most `TARGETS + 1`.
    """
    logits = predict(x)
    count = min(TARGETS + 1, logits.shape[-1])
    ranked = tf.math.top_k(logits, count).indices
    return tf.gather(ranked, rank - 1, axis=-1)


@dataclass(frozen=True)
class DLR(AttackLoss):
    """`dlr`, the loss of APGD-DLR."""

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the ratio against `y`."""
        return lambda logits: dlr(logits, y)


@dataclass(frozen=True)
class TargetedLoss(AttackLoss):
    """A loss of `y` and another class, taken by rank at the clean image.

    Args:
        rank: Rank of the target; a correct label has rank 1.
    """

    rank: Annotated[int | tf.Tensor, Range(1)] = 2

    @abc.abstractmethod
    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the loss as a function of the adversarial logits alone."""


@dataclass(frozen=True)
class TargetedDLR(TargetedLoss):
    """`targeted_dlr`, the loss of APGD-T."""

    def bind(
        self, predict: Predict, x: Images, y: Labels
    ) -> Callable[[Logits], PerExample]:
        """Returns the ratio of `y` and the target."""
        target = target_of_rank(predict, x, self.rank)
        return lambda logits: targeted_dlr(logits, y, target)


def lead(logits: Logits, y: Labels, target: Labels) -> PerExample:
    """Returns `z_t - z_y`, how far a class lies above the label.

    Args:
        logits: Logits, shape `(B, K)`.
        y: Labels, shape `(B,)`.
        target: The other class, shape `(B,)`.
    """

    def take(labels: Labels) -> PerExample:
        return tf.gather(logits, labels, axis=-1, batch_dims=1)

    return take(target) - take(y)


def _largest(logits: Logits) -> tf.Tensor:
    return tf.math.top_k(logits, min(4, logits.shape[-1])).values
