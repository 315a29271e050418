"""Linear maps of images along rows and columns, as NumPy matrices.

Blurs, zooms and box filters of the benchmark are separable: one matrix for
the rows and one for the columns, made once for an image size.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from dat_keras.core.types import Images


def along_axes(x: Images, rows: np.ndarray, columns: np.ndarray) -> Images:
    """Returns `rows @ x @ columns.T` of each channel.

    Args:
        x: Images, shape `(B, H, W, C)`.
        rows: Matrix of shape `(H', H)`.
        columns: Matrix of shape `(W', W)`.
    """
    x = tf.einsum("ih,bhwc->biwc", tf.constant(rows, tf.float32), x)
    return tf.einsum("jw,bhwc->bhjc", tf.constant(columns, tf.float32), x)


def gaussian(
    size: int, sigma: float, truncate: float = 4.0, mode: str = "edge"
) -> np.ndarray:
    """A Gaussian blur, cut off at `truncate` standard deviations.

    Args:
        size: Number of pixels.
        sigma: Standard deviation in pixels; 0 is the identity.
        truncate: Reach in standard deviations. Default 4, as in SciPy.
        mode: How `np.pad` continues the image beyond its border.

    Returns:
        A matrix of shape `(size, size)`.

    Example:
    >>> gaussian(3, 1.0).sum(1).round(6).tolist()
    [1.0, 1.0, 1.0]
    """
    if sigma == 0.0:
        return np.eye(size)
    reach = int(truncate * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    places = np.pad(np.arange(size), reach, mode=mode)  # type: ignore[call-overload]
    matrix = np.zeros((size, size))
    for row in range(size):
        window = places[row : row + len(weights)]
        np.add.at(matrix[row], window, weights / weights.sum())
    return matrix


def clipped_zoom(size: int, factor: float) -> np.ndarray:
    """Enlarges the centre of a line linearly, to the same number of pixels.

    Args:
        size: Number of pixels.
        factor: How much larger, at least 1.

    Returns:
        A matrix of shape `(size, size)`.

    Example:
    >>> clipped_zoom(4, 2.0).round(2).tolist()[1]
    [0.0, 0.67, 0.33, 0.0]
    """
    cropped = math.ceil(size / factor)
    first = (size - cropped) // 2
    zoomed = round(cropped * factor)
    trim = (zoomed - size) // 2
    place = (trim + np.arange(size)) * (cropped - 1) / max(zoomed - 1, 1)
    low = np.minimum(place.astype(int), max(cropped - 2, 0))
    share = place - low
    matrix = np.zeros((size, size))
    matrix[np.arange(size), first + low] += 1.0 - share
    high = first + np.minimum(low + 1, cropped - 1)
    matrix[np.arange(size), high] += share
    return matrix


def box_resize(size: int, new: int) -> np.ndarray:
    """Resizes a line with the box filter of the Python Imaging Library.

    A new pixel is the mean of the old ones whose centres it covers.

    Args:
        size: Number of pixels.
        new: New number of pixels.

    Returns:
        A matrix of shape `(new, size)`.

    Example:
    >>> box_resize(4, 2).tolist()
    [[0.5, 0.5, 0.0, 0.0], [0.0, 0.0, 0.5, 0.5]]
    """
    scale = size / new
    reach = max(scale, 1.0)
    distance = np.arange(size) + 0.5 - (np.arange(new)[:, None] + 0.5) * scale
    inside = (distance > -0.5 * reach) & (distance <= 0.5 * reach)
    return inside / inside.sum(1, keepdims=True)
