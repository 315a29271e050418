"""CropShift: cut a window out and paste it elsewhere on black (IDBH)."""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.augment.base import Augment, gather_pixels, integers
from dat_keras.core.random import Key
from dat_keras.core.types import Images, Labels
from dat_keras.utils.ranges import Size


@dataclass(frozen=True)
class CropShift(Augment):
    """Loses up to `most` rows and columns in all, and shifts what is left.

    With `s` uniform in `least .. most` and `c` uniform in `0 .. s`, a window
    smaller by `c` columns and `s - c` rows is cut at a random place and
    pasted at another, on black.

    Args:
        least: Smallest `s`, in pixels.
        most: Largest `s`. Default 10, the published.

    Raises:
        ValueError: If not `0 <= least <= most`.

    Example:
    >>> CropShift().most
    10

    Reference:
        [Li and Spratling, 2023](https://arxiv.org/abs/2301.09879)
    """

    least: Size = 0
    most: Size = 10

    def __post_init__(self) -> None:
        """Refuses an empty range."""
        super().__post_init__()
        if not 0 <= self.least <= self.most:
            raise ValueError(
                "`least` and `most` must satisfy 0 <= least <= most. "
                f"Received: least={self.least}, most={self.most}"
            )

    def __call__(self, x: Images, y: Labels, key: Key) -> tuple[Images, Labels]:
        """Returns the shifted windows on black."""
        known, shape = x.shape, (tf.shape(x)[0], 1)
        choices = self.most - self.least + 1
        size = self.least + integers(key.fold_in("size"), shape, choices)
        columns = integers(key.fold_in("columns"), shape, size + 1)
        y_axis = _moved(tf.shape(x)[1], size - columns, key.fold_in("vertical"))
        x_axis = _moved(tf.shape(x)[2], columns, key.fold_in("horizontal"))
        (rows, kept_rows), (columns, kept_columns) = y_axis, x_axis
        kept = kept_rows[:, :, None, None] * kept_columns[:, None, :, None]
        x = kept * gather_pixels(x, rows, columns)
        return tf.ensure_shape(x, known), y


def _moved(
    length: tf.Tensor, lost: tf.Tensor, key: Key
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where each pixel of an axis comes from, and whether it shows anything."""
    shape = tf.shape(lost)
    cut = integers(key.fold_in("cut"), shape, lost + 1)
    paste = integers(key.fold_in("paste"), shape, lost + 1)
    place = tf.range(length) - paste
    kept = tf.logical_and(place >= 0, place < length - lost)
    source = tf.clip_by_value(place + cut, 0, length - 1)
    return source, tf.cast(kept, tf.float32)
