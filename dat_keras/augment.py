"""Augmentations: pure functions of a batch and a key, run on the device."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import tensorflow as tf

from dat_keras.keys import Key
from dat_keras.types import Images, Labels


@dataclass(frozen=True)
class Augment(abc.ABC):
    """A random change of a training batch."""

    @abc.abstractmethod
    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the changed images and their labels.

        Args:
            x: Images, shape `(B, H, W, C)`, in `[0, 1]`.
            y: Labels `(B,)`; an augmentation that mixes images returns
                distributions over classes, `(B, K)`.
            key: Source of the random draws.
        """


@dataclass(frozen=True)
class Unchanged(Augment):
    """No augmentation."""

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns its arguments."""
        return x, y


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

    pad: int = 4
    flip: float = 0.5
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
        x = tf.pad(x, edges, self.mode)
        x = tf.gather(x, rows, axis=1, batch_dims=1)
        x = tf.gather(x, columns, axis=2, batch_dims=1)
        # Without a fixed batch size the gathers forget the image's size.
        return tf.ensure_shape(x, known), y

    def _offset(self, key: Key, batch: tf.Tensor) -> tf.Tensor:
        return tf.cast(
            tf.floor(key.uniform((batch, 1)) * (2 * self.pad + 1)), tf.int32
        )
