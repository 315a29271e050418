"""CutOut: one black square (DeVries and Taylor, 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.augment.base import Augment, box, random_pixels
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.utils.ranges import Count


@dataclass(frozen=True)
class CutOut(Augment):
    """Blackens a square about a uniform pixel, clipped at the border.

    Args:
        size: Side of the square in pixels. Default 16, the paper's for
            CIFAR-10 (8 for CIFAR-100).

    Example:
    >>> CutOut(8)
    CutOut(size=8)

    Reference:
        [DeVries and Taylor, 2017](https://arxiv.org/abs/1708.04552)
    """

    size: Count = 16

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the images with a hole each."""
        centre = random_pixels(x, key)
        inside, _ = box(x, centre, tf.fill(tf.shape(centre), self.size))
        return tf.where(inside, 0.0, x), y
