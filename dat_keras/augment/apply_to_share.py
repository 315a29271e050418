"""ApplyToShare: another augmentation, on a share of each batch only."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.augment.base import Augment
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.losses import as_distribution
from dat_keras.utils.ranges import Share


@dataclass(frozen=True)
class ApplyToShare(Augment):
    """Changes a share of every batch and leaves the other images.

    Batches come in random order, so the first images are as good as any.

    Args:
        augment: The augmentation.
        share: Share of the batch that it changes, in `[0, 1]`, rounded down
            to whole images. Default: half, OA-AT's for CIFAR-100.

    Raises:
        ValueError: If `share` is outside `[0, 1]`.

    Example:
    >>> from dat_keras.augment.base import Unchanged
    >>> ApplyToShare(Unchanged()).share
    0.5
    """

    augment: Augment
    share: Share = 0.5

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns changed images, then unchanged ones, and their labels."""
        changed, labels = self.augment(x, y, key)
        place = tf.range(tf.shape(x)[0], dtype=tf.float32)
        first = place + 1.0 <= self.share * tf.cast(tf.shape(x)[0], tf.float32)
        if labels is not y and labels.shape.rank == 2:
            y = as_distribution(y, labels.shape[-1])
            labels = tf.where(first[:, None], labels, y)
        return tf.where(first[:, None, None, None], changed, x), labels
