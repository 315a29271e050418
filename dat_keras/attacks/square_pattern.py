"""Perturbation patterns of Square in L2 and L1: a hill above a hollow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TILES = 5
"""Tiles along the shorter side of the first image."""


@dataclass(frozen=True)
class Wave:
    """A hill above a hollow, each a sum of nested rectangles.

    Args:
        order: Of the norm in which hill, hollow and wave have length 1.
        decay: The `m`-th rectangle from the inside has height `m**-decay`.

    Example:
    >>> Wave(order=2, decay=2)(3).round(2)
    array([[ 0.14,  0.68,  0.14],
           [-0.13, -0.13, -0.13],
           [-0.13, -0.65, -0.13]])

    Reference:
        [Andriushchenko et al., 2020](https://arxiv.org/abs/1912.00049)
    """

    order: int
    decay: int

    def __call__(self, side: int) -> np.ndarray:
        """Returns the pattern, shape `(side, side)`.

        Args:
            side: Number of pixels.
        """
        half = side // 2
        hills = self._hill(half, side), -self._hill(side - half, side)
        return self._unit(np.concatenate(hills))

    def _hill(self, height: int, width: int) -> np.ndarray:
        down = np.abs(np.arange(height) - height // 2)
        right = np.abs(np.arange(width) - width // 2)
        distance = np.maximum(down[:, None], right[None, :])
        last = max(height // 2, width // 2) + 1
        terms = np.arange(1.0, last + 1) ** -self.decay
        tails = np.append(np.cumsum(terms[::-1])[::-1], 0.0)
        return self._unit(tails[np.minimum(distance, last)])

    def _unit(self, values: np.ndarray) -> np.ndarray:
        return values / max(np.linalg.norm(values.ravel(), self.order), 1e-12)


def waves(sides: np.ndarray, wave: Wave) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct sides, in ascending order, and their patterns.

    Args:
        sides: Sides of windows.
        wave: Makes the pattern of a side.

    Returns:
        Sides of shape `(n,)` and patterns `(n, S, S)`, float32, each in the
        upper left corner of a square of the largest side `S`.
    """
    sizes = np.unique(sides)
    table = np.zeros((len(sizes), sizes[-1], sizes[-1]), np.float32)
    for place, side in zip(table, sizes, strict=True):
        place[:side, :side] = wave(side)
    return sizes, table


def check_sides(height: int, width: int) -> None:
    """Refuses an image that has no room for the tiles.

    Args:
        height: Of the image.
        width: Of the image.

    Raises:
        ValueError: If one is below `TILES`.
    """
    if min(height, width) < TILES:
        raise ValueError(
            "Square in L2 or L1 needs images of at least "
            f"{TILES} pixels a side. Received: {height} x {width}"
        )


def tiled(
    height: int, width: int, wave: Wave
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covers an image with centred tiles, five along its shorter side.

    Args:
        height: Of the image, at least 5.
        width: Of the image, at least 5.
        wave: Makes the pattern of a tile.

    Returns:
        The pattern, the pattern with every tile transposed, and the number of
        the tile, -1 in the border: each of shape `(height, width)`.

    Raises:
        ValueError: If the image is smaller.
    """
    check_sides(height, width)
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
