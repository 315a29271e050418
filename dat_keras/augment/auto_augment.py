"""AutoAugment: the learned policy for CIFAR-10 (Cubuk et al., CVPR 2019)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dat_keras.augment.base import Augment, integers, signs
from dat_keras.augment.operations import operations, pick
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels

Move = tuple[str, float, int]
"""Operation, probability, magnitude in 0 .. 9."""

CIFAR10_POLICY: tuple[tuple[Move, Move], ...] = (
    (("invert", 0.1, 7), ("contrast", 0.2, 6)),
    (("rotate", 0.7, 2), ("translate_x", 0.3, 9)),
    (("sharpness", 0.8, 1), ("sharpness", 0.9, 3)),
    (("shear_y", 0.5, 8), ("translate_y", 0.7, 9)),
    (("autocontrast", 0.5, 8), ("equalize", 0.9, 2)),
    (("shear_y", 0.2, 7), ("posterize", 0.3, 7)),
    (("color", 0.4, 3), ("brightness", 0.6, 7)),
    (("sharpness", 0.3, 9), ("brightness", 0.7, 9)),
    (("equalize", 0.6, 5), ("equalize", 0.5, 1)),
    (("contrast", 0.6, 7), ("sharpness", 0.6, 5)),
    (("color", 0.7, 7), ("translate_x", 0.5, 8)),
    (("equalize", 0.3, 7), ("autocontrast", 0.4, 8)),
    (("translate_y", 0.4, 3), ("sharpness", 0.2, 6)),
    (("brightness", 0.9, 6), ("color", 0.2, 8)),
    (("solarize", 0.5, 2), ("invert", 0.0, 3)),
    (("equalize", 0.2, 0), ("autocontrast", 0.6, 0)),
    (("equalize", 0.2, 8), ("equalize", 0.6, 4)),
    (("color", 0.9, 9), ("equalize", 0.6, 6)),
    (("autocontrast", 0.8, 4), ("solarize", 0.2, 8)),
    (("brightness", 0.1, 3), ("color", 0.7, 0)),
    (("solarize", 0.4, 5), ("autocontrast", 0.9, 3)),
    (("translate_y", 0.9, 9), ("translate_y", 0.7, 9)),
    (("autocontrast", 0.9, 2), ("solarize", 0.8, 3)),
    (("equalize", 0.8, 8), ("invert", 0.1, 3)),
    (("translate_y", 0.7, 9), ("autocontrast", 0.9, 1)),
)
"""The 25 sub-policies found on CIFAR-10, two moves each."""


@dataclass(frozen=True)
class AutoAugment(Augment):
    """One of 25 pairs of operations for each image, each by its own chance.

    Images are treated as 8-bit images are, so use it before any other
    augmentation. Needs three channels.

    Example:
    >>> AutoAugment()
    AutoAugment()

    Reference:
        [Cubuk et al., 2019](https://arxiv.org/abs/1805.09501)
    """

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the images after two moves each."""
        batch = (tf.shape(x)[0],)
        table = operations(x.shape[2])
        policy = integers(key.fold_in("policy"), batch, len(CIFAR10_POLICY))
        for i, moves in enumerate(zip(*CIFAR10_POLICY, strict=True)):
            names, chances, magnitudes = zip(*moves, strict=True)
            chosen = [table[name] for name in names]
            amount = [
                operation.amount(m)
                for operation, m in zip(chosen, magnitudes, strict=True)
            ]
            own = key.fold_in(i)
            sign = tf.where(
                _of(policy, [operation.signed for operation in chosen]),
                signs(own.fold_in("sign"), batch),
                1.0,
            )
            neutral = _of(policy, [o.neutral for o in chosen])
            strength = neutral + sign * _of(policy, amount)
            fires = own.fold_in("fires").uniform(batch) < _of(policy, chances)
            index = _of(policy, [list(table).index(name) for name in names])
            index = tf.where(fires, index, -1)
            x = pick(x, index, strength, [o.apply for o in table.values()])
        return x, y


def _of(policy: tf.Tensor, values: object) -> tf.Tensor:
    """Looks up the value of each image's policy."""
    values = np.asarray(values)
    single = {"f": np.float32, "i": np.int32}.get(values.dtype.kind, np.bool_)
    return tf.gather(tf.constant(values.astype(single)), policy)
