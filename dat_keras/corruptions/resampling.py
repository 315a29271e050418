"""Reading images at other places than their pixels'."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dat_keras.core.types import Images

_RADIAN = np.float32(np.pi / 180)


def padded(x: Images, reach: int, mode: str) -> Images:
    """Continues images beyond their border.

    Args:
        x: Images, shape `(B, H, W, C)`.
        reach: Pixels on each side.
        mode: A mode of `np.pad`: `"edge"`, `"reflect"` (the border pixel is
            not repeated) or `"symmetric"`.
    """
    for axis in (1, 2):
        places = np.pad(np.arange(x.shape[axis]), reach, mode=mode)  # type: ignore[call-overload]
        x = tf.gather(x, places, axis=axis)
    return x


def convolve(x: Images, kernel: np.ndarray, mode: str = "reflect") -> Images:
    """Correlates every channel with one kernel.

    Args:
        x: Images, shape `(B, H, W, C)`.
        kernel: Square kernel of odd side.
        mode: See `padded`.
    """
    channels = x.shape[-1]
    weights = tf.constant(kernel, tf.float32)[:, :, None, None]
    weights = tf.tile(weights, (1, 1, channels, 1))
    x = padded(x, len(kernel) // 2, mode)
    return tf.nn.depthwise_conv2d(x, weights, (1, 1, 1, 1), "VALID")


def motion(x: Images, radius: float, sigma: float, angle: tf.Tensor) -> Images:
    """Blurs along a line, as ImageMagick's motion blur does.

    Pixel `p` becomes the mean of the pixels `p + round(i * direction)`,
    `i = 0 .. 2 * radius`, weighted by a half Gaussian; beyond the border the
    nearest pixel counts.

    Args:
        x: Images, shape `(B, H, W, C)`.
        radius: Half the length of the line, in pixels.
        sigma: Standard deviation of the weights, in pixels.
        angle: Direction for each image in degrees, shape `(B,)`; 0 points to
            the right, 90 down.
    """
    height, width = x.shape[1:3]
    count = 2 * int(np.ceil(radius)) + 1
    weights = np.exp(-0.5 * (np.arange(count) / sigma) ** 2)
    weights = weights / weights.sum()
    turn = tf.stack([tf.sin(angle * _RADIAN), tf.cos(angle * _RADIAN)])
    sizes = tf.constant([[height - 1], [width - 1]])

    def add(i: tf.Tensor, total: Images) -> tuple[tf.Tensor, Images]:
        step = tf.math.ceil(tf.cast(i, tf.float32) * turn - 0.5)
        step = tf.clip_by_value(tf.cast(step, tf.int32), -sizes, sizes)
        rows, columns = tf.unstack(step[..., None])
        rows = tf.clip_by_value(rows + tf.range(height), 0, height - 1)
        columns = tf.clip_by_value(columns + tf.range(width), 0, width - 1)
        place = rows[:, :, None] * width + columns[:, None, :]
        moved = tf.gather(flat, place, axis=1, batch_dims=1)
        return i + 1, total + tf.gather(shares, i) * moved

    flat = tf.reshape(x, (-1, height * width, x.shape[-1]))
    shares = tf.constant(weights, tf.float32)
    _, total = tf.while_loop(
        lambda i, total: i < count, add, (tf.constant(0), tf.zeros_like(x))
    )
    return total


def bilinear(
    x: Images, rows: tf.Tensor, columns: tf.Tensor, mode: str
) -> Images:
    """Reads images at real-valued places, linearly between pixels.

    Args:
        x: Images, shape `(B, H, W, C)`.
        rows: Row of each new pixel, shape `(B, H', W')`.
        columns: Column of each new pixel, shape `(B, H', W')`.
        mode: `"reflect"` or `"symmetric"`, see `padded`.

    Returns:
        Images, shape `(B, H', W', C)`.
    """
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    result = tf.zeros(())
    for i, row_share in ((0, 1.0 - down), (1, down)):
        for j, column_share in ((0, 1.0 - right), (1, right)):
            place = tf.stack(
                [
                    _folded(tf.cast(top, tf.int32) + i, x.shape[1], mode),
                    _folded(tf.cast(left, tf.int32) + j, x.shape[2], mode),
                ],
                axis=-1,
            )
            pixels = tf.gather_nd(x, place, batch_dims=1)
            result += row_share * column_share * pixels
    return result


def _folded(place: tf.Tensor, size: int, mode: str) -> tf.Tensor:
    """Brings places beyond the border back into `0 .. size - 1`."""
    twice = size == 1 or mode == "symmetric"
    period = 2 * size if twice else 2 * size - 2
    place = tf.math.floormod(place, period)
    return tf.minimum(place, period - twice - place)
