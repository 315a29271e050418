"""Perturbation patterns of Square in L2: a positive and a negative bump."""

from __future__ import annotations

import numpy as np

TILES = 5
"""Tiles along the shorter side of the first image."""


def wave(side: int) -> np.ndarray:
    """Returns a positive above a negative bump, `(side, side)`, of unit norm.

    Args:
        side: Number of pixels.

    Example:
    >>> wave(3).round(2)
    array([[ 0.14,  0.68,  0.14],
           [-0.13, -0.13, -0.13],
           [-0.13, -0.65, -0.13]])

    Reference:
        [Andriushchenko et al., 2020](https://arxiv.org/abs/1912.00049)
    """
    half = side // 2
    both = np.concatenate([_hill(half, side), -_hill(side - half, side)])
    return both / np.linalg.norm(both)


def waves(sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct sides, in ascending order, and their patterns.

    Args:
        sides: Sides of windows.

    Returns:
        Sides of shape `(n,)` and patterns `(n, S, S)`, float32, each in the
        upper left corner of a square of the largest side `S`.
    """
    sizes = np.unique(sides)
    table = np.zeros((len(sizes), sizes[-1], sizes[-1]), np.float32)
    for place, side in zip(table, sizes, strict=True):
        place[:side, :side] = wave(side)
    return sizes, table


def tiled(height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covers an image with centred tiles, five along its shorter side.

    Args:
        height: Of the image, at least 5.
        width: Of the image, at least 5.

    Returns:
        The pattern, the pattern with every tile transposed, and the number of
        the tile, -1 in the border: each of shape `(height, width)`.

    Raises:
        ValueError: If the image is smaller.
    """
    if min(height, width) < TILES:
        raise ValueError(
            f"Square in L2 needs images of at least {TILES} pixels a side. "
            f"Received: {height} x {width}"
        )
    side = min(height, width) // TILES
    counts = [
        TILES if size == min(height, width) else size // side
        for size in (height, width)
    ]
    grid = np.arange(counts[0] * counts[1]).reshape(counts)
    margins = [
        ((size - side * count) // 2, -((size - side * count) // -2))
        for size, count in zip((height, width), counts, strict=True)
    ]
    one = wave(side)
    plain, turned = (
        np.pad(np.tile(tile, counts), margins).astype(np.float32)
        for tile in (one, one.T)
    )
    tile = np.kron(grid, np.ones((side, side), int))
    return plain, turned, np.pad(tile, margins, constant_values=-1)


def _hill(height: int, width: int) -> np.ndarray:
    """A sum of nested rectangles of height 1/m^2, of unit norm."""
    down = np.abs(np.arange(height) - height // 2)
    right = np.abs(np.arange(width) - width // 2)
    distance = np.maximum(down[:, None], right[None, :])
    last = max(height // 2, width // 2) + 1
    terms = 1.0 / np.arange(1, last + 1) ** 2
    tails = np.append(np.cumsum(terms[::-1])[::-1], 0.0)
    hill = tails[np.minimum(distance, last)]
    return hill / max(np.linalg.norm(hill), 1e-12)
