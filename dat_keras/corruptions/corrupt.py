"""`corrupt`: arrays of images with one corruption."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dat_keras.core.random import RowKey
from dat_keras.core.types import Images
from dat_keras.corruptions import CORRUPTIONS
from dat_keras.corruptions.base import (
    Corruption,
    check_severity,
    lookup_table,
    table_of,
)
from dat_keras.utils.kinds import described
from dat_keras.utils.registry import lookup


def corrupt(
    images: np.ndarray,
    corruption: str,
    severity: int = 3,
    seed: int = 0,
    *,
    positions: Sequence[int] | None = None,
    table: str | None = None,
    batch_size: int = 128,
) -> np.ndarray:
    """Returns images with a corruption of Hendrycks and Dietterich (2019).

    The draws of an image are a function of the seed, the corruption's name
    and the image's position alone. Severities share them.

    Args:
        images: Floats in `[0, 1]`, shape `(N, H, W, C)`, with one or three
            channels.
        corruption: Key of `corruptions.CORRUPTIONS`, such as `"fog"`.
        severity: 1 to 5.
        seed: Seed of the draws.
        positions: Position of each image in its data set, shape `(N,)`.
            Default: 0 to N - 1.
        table: Which parameters: `"cifar10"`, `"tiny_imagenet"` or
            `"imagenet"`. Default: by the shorter side, up to 48 pixels, up to
            128, more.
        batch_size: Images that are corrupted at a time.

    Returns:
        Images, float32 in `[0, 1]`, shape `(N, H, W, C)`. They are not
        rounded to 256 levels, except by `"jpeg_compression"`.

    Raises:
        ValueError: If an argument is unknown or out of range.

    Example:
    >>> x = np.array([[[[0.5], [0.7]]]])
    >>> corrupt(x, "contrast", severity=5).astype(float).round(3).tolist()
    [[[[0.585], [0.615]]]]

    Reference:
        [Hendrycks and Dietterich, 2019](https://arxiv.org/abs/1903.12261)
    """
    check_severity(severity)
    images = checked_images(images)
    places = np.arange(len(images)) if positions is None else positions
    places = np.asarray(places, np.int64)
    if places.shape != (len(images),):
        raise ValueError(
            f"`positions` must be {len(images)} numbers, one per image. "
            f"Received: shape {places.shape}"
        )
    if batch_size < 1:
        raise ValueError(
            "`batch_size` must be at least 1. "
            f"Received: batch_size={batch_size}"
        )
    run = corrupting(corruption, severity, images.shape[1:], seed, table)
    result = np.empty(images.shape, np.float32)
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        result[rows] = run(images[rows], places[rows])
    return result


def corrupting(
    corruption: str,
    severity: int,
    shape: tuple[int, ...],
    seed: int,
    table: str | None = None,
) -> tf.types.experimental.PolymorphicFunction:
    """Returns a corruption as a traced function of images and positions.

    Args:
        corruption: Key of `CORRUPTIONS`.
        severity: 1 to 5.
        shape: Shape of an image, `(H, W, C)`.
        seed: Seed of the draws.
        table: Key of `TABLES`. Default: by the image size.
    """
    apply = lookup(CORRUPTIONS, corruption, "corruption")
    table = lookup_table(table or table_of(*shape[:2]))
    return tf.function(
        _Keyed(apply, severity, seed, corruption, table),
        input_signature=[
            tf.TensorSpec((None, *shape), tf.float32),
            tf.TensorSpec((None,), tf.int64),
        ],
        autograph=False,
    )


@dataclass(frozen=True, eq=False)
class _Keyed:
    """A corruption whose draws depend on seed, name and position."""

    apply: Corruption
    severity: int
    seed: int
    name: str
    table: str

    def __call__(self, x: Images, positions: tf.Tensor) -> Images:
        key = RowKey.of(self.seed, positions)
        key = key.fold_in("corruption").fold_in(self.name)
        return self.apply(x, key, self.severity, self.table)


def checked_images(images: np.ndarray) -> np.ndarray:
    """Returns images as float32, or refuses what are none.

    Raises:
        ValueError: If they are not floats in `[0, 1]` of shape
            `(N, H, W, C)` with one or three channels.
    """
    images = np.asarray(images)
    if images.dtype.kind != "f" or images.ndim != 4 or 0 in images.shape:
        raise ValueError(
            "`images` must be floats in [0, 1] of shape (N, H, W, C); divide "
            "uint8 images by 255. Received: "
            f"{images.dtype} of shape {images.shape}"
            if images.size or images.ndim
            else f"`images` must be an array. Received: {described(images)}"
        )
    if images.shape[-1] not in (1, 3):
        raise ValueError(
            "`images` must have 1 or 3 channels. "
            f"Received: shape {images.shape}"
        )
    low, high = float(images.min()), float(images.max())
    if not (low >= 0.0 and high <= 1.0):
        raise ValueError(
            "`images` must be in [0, 1]; divide by 255 if they hold bytes. "
            f"Received: values in [{low:g}, {high:g}]"
        )
    return images.astype(np.float32)
