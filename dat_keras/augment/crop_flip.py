"""Crop and flip, the base augmentation of CIFAR training."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.augment.base import Augment, gather_pixels, integers
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.utils.ranges import Share, Size


@dataclass(frozen=True)
class CropFlip(Augment):
    """A random crop of the padded image and a random horizontal flip.

    Differentiable in the image. Both are one gather per axis.

    Args:
        pad: Pixels added on each side before cropping back. Default 4, the
            standard of CIFAR training.
        flip: Probability of a horizontal flip.
        mode: How `tf.pad` fills: `"CONSTANT"` (zeros), `"REFLECT"` or
            `"SYMMETRIC"`.
    """

    pad: Size = 4
    flip: Share = 0.5
    mode: str = "CONSTANT"

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the images cropped and flipped, each by its own draw."""
        known = x.shape
        batch, height, width = tf.unstack(tf.shape(x)[:3])
        rows = tf.range(height) + self._offset(key.fold_in("row"), batch)
        columns = tf.range(width)
        flipped = key.fold_in("flip").uniform((batch, 1)) < self.flip
        columns = tf.where(flipped, width - 1 - columns, columns)
        columns += self._offset(key.fold_in("column"), batch)
        edges = [[0, 0], [self.pad, self.pad], [self.pad, self.pad], [0, 0]]
        x = gather_pixels(tf.pad(x, edges, self.mode), rows, columns)
        # Without a fixed batch size the gathers forget the image's size.
        return tf.ensure_shape(x, known), y

    def _offset(self, key: Key, batch: tf.Tensor) -> tf.Tensor:
        return integers(key, (batch, 1), 2 * self.pad + 1)
