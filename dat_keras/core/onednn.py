"""Convolutions whose gradient must avoid a kernel of oneDNN that crashes."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf


def strided_gradient_crashes(
    kernel_size: Sequence[int],
    strides: Sequence[int],
    channels: int | None,
) -> bool:
    """Whether oneDNN's gradient in the kernel may end in a segmentation fault.

    That of strided 1x1 convolutions of fewer than 16 channels does, on
    processors with AVX-512 (`python -m benchmarks.stride2_sweep`): it writes
    beyond its memory, which not every size of image and batch survives.
    `strided_conv2d` computes the same numbers without it.

    Args:
        kernel_size: Height and width of the kernel.
        strides: Strides of height and width.
        channels: Channels of the input; `None` counts as few.

    Example:
    >>> strided_gradient_crashes((1, 1), (2, 2), 8)
    True
    >>> strided_gradient_crashes((1, 1), (2, 2), 16)
    False
    """
    few = channels is None or channels < 16
    return max(kernel_size) == 1 and max(strides) > 1 and few


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
