"""RandomResizedCrop: a random part of the image, scaled to all of it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, TypeAlias

import tensorflow as tf

from dat_keras.augment.base import Augment
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.utils.ranges import Range, Share

Ratio: TypeAlias = Annotated[float, Range(0.0, above=True)]
"""Width over height."""


@dataclass(frozen=True)
class RandomResizedCrop(Augment):
    """Scales a random rectangle of the image to its size, and flips some.

    The base augmentation of ImageNet training. Bilinear, differentiable in
    the image. A rectangle longer than the image is cut to fit; the published
    code draws another one.

    Args:
        area: Least and largest share of the image that is kept.
        aspect: Least and largest width by height, log-uniform.
        flip: Probability of a horizontal flip.

    Reference:
        [Szegedy et al., 2015](https://arxiv.org/abs/1409.4842)

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> x = tf.random.uniform((2, 4, 4, 3))
    >>> all_of_it = RandomResizedCrop((1.0, 1.0), (1.0, 1.0), flip=0.0)
    >>> made, _ = all_of_it(x, tf.constant([0, 1]), BatchKey.of(0, 0))
    >>> bool(tf.reduce_all(made == x))
    True
    """

    area: tuple[Share, Share] = (0.08, 1.0)
    aspect: tuple[Ratio, Ratio] = (3 / 4, 4 / 3)
    flip: Share = 0.5

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the images, each cropped and flipped by its own draw."""
        known, shape = x.shape, (tf.shape(x)[0], 1)
        height, width = tf.unstack(tf.cast(tf.shape(x)[1:3], tf.float32))
        area = height * width * key.fold_in("area").uniform(shape, *self.area)
        low, high = (math.log(a) for a in self.aspect)
        root = tf.exp(key.fold_in("aspect").uniform(shape, low, high) / 2.0)
        side = tf.sqrt(area)
        rows = _positions(key.fold_in("row"), side / root, height)
        columns = _positions(key.fold_in("column"), side * root, width)
        flipped = key.fold_in("flip").uniform(shape) < self.flip
        columns = tf.where(flipped, columns[:, ::-1], columns)
        return tf.ensure_shape(_at(x, rows, columns), known), y


def _positions(key: Key, length: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Centres of the new pixels of an axis, in old pixels, `(B, side)`."""
    length = tf.minimum(length, side)
    start = key.uniform(tf.shape(length)) * (side - length)
    centres = (tf.range(side) + 0.5) * (length / side) + start - 0.5
    return tf.clip_by_value(centres, 0.0, side - 1.0)


def _at(x: Images, rows: tf.Tensor, columns: tf.Tensor) -> Images:
    """Pixels at real positions, by linear interpolation on each axis."""
    for axis, centres in ((1, rows), (2, columns)):
        low = tf.floor(centres)
        share = tf.expand_dims(centres - low, 3 - axis)[..., None]
        first = tf.cast(low, tf.int32)
        second = tf.minimum(first + 1, tf.shape(x)[axis] - 1)
        before, after = (
            tf.gather(x, at, axis=axis, batch_dims=1) for at in (first, second)
        )
        x = before + share * (after - before)
    return x
