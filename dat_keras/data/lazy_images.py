"""Images that stay in their files until a batch reads them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from dat_keras.utils.runtime import memory_limit

Read: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Maps positions, shape `(M,)`, to images, shape `(M, H, W, C)`, uint8."""


@dataclass(frozen=True, eq=False)
class LazyImages:
    """Images `(N, H, W, C)`, uint8, that are read where they are indexed.

    `images[rows]` reads images, `images.view(rows)` selects without reading.

    Args:
        read: Reads images of the source.
        image_shape: `(H, W, C)`.
        rows: Positions in the source, shape `(N,)`.

    Example:
    >>> def read(rows):
    ...     return rows.astype(np.uint8).reshape(-1, 1, 1, 1)
    >>> images = LazyImages(read, (1, 1, 1), np.arange(100))
    >>> last = images.view(slice(90, None))
    >>> last.shape, last[:2].ravel().tolist()
    ((10, 1, 1, 1), [90, 91])
    """

    read: Read
    image_shape: tuple[int, int, int]
    rows: np.ndarray

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __len__(self) -> int:
        """Returns the number of images."""
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(N, H, W, C)`."""
        return len(self), *self.image_shape

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        """Reads images."""
        return self.read(self.rows[rows])

    def view(self, rows: np.ndarray | slice) -> LazyImages:
        """Selects images."""
        return LazyImages(self.read, self.image_shape, self.rows[rows])


Images: TypeAlias = np.ndarray | LazyImages
"""Images of a split, shape `(N, H, W, C)`, uint8, in memory or not."""


def selected(images: Images, rows: np.ndarray | slice) -> Images:
    """Returns some of the images; those in files are not read."""
    if isinstance(images, LazyImages):
        return images.view(rows)
    return images[rows]


def fits(
    shape: tuple[int, ...], in_memory: bool | None, share: float = 0.25
) -> bool:
    """Whether images are kept in memory.

    Args:
        shape: `(N, H, W, C)` of uint8 images.
        in_memory: What the user asks for. Default: what fits.
        share: Largest part of the memory that fits.
    """
    if in_memory is not None:
        return in_memory
    return math.prod(shape) <= share * memory_limit()


def read_if_fits(images: LazyImages, in_memory: bool | None) -> Images:
    """Reads images that are kept in memory; see `fits`."""
    return images[:] if fits(images.shape, in_memory) else images
