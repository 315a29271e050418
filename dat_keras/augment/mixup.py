"""MixUp: convex combinations of images and of labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.augment.base import Augment
from dat_keras.augment.cutmix import partners
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.losses import as_distribution
from dat_keras.utils.ranges import Range


@dataclass(frozen=True)
class MixUp(Augment):
    """Mixes each image, and its label, with another of the batch.

    The share is uniform in `[0, 1]`, the paper's Beta(1, 1) for CIFAR.

    Args:
        num_classes: Number of classes, `K`.

    Example:
    >>> MixUp().num_classes
    10

    Reference:
        [Zhang et al., 2018](https://arxiv.org/abs/1710.09412)
    """

    num_classes: Annotated[int, Range(2)] = 10

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns mixed images and distributions over classes, `(B, K)`."""
        share = key.fold_in("share").uniform((tf.shape(x)[0], 1))
        y = as_distribution(y, self.num_classes)
        x_other, y_other = partners(x, y, key.fold_in("partner"))
        weight = share[:, :, None, None]
        return (
            weight * x + (1.0 - weight) * x_other,
            share * y + (1.0 - share) * y_other,
        )
