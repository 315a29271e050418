"""An attack whose random draws depend on seed, name and image alone."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.attacks import Attack
from dat_keras.core.random import RowKey
from dat_keras.core.types import Images, Labels, Predict


@dataclass(frozen=True, eq=False)
class KeyedAttack:
    """An attack and its random keys, as a function of a batch.

    A callable object, not a closure: TensorFlow warns of retracing when one
    line of code creates many functions.

    Args:
        predict: Maps images to logits, in inference mode.
        attack: The attack.
        seed: Seed of the evaluation.
        name: Name of the attack.
        first: Position of the first image in the data set.
    """

    predict: Predict
    attack: Attack
    seed: int
    name: str
    first: int

    def __call__(self, x: Images, y: Labels, rows: tf.Tensor) -> Images:
        """Attacks images at these positions, shape `(B,)`."""
        key = RowKey.of(self.seed, rows + self.first).fold_in(self.name)
        return self.attack(self.predict, x, y, key)
