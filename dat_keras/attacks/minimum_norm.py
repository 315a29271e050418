"""The interface of minimum-norm attacks: the nearest misclassified image."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import tensorflow as tf

from dat_keras.attacks.base import Attack
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels, PerExample, Predict

NOT_FOUND = 1e10
"""Distance of an image for which no misclassified one was found."""


@dataclass(frozen=True)
class MinimumNormAttack(Attack):
    """A search for the nearest misclassified image, however far it is.

    As an `Attack` it returns that image where it lies within `eps`, else the
    clean one.
    """

    @abc.abstractmethod
    def nearest(
        self,
        predict: Predict,
        x: Images,
        y: Labels,
        key: Key,
        enough: float | tf.Tensor = 0.0,
    ) -> tuple[Images, PerExample]:
        """Searches the nearest misclassified image.

        Args:
            predict: Maps images to logits, in inference mode.
            x: Clean images, shape `(B, H, W, C)`, in `[0, 1]`.
            y: Labels, shape `(B,)`.
            key: Source of the random draws.
            enough: Distance within which an image need not come nearer.

        Returns:
            The images, and their distances in the norm of the threat model,
            shape `(B,)`; `x` and `NOT_FOUND` where none was found.
        """

    def __call__(
        self, predict: Predict, x: Images, y: Labels, key: Key
    ) -> Images:
        """Returns a misclassified image within `eps`, or `x`, for each row."""
        eps = tf.cast(self.threat_model.eps, tf.float32)
        found, distance = self.nearest(predict, x, y, key, eps)
        # Written so that NaN is returned and noticed.
        return tf.where(wide(distance > eps), x, found)


def with_lost(
    x_adv: Images, found: Images, least: PerExample
) -> tuple[Images, PerExample]:
    """Returns what was found, NaN in rows whose search met NaN.

    Such a row must not count as robust.

    Args:
        x_adv: The last iterates.
        found: The nearest misclassified images.
        least: Their distances.
    """
    lost = tf.where(tf.math.is_finite(x_adv), 0.0, x_adv)
    found, least = found + lost, least + tf.reduce_sum(lost, axis=[1, 2, 3])
    return tf.stop_gradient(found), tf.stop_gradient(least)


def wide(rows: tf.Tensor) -> tf.Tensor:
    """Returns per-example values that broadcast against images."""
    return rows[:, None, None, None]
