"""The interface of augmentations, and what they are made of."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import tensorflow as tf

from dat_keras.core.random import Key, Shape
from dat_keras.core.types import Images, Labels
from dat_keras.utils.ranges import RangeChecked


@dataclass(frozen=True)
class Augment(RangeChecked, abc.ABC):
    """A random change of a training batch."""

    @abc.abstractmethod
    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the changed images and their labels.

        Args:
            x: Images, shape `(B, H, W, C)`, in `[0, 1]`.
            y: Labels `(B,)`, or distributions over classes, `(B, K)`, which
                an augmentation that mixes images always returns; any other
                returns `y` itself.
            key: Source of the random draws.
        """


def augmented(
    augment: Augment, x: Images, y: Labels, key: Key
) -> tuple[Images, Labels, bool]:
    """Returns what an augmentation returns, and whether it mixed labels.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> x, y = tf.zeros((1, 2, 2, 1)), tf.constant([0])
    >>> augmented(Unchanged(), x, y, BatchKey.of(0, 0))[2]
    False
    """
    x, labels = augment(x, y, key)
    return x, labels, labels is not y and labels.shape.rank == 2


@dataclass(frozen=True)
class Unchanged(Augment):
    """No augmentation."""

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns its arguments."""
        return x, y


@dataclass(frozen=True)
class Chain(Augment):
    """Several augmentations, one after the other.

    Args:
        parts: The augmentations, in order.

    Example:
    >>> Chain((Unchanged(), Unchanged()))
    Chain(parts=(Unchanged(), Unchanged()))
    """

    parts: tuple[Augment, ...]

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns what the last part returns."""
        for i, part in enumerate(self.parts):
            x, y = part(x, y, key.fold_in(i))
        return x, y


def integers(key: Key, shape: Shape, count: int | tf.Tensor) -> tf.Tensor:
    """Uniform int32 numbers in `0 .. count - 1`.

    Args:
        key: Source of the draw.
        shape: Shape of the result; its first axis is the batch.
        count: Number of outcomes; broadcasts against `shape`.

    Example:
    >>> from dat_keras.core.random import BatchKey
    >>> integers(BatchKey.of(0, 0), (3,), 1).numpy()
    array([0, 0, 0], dtype=int32)
    """
    count = tf.cast(count, tf.float32)
    return tf.cast(tf.floor(key.uniform(shape) * count), tf.int32)


def signs(key: Key, shape: Shape) -> tf.Tensor:
    """Float32 numbers that are 1 or -1, with equal chances."""
    return tf.where(key.uniform(shape) < 0.5, -1.0, 1.0)


def gather_pixels(x: Images, rows: tf.Tensor, columns: tf.Tensor) -> Images:
    """Picks rows and columns of every image for itself.

    Args:
        x: Images, shape `(B, H, W, C)`.
        rows: Row numbers, shape `(B, H')`.
        columns: Column numbers, shape `(B, W')`.

    Returns:
        Images, shape `(B, H', W', C)`.
    """
    x = tf.gather(x, rows, axis=1, batch_dims=1)
    return tf.gather(x, columns, axis=2, batch_dims=1)


def box(
    x: Images, centre: tf.Tensor, size: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """A rectangle in every image, clipped at its border.

    Args:
        x: Images, shape `(B, H, W, C)`.
        centre: Pixel that the rectangle is about, `(B, 2)` int32, as
            `(row, column)`.
        size: Height and width, shape `(B, 2)` int32.

    Returns:
        A mask, true inside, shape `(B, H, W, 1)`, and the number of pixels
        inside, shape `(B,)`, float32.
    """
    low = centre - size // 2
    high = low + size
    rows, columns = (
        tf.logical_and(
            tf.range(tf.shape(x)[axis + 1]) >= low[:, axis, None],
            tf.range(tf.shape(x)[axis + 1]) < high[:, axis, None],
        )
        for axis in (0, 1)
    )
    inside = tf.logical_and(rows[:, :, None, None], columns[:, None, :, None])
    return inside, tf.reduce_sum(tf.cast(inside, tf.float32), axis=[1, 2, 3])


def random_pixels(x: Images, key: Key) -> tf.Tensor:
    """One uniform `(row, column)` for every image, shape `(B, 2)`, int32."""
    return integers(key, (tf.shape(x)[0], 2), tf.shape(x)[1:3])
