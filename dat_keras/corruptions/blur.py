"""Blurs: defocus, glass, motion and zoom."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images
from dat_keras.corruptions.base import Corruption
from dat_keras.corruptions.linear_maps import (
    along_axes,
    clipped_zoom,
    gaussian,
)
from dat_keras.corruptions.resampling import convolve, motion


def defocus_blur(x: Images, key: Key, radius: float, softness: float) -> Images:
    """Averages over a disk of `radius` pixels with a soft border."""
    return convolve(x, _disk(radius, softness))


def glass_blur(
    x: Images, key: Key, sigma: float, reach: float, times: float
) -> Images:
    """Blurs, moves pixels by up to `reach` places, blurs again.

    From the lower right to the upper left, each pixel takes the value that a
    random neighbour has by then. (The benchmark's program means to swap both;
    its published images are made by copies, and so are these.)
    """
    height, width = x.shape[1:3]
    rows, columns = gaussian(height, sigma), gaussian(width, sigma)
    x = along_axes(x, rows, columns)
    reach = int(reach)
    for i in range(int(times)):
        draw = key.fold_in(i).uniform((tf.shape(x)[0], height, width, 2))
        moves = tf.cast(tf.floor(2 * reach * draw), tf.int32) - reach
        x = _moved(x, moves, reach)
    return along_axes(x, rows, columns)


def motion_blur(x: Images, key: Key, radius: float, sigma: float) -> Images:
    """Blurs along a line within 45 degrees of the horizontal."""
    angle = key.uniform((tf.shape(x)[0],), -45.0, 45.0)
    return motion(x, radius, sigma, angle)


def zoom_blur(x: Images, key: Key, step: float, count: float) -> Images:
    """The mean of `x` and of `count` zooms, the i-th by `1 + i * step`."""
    height, width = x.shape[1:3]
    total = x
    for i in range(int(count)):
        factor = 1.0 + i * step
        total += along_axes(
            x, clipped_zoom(height, factor), clipped_zoom(width, factor)
        )
    return total / (count + 1.0)


def _disk(radius: float, softness: float) -> np.ndarray:
    """A kernel: a disk, smoothed by a Gaussian of 3 or 5 pixels."""
    reach, taps = (8, 3) if radius <= 8 else (int(radius), 5)
    line = np.arange(-reach, reach + 1)
    disk = (line[:, None] ** 2 + line**2 <= radius**2) / 1.0
    bell = np.exp(-0.5 * ((np.arange(taps) - taps // 2) / softness) ** 2)
    bell = bell / bell.sum()
    wide = np.pad(disk / disk.sum(), taps // 2, mode="reflect")
    for axis in (0, 1):
        windows = np.lib.stride_tricks.sliding_window_view(wide, taps, axis)
        wide = windows @ bell
    return wide


def _moved(x: Images, moves: tf.Tensor, reach: int) -> Images:
    """Copies neighbours one pixel after the other, in the order of a scan.

    Pixels that no common neighbour can connect are done at the same time: with
    `w` counted from the right and `h` from the bottom, those of equal
    `w + (reach + 1) * h`.

    Args:
        x: Images, shape `(B, H, W, C)`.
        moves: Place of the neighbour, `(B, H, W, 2)`, as `(row, column)` in
            `-reach .. reach - 1`.
        reach: How far a neighbour may be.
    """
    height, width, channels = x.shape[1:]
    inner = [range(n - reach, reach, -1) for n in (height, width)]
    h, w = np.meshgrid(*map(np.array, inner), indexing="ij")
    if not h.size:
        return x
    wave = (w.max() - w) + (reach + 1) * (h.max() - h)
    target = h * width + w
    step = moves[..., 0] * width + moves[..., 1]
    source = tf.reshape(step, (-1, height * width)) + np.arange(height * width)
    x = tf.reshape(x, (-1, height * width, channels))
    batch = tf.range(tf.shape(x)[0])[:, None]
    groups = tf.ragged.constant(
        [target[wave == i].tolist() for i in range(wave.max() + 1)],
        dtype=tf.int32,
    )

    def copy(i: tf.Tensor, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        mine = groups[i]
        theirs = tf.gather(source, mine, axis=1)
        places = tf.broadcast_to(mine, tf.shape(theirs))
        index = tf.stack([batch + tf.zeros_like(places), places], -1)
        values = tf.gather(x, theirs, axis=1, batch_dims=1)
        return i + 1, tf.tensor_scatter_nd_update(x, index, values)

    _, x = tf.while_loop(
        lambda i, x: i < int(wave.max()) + 1, copy, (tf.constant(0), x)
    )
    return tf.reshape(x, (-1, height, width, channels))


DEFOCUS_BLUR = Corruption(
    defocus_blur,
    cifar10=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1)),
    tiny_imagenet=((0.5, 0.6), (1.0, 0.1), (1.5, 0.1), (2.5, 0.01), (3.0, 0.1)),
    imagenet=((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5)),
)
GLASS_BLUR = Corruption(
    glass_blur,
    cifar10=(
        (0.05, 1, 1),
        (0.25, 1, 1),
        (0.4, 1, 1),
        (0.25, 1, 2),
        (0.4, 1, 2),
    ),
    tiny_imagenet=(
        *((0.1, 1, 1), (0.5, 1, 1), (0.6, 1, 2), (0.7, 2, 1), (0.9, 2, 2)),
    ),
    imagenet=((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2)),
)
MOTION_BLUR = Corruption(
    motion_blur,
    cifar10=((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5)),
    tiny_imagenet=((10, 1.0), (10, 1.5), (10, 2.0), (10, 2.5), (12, 3.0)),
    imagenet=((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0)),
)
ZOOM_BLUR = Corruption(
    zoom_blur,
    cifar10=((0.01, 7), (0.01, 12), (0.01, 16), (0.01, 21), (0.01, 26)),
    tiny_imagenet=((0.01, 7), (0.01, 12), (0.01, 16), (0.01, 21), (0.01, 26)),
    imagenet=((0.01, 12), (0.01, 16), (0.02, 11), (0.02, 13), (0.03, 11)),
)
