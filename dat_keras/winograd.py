"""3x3 convolutions with a quarter of the multiplications: F(4x4, 3x3).

    y = A^T ((G w G^T) * (B^T x B)) A      for each tile of 4x4 outputs

The transforms of all tiles of an image stand in one matrix, borders included:
`B^T x B` and `A^T ... A` are a matrix product each, and `*` over channels is
one for each of the 36 positions. In exact arithmetic nothing changes; in
float32 some 1e-5 of the largest output does.

Reference:
    [Lavin and Gray, 2016](https://arxiv.org/abs/1509.09308)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from keras import layers

TILE = 4
"""Outputs of a tile along an axis."""

SPAN = TILE + 2
"""Inputs that they read."""

G = np.array(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ]
)
B_T = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
A_T = np.array(
    [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
)

LEAST_CHANNELS = 128
"""With fewer, calls of operations take longer than what is saved."""


def pays(layer: layers.Conv2D, shape: Sequence[int | None], dtype: str) -> bool:
    """Whether the transforms cost less than the multiplications they save.

    For `P` pixels and `C` channels on both sides, all matrix products take
    `1/4 + P / 2C` of the convolution's multiplications. A GPU's own library
    of convolutions decides for itself.

    Args:
        layer: A convolution.
        shape: Shape `(B, H, W, K)` of its output.
        dtype: Type in which it computes. The transforms need float32: they
            add numbers some 100 times as large as their sums.

    Example:
    >>> layer = layers.Conv2D(256, 3, padding="same")
    >>> layer.build((None, 8, 8, 256))
    >>> [pays(layer, (None, n, n, 256), "float32") for n in (8, 32)]
    [True, False]
    """
    channels = min(layer.kernel.shape[2:])
    pixels = math.prod(length or math.inf for length in shape[1:3])
    return (
        channels >= max(LEAST_CHANNELS, pixels)
        and dtype == "float32"
        and layer.kernel_size == (3, 3)
        and layer.strides == layer.dilation_rate == (1, 1)
        and (layer.padding, layer.groups) == ("same", 1)
        and layer.data_format == "channels_last"
        and not tf.config.list_physical_devices("GPU")
    )


def transformed(kernel: tf.Tensor) -> tf.Tensor:
    """Returns `G w G^T`, shape `(36, C, K)`, of a kernel `(3, 3, C, K)`."""
    _, _, c, k = kernel.shape
    both = tf.constant(np.kron(G, G), kernel.dtype)
    return tf.reshape(both @ tf.reshape(kernel, (9, c * k)), (-1, c, k))


def convolve(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Returns the convolution of `x` with stride 1 and padding `same`.

    Args:
        x: Images, shape `(B, H, W, C)`, `H` and `W` known.
        kernel: What `transformed` returned, shape `(36, C, K)`.

    Returns:
        Images, shape `(B, H, W, K)`.

    Example:
    >>> x, w = tf.ones((1, 7, 5, 2)), tf.ones((3, 3, 2, 1))
    >>> y = convolve(x, transformed(w))
    >>> bool(tf.reduce_max(abs(y - tf.nn.conv2d(x, w, 1, "SAME"))) < 1e-4)
    True
    """
    _, height, width, c = x.shape
    spread = tf.constant(_spread(height, width), x.dtype)
    gather = tf.constant(_gather(height, width), x.dtype)
    y = tf.transpose(x, (1, 2, 0, 3))
    y = spread @ tf.reshape(y, (height * width, -1))
    y = tf.reshape(y, (SPAN**2, -1, c)) @ kernel
    y = gather @ tf.reshape(y, (spread.shape[0], -1))
    y = tf.reshape(y, (height, width, tf.shape(x)[0], kernel.shape[-1]))
    return tf.transpose(y, (2, 0, 1, 3))


def _spread(height: int, width: int) -> np.ndarray:
    """`B^T x B` of every tile, shape `(36 * tiles, height * width)`.

    Rows run over positions, then over tiles; what a tile reads beyond the
    image is zero.
    """
    both = np.einsum("ptn,qum->pqtunm", _tiled_b(height), _tiled_b(width))
    return both.reshape(-1, height * width)


def _gather(height: int, width: int) -> np.ndarray:
    """`A^T m A` of every tile, shape `(height * width, 36 * tiles)`."""
    both = np.einsum("npt,mqu->nmpqtu", _tiled_a(height), _tiled_a(width))
    return both.reshape(height * width, -1)


def _tiled_b(length: int) -> np.ndarray:
    """`B^T` of each tile along an axis, shape `(6, tiles, length)`."""
    tiles = -(-length // TILE)
    padded = np.zeros((SPAN, tiles, TILE * tiles + 2))
    for t in range(tiles):
        padded[:, t, TILE * t : TILE * t + SPAN] = B_T
    return padded[:, :, 1 : length + 1]


def _tiled_a(length: int) -> np.ndarray:
    """`A^T` of each tile along an axis, shape `(length, 6, tiles)`."""
    tiles = -(-length // TILE)
    whole = np.zeros((TILE * tiles, SPAN, tiles))
    for t in range(tiles):
        whole[TILE * t : TILE * (t + 1), :, t] = A_T
    return whole[:length]
