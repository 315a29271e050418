"""RandAugment: random operations of one magnitude (Cubuk et al., 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.augment.base import Augment, integers, signs
from dat_keras.augment.operations import operations, pick
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.utils.ranges import Size, Weight


@dataclass(frozen=True)
class RandAugment(Augment):
    """Runs operations drawn at random, with equal chances, on each image.

    The operations are AutoAugment's without the negative, and the identity.
    Images are treated as 8-bit images are. Needs three channels.

    Args:
        operations: How many run one after the other. Default 2, the paper's.
        magnitude: 0 to 9, on AutoAugment's scale.

    Example:
    >>> RandAugment(magnitude=5.0).operations
    2

    Reference:
        [Cubuk et al., 2020](https://arxiv.org/abs/1909.13719)
    """

    operations: Size = 2
    magnitude: Weight = 9.0

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the images after all operations."""
        batch = (tf.shape(x)[0],)
        table = operations(x.shape[2])
        del table["invert"]
        chosen = list(table.values())
        amounts = tf.constant([o.amount(self.magnitude) for o in chosen])
        neutrals = tf.constant([o.neutral for o in chosen])
        signed = tf.constant([o.signed for o in chosen])
        for i in range(self.operations):
            own = key.fold_in(i)
            index = integers(own.fold_in("index"), batch, len(chosen) + 1) - 1
            place = tf.maximum(index, 0)
            sign = signs(own.fold_in("sign"), batch)
            sign = tf.where(tf.gather(signed, place), sign, 1.0)
            amount = tf.gather(amounts, place)
            strength = tf.gather(neutrals, place) + sign * amount
            x = pick(x, index, strength, [o.apply for o in chosen])
        return x, y
