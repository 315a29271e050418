"""RandomErasing: one black rectangle (Zhong et al., AAAI 2020)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import tensorflow as tf

from dat_keras.augment.base import Augment, box, integers
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.utils.ranges import Range, Share

Ratio: TypeAlias = Annotated[float, Range(0.0, above=True)]
"""Height over width."""


@dataclass(frozen=True)
class RandomErasing(Augment):
    """Blackens a random rectangle that lies inside the image.

    A rectangle that is longer than the image is cut to fit; the published
    code draws another one.

    Args:
        probability: Share of the images that are erased. Default 0.5, the
            "weak" setting of IDBH; 1 is its "strong".
        area: Least and largest share of the image.
        aspect: Least and largest height by width, log-uniform.

    Example:
    >>> RandomErasing(1.0).area
    (0.02, 0.33)

    Reference:
        [Zhong et al., 2020](https://arxiv.org/abs/1708.04896)
    """

    probability: Share = 0.5
    area: tuple[Share, Share] = (0.02, 0.33)
    aspect: tuple[Ratio, Ratio] = (0.3, 3.3)

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the images, some of them with a hole."""
        shape, sides = (tf.shape(x)[0], 1), tf.shape(x)[1:3]
        total = tf.cast(tf.reduce_prod(sides), tf.float32)
        area = total * key.fold_in("area").uniform(shape, *self.area)
        low, high = (math.log(a) for a in self.aspect)
        root = tf.exp(key.fold_in("aspect").uniform(shape, low, high) / 2.0)
        size = tf.sqrt(area) * tf.concat([root, 1.0 / root], axis=1)
        size = tf.clip_by_value(tf.cast(tf.round(size), tf.int32), 1, sides)
        room = sides - size + 1
        corner = integers(key.fold_in("place"), tf.shape(size), room)
        inside, _ = box(x, corner + size // 2, size)
        fires = key.fold_in("fires").uniform(shape) < self.probability
        inside = tf.logical_and(inside, fires[:, :, None, None])
        return tf.where(inside, 0.0, x), y
