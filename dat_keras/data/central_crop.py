"""Images of many sizes made one size: the central part, scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import tensorflow as tf

from dat_keras.utils.ranges import Range, RangeChecked


@dataclass(frozen=True)
class CentralCrop(RangeChecked):
    """Scales the shorter side of an image and cuts out its centre.

    Args:
        size: Height and width of the result. Default: 224, as ImageNet
            classifiers are evaluated.
        shorter: Length of the shorter side before the cut, in pixels.
            Default: 256, likewise.

    Raises:
        ValueError: If `shorter` is less than `size`.

    Reference:
        [He et al., 2016](https://arxiv.org/abs/1512.03385), 224 of 256.

    Example:
    >>> CentralCrop(4, 6)(tf.zeros((9, 15, 3), tf.uint8)).shape
    TensorShape([4, 4, 3])
    """

    size: Annotated[int, Range(1)] = 224
    shorter: Annotated[int, Range(1)] = 256

    def __post_init__(self) -> None:
        """Refuses a crop that is larger than the image."""
        super().__post_init__()
        if self.shorter < self.size:
            raise ValueError(
                "`shorter` must be at least `size`. Received: "
                f"shorter={self.shorter} and size={self.size}"
            )

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """Maps an image `(H, W, C)` to `(size, size, C)`, both uint8."""
        sides = tf.cast(tf.shape(image)[:2], tf.float64)
        factor = self.shorter / tf.reduce_min(sides)
        scaled = tf.maximum(
            tf.cast(tf.round(sides * factor), tf.int32), self.shorter
        )
        pixels = tf.image.resize(image, scaled, antialias=True)
        top, left = tf.unstack((scaled - self.size) // 2)
        pixels = pixels[top : top + self.size, left : left + self.size]
        pixels = tf.ensure_shape(
            pixels, (self.size, self.size, image.shape[-1])
        )
        return tf.cast(tf.clip_by_value(tf.round(pixels), 0, 255), tf.uint8)
