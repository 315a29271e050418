"""CutMix: a rectangle of another image, and its share of the label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.augment.base import Augment, box, random_pixels
from dat_keras.core.random import Key
from dat_keras.core.replicas import Rows, gathered
from dat_keras.core.types import Images, Labels
from dat_keras.losses import as_distribution
from dat_keras.utils.ranges import Range


@dataclass(frozen=True)
class CutMix(Augment):
    """Pastes a rectangle of another image of the batch into each image.

    The kept share `r` is uniform in `[0, 1]` (the paper's Beta(1, 1)), the
    rectangle has sides `sqrt(1 - r)` of the image's about a uniform pixel and
    is clipped at the border; the label is mixed by the area really kept.

    Args:
        num_classes: Number of classes, `K`.

    Example:
    >>> CutMix(num_classes=100)
    CutMix(num_classes=100)

    Reference:
        [Yun et al., 2019](https://arxiv.org/abs/1905.04899)
    """

    num_classes: Annotated[int, Range(2)] = 10

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns mixed images and distributions over classes, `(B, K)`."""
        sides = tf.cast(tf.shape(x)[1:3], tf.float32)
        share = key.fold_in("share").uniform((tf.shape(x)[0], 1))
        size = tf.cast(tf.floor(tf.sqrt(1.0 - share) * sides), tf.int32)
        inside, pixels = box(x, random_pixels(x, key.fold_in("place")), size)
        kept = (1.0 - pixels / tf.reduce_prod(sides))[:, None]
        y = as_distribution(y, self.num_classes)
        x_other, y_other = partners(x, y, key.fold_in("partner"))
        mixed = kept * y + (1.0 - kept) * y_other
        return tf.where(inside, x_other, x), mixed


def partners(x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
    """The batch, that of all replicas, in a random order: this one's rows."""
    rows = Rows.of(x)
    if rows is None:
        order = tf.argsort(key.uniform((tf.shape(x)[0],)))
    else:
        order = tf.argsort(key.shared.uniform((rows.total,)))
        order = order[rows.start : rows.start + rows.own]
    x, y = gathered((x, y))
    return tf.gather(x, order), tf.gather(y, order)
