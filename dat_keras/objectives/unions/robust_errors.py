"""Running robust error of each norm, by which E-AT draws the next one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.objectives.step import Ascent, NoAdversary, View


@dataclass(frozen=True)
class DrawnView(View):
    """A view attacked in one norm that was drawn.

    Args:
        norm: Index of the norm, a scalar.
        error: Share of its adversarial images that are misclassified.
    """

    norm: tf.Tensor = field(kw_only=True)
    error: tf.Tensor = field(kw_only=True)


class RobustErrors(NoAdversary):
    """A running mean of the robust error in each norm; it starts at 1.

    Args:
        count: Number of norms.
        decay: Share of the old mean that a batch leaves.
    """

    def __init__(self, count: int, decay: float) -> None:
        super().__init__(name="robust_errors")
        self.decay = decay
        self.errors = self.add_weight(
            shape=(count,),
            initializer="ones",
            trainable=False,
            name="errors",
        )
        self.built = True

    def probabilities(self) -> tf.Tensor:
        """Returns the probability of each norm, equal where no error is."""
        errors = self.errors.value + 1e-12
        return errors / tf.reduce_sum(errors)

    def draw(self, key: Key) -> tf.Tensor:
        """Returns the index of a norm, the same on every replica.

        Args:
            key: Source of the draw.
        """
        below = tf.cumsum(self.probabilities())[:-1]
        return tf.reduce_sum(
            tf.cast(key.shared.uniform((1,)) >= below, tf.int32)
        )

    def ascend(self, ascent: Ascent) -> None:
        """Takes the error of the batch into the mean of its norm."""
        (view,) = cast(tuple[DrawnView], ascent.views)
        errors = self.errors.value
        drawn = tf.one_hot(view.norm, errors.shape[0])
        change = (1.0 - self.decay) * (view.error - errors)
        self.errors.assign(errors + drawn * change)
