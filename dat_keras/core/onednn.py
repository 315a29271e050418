"""Convolutions whose gradient must avoid a kernel of oneDNN that crashes."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def strided_gradient_crashes(
    kernel_size: Sequence[int],
    strides: Sequence[int],
    image_shape: Sequence[int | None],
) -> bool:
    """Whether oneDNN's gradient in the kernel may end in a segmentation fault.

    That of 1x1 convolutions of stride 2 does, for fewer than 16 channels on
    images of 48 pixels a side and more (`python -m benchmarks.stride2_sweep`).
    `strided_conv2d` computes the same numbers without it.

    Args:
        kernel_size: Height and width of the kernel.
        strides: Strides of height and width.
        image_shape: `(H, W, C)` of the input; `None` counts as large.

    Example:
    >>> strided_gradient_crashes((1, 1), (2, 2), (64, 64, 8))
    True
    >>> strided_gradient_crashes((1, 1), (2, 2), (32, 32, 16))
    False
    """
    height, width, channels = image_shape
    large = any(side is None or side >= 40 for side in (height, width))
    few = channels is None or channels < 16
    return max(kernel_size) == 1 and max(strides) > 1 and large and few


def strided_conv2d(
    x: tf.Tensor, kernel: tf.Tensor, strides: Sequence[int]
) -> tf.Tensor:
    """A 1x1 convolution with strides, as one of stride 1 over a slice.

    Args:
        x: Images, shape `(B, H, W, C)`.
        kernel: Shape `(1, 1, C, F)`.
        strides: Strides of height and width.

    Example:
    >>> x = tf.reshape(tf.range(9.0), (1, 3, 3, 1))
    >>> y = strided_conv2d(x, tf.ones((1, 1, 1, 1)), (2, 2))
    >>> y.numpy().ravel().tolist()
    [0.0, 2.0, 6.0, 8.0]
    """
    vertical, horizontal = strides
    return tf.nn.conv2d(x[:, ::vertical, ::horizontal], kernel, 1, "VALID")
