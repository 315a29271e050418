"""3x3 convolutions with fewer multiplications: F(4x4, 3x3) and F(2x2, 3x3).

    y = A^T ((G w G^T) * (B^T x B)) A      for each tile of outputs

The transforms of all tiles of an image stand in one matrix, borders included:
`B^T x B` and `A^T ... A` are a matrix product each, and `*` over channels is
one for each position in a tile. In exact arithmetic nothing changes.

Reference:
    [Lavin and Gray, 2016](https://arxiv.org/abs/1509.09308)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from keras import layers


@dataclass(frozen=True, eq=False)
class Tiles:
    """One size of tile, with its three transforms.

    Args:
        g: `G`, shape `(span, 3)`: a tile reads `span` inputs along an axis.
        b: `B^T`, shape `(span, span)`.
        a: `A^T`, shape `(size, span)`: it makes `size` outputs.
    """

    g: np.ndarray
    b: np.ndarray
    a: np.ndarray

    def transform(self, kernel: tf.Tensor) -> tf.Tensor:
        """Returns `G w G^T`, shape `(span^2, C, K)`, of `(3, 3, C, K)`."""
        _, _, c, k = kernel.shape
        both = tf.constant(np.kron(self.g, self.g), kernel.dtype)
        return tf.reshape(both @ tf.reshape(kernel, (9, c * k)), (-1, c, k))

    def convolve(self, x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Returns the convolution of `x` with stride 1 and padding `same`.

        Args:
            x: Images, shape `(B, H, W, C)`, `H` and `W` known.
            kernel: What `transform` returned, in the type of `x`.

        Returns:
            Images, shape `(B, H, W, K)`.

        Example:
        >>> x, w = tf.ones((1, 7, 5, 2)), tf.ones((3, 3, 2, 1))
        >>> y = F4.convolve(x, F4.transform(w))
        >>> bool(tf.reduce_max(abs(y - tf.nn.conv2d(x, w, 1, "SAME"))) < 1e-4)
        True
        """
        _, height, width, c = x.shape
        spread = tf.constant(self._spread(height, width), x.dtype)
        gather = tf.constant(self._gather(height, width), x.dtype)
        y = tf.transpose(x, (1, 2, 0, 3))
        y = spread @ tf.reshape(y, (height * width, -1))
        y = tf.reshape(y, (len(self.b) ** 2, -1, c)) @ kernel
        y = gather @ tf.reshape(y, (spread.shape[0], -1))
        y = tf.reshape(y, (height, width, tf.shape(x)[0], kernel.shape[-1]))
        return tf.transpose(y, (2, 0, 1, 3))

    def _spread(self, height: int, width: int) -> np.ndarray:
        """`B^T x B` of every tile: `(span^2 * tiles, height * width)`.

        Rows run over positions, then over tiles; what a tile reads beyond the
        image is zero.
        """
        rows, columns = self._tiled_b(height), self._tiled_b(width)
        both = np.einsum("ptn,qum->pqtunm", rows, columns)
        return both.reshape(-1, height * width)

    def _gather(self, height: int, width: int) -> np.ndarray:
        """`A^T m A` of every tile: `(height * width, span^2 * tiles)`."""
        rows, columns = self._tiled_a(height), self._tiled_a(width)
        both = np.einsum("npt,mqu->nmpqtu", rows, columns)
        return both.reshape(height * width, -1)

    def _tiled_b(self, length: int) -> np.ndarray:
        """`B^T` of each tile along an axis, shape `(span, tiles, length)`."""
        size, span = self.a.shape
        tiles = -(-length // size)
        padded = np.zeros((span, tiles, size * tiles + 2))
        for t in range(tiles):
            padded[:, t, size * t : size * t + span] = self.b
        return padded[:, :, 1 : length + 1]

    def _tiled_a(self, length: int) -> np.ndarray:
        """`A^T` of each tile along an axis, shape `(length, span, tiles)`."""
        size, span = self.a.shape
        tiles = -(-length // size)
        whole = np.zeros((size * tiles, span, tiles))
        for t in range(tiles):
            whole[size * t : size * (t + 1), :, t] = self.a
        return whole[:length]


F2 = Tiles(
    g=np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]]),
    b=np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]]),
    a=np.array([[1, 1, 1, 0], [0, 1, -1, -1]]),
)
"""2x2 outputs, 1 / 2.25 of the multiplications, hardly any rounding."""

F4 = Tiles(
    g=np.array(
        [
            [1 / 4, 0, 0],
            [-1 / 6, -1 / 6, -1 / 6],
            [-1 / 6, 1 / 6, -1 / 6],
            [1 / 24, 1 / 12, 1 / 6],
            [1 / 24, -1 / 12, 1 / 6],
            [0, 0, 1],
        ]
    ),
    b=np.array(
        [
            [4, 0, -5, 0, 1, 0],
            [0, -4, -4, 1, 1, 0],
            [0, 4, -4, -1, 1, 0],
            [0, -2, -1, 2, 1, 0],
            [0, 2, -1, -2, 1, 0],
            [0, 4, 0, -5, 0, 1],
        ]
    ),
    a=np.array(
        [
            [1, 1, 1, 1, 1, 0],
            [0, 1, -1, 2, -2, 0],
            [0, 1, 1, 4, 4, 0],
            [0, 1, -1, 8, -8, 1],
        ]
    ),
)
"""4x4 outputs, 1 / 4 of the multiplications. It adds numbers some 100 times as
large as their sum: for float32 only, of which 1e-5 of a scale is rounded."""

LEAST_CHANNELS = 128
"""With fewer, calls of operations take longer than what is saved."""

LEAST_SHARE = {"float32": 1, "bfloat16": 8}
"""Channels a pixel from which the transforms cost less than they save."""

TILES = {"float32": F4, "bfloat16": F2}
"""The tiles of each type that convolutions compute in."""


def outweighs(layer: layers.Conv2D, shape: Sequence[int | None]) -> bool:
    """Whether a kernel has as many channels as what it reads has pixels.

    Reading the kernel then takes as long as reading a good many images.

    Args:
        layer: A convolution.
        shape: Shape `(B, H, W, K)` of its output.
    """
    return _share(layer, shape) >= 1


def tiles_for(
    layer: layers.Conv2D, shape: Sequence[int | None], dtype: str
) -> Tiles | None:
    """The tiles with which a convolution is fastest; `None` for without.

    For `P` pixels and `C` channels on both sides, all matrix products of F4
    take `1/4 + P / 2C` of the convolution's multiplications. A GPU's own
    library of convolutions decides for itself.

    Args:
        layer: A convolution.
        shape: Shape `(B, H, W, K)` of its output.
        dtype: Type in which it computes.

    Example:
    >>> layer = layers.Conv2D(256, 3, padding="same")
    >>> layer.build((None, 8, 8, 256))
    >>> sides = (8, 32)
    >>> [tiles_for(layer, (None, n, n, 256), "float32") is F4 for n in sides]
    [True, False]
    """
    fits = (
        _share(layer, shape) >= LEAST_SHARE.get(dtype, math.inf)
        and layer.kernel_size == (3, 3)
        and layer.strides == layer.dilation_rate == (1, 1)
        and (layer.padding, layer.groups) == ("same", 1)
        and layer.data_format == "channels_last"
        and not tf.config.list_physical_devices("GPU")
    )
    return TILES[dtype] if fits else None


def _share(layer: layers.Conv2D, shape: Sequence[int | None]) -> float:
    """Channels a pixel; 0 for a narrow layer."""
    channels = min(layer.kernel.shape[2:])
    # Of what is read, which is more than what is written.
    outputs = math.prod(length or math.inf for length in shape[1:3])
    pixels = outputs * math.prod(layer.strides)
    return channels / pixels if channels >= LEAST_CHANNELS else 0.0
