"""Difference hash (dHash) of images, and Hamming distances between hashes.

    cell  = mean grey value in each cell of a 9x9 grid over the image
    right = [cell[y, x] < cell[y, x + 1]    for y, x in 8x8]
    down  = [cell[y, x] < cell[y + 1, x]    for y, x in 8x8]
    hash  = the 128 bits of right and down

Another brightness or contrast leaves the hash, noise and compression change a
few bits, a flip or a crop changes many. Everything is exact in integers, so
the bits are the same on every machine.

Reference: N. Krawetz,
[Kind of Like That, 2013](http://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html);
the 128 bits as in B. Hoyt,
[Duplicate image detection with perceptual hashing, 2017](https://benhoyt.com/writings/duplicate-image-detection/).
"""

from __future__ import annotations

import numpy as np

from dat_keras.data.lazy_images import Images

GRID = 9
"""Cells on a side; one more than there are differences."""

_CHUNK = 512
_PAIRS = 1 << 20
_GREY = {3: (299, 587, 114)}
"""Weights of the channels, ITU-R BT.601 in thousandths; others weigh alike."""


def dhash(images: Images) -> np.ndarray:
    """Returns the hashes of images.

    Args:
        images: Shape `(N, H, W, C)`, uint8, in memory or in files.

    Returns:
        Shape `(N, 2)`, uint64: differences to the right, and downwards.

    Example:
    >>> images = np.random.default_rng(0).integers(0, 200, (2, 32, 32, 3))
    >>> dark, other = images.astype(np.uint8)
    >>> a, b, c = dhash(np.stack([dark, dark + np.uint8(50), other]))
    >>> hamming(a[None], b[None]).item(), hamming(a[None], c[None]).item() > 30
    (0, True)
    """
    found = [
        _hashes(images[start : start + _CHUNK])
        for start in range(0, len(images), _CHUNK)
    ]
    return np.concatenate([np.empty((0, 2), np.uint64), *found])


def hamming(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the number of bits in which hashes differ.

    Args:
        a: Hashes, shape `(N, 2)`.
        b: Hashes, shape `(M, 2)`.

    Returns:
        Distances, shape `(N, M)`, uint8, at most 128.
    """
    return sum(
        np.bitwise_count(a[:, None, word] ^ b[None, :, word])
        for word in range(a.shape[1])
    )


def nearest(hashes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the distance of each hash to the nearest of others.

    Args:
        hashes: Shape `(N, 2)`.
        others: Shape `(M, 2)`; compared with all of them, some 2**20 pairs at
            a time.

    Returns:
        Distances, shape `(N,)`, uint8; 255 where there are no others.

    Example:
    >>> nearest(np.array([[7, 0]], "u8"), np.array([[0, 0], [6, 0]], "u8"))
    array([1], dtype=uint8)
    """
    others = np.unique(others, axis=0)
    found = np.full(len(hashes), 255, np.uint8)
    rows = max(_PAIRS // max(len(others), 1), 1)
    for start in range(0, len(hashes) if len(others) else 0, rows):
        part = slice(start, start + rows)
        found[part] = hamming(hashes[part], others).min(axis=1)
    return found


def _hashes(images: np.ndarray) -> np.ndarray:
    count, height, width, channels = images.shape
    weights = np.array(_GREY.get(channels, (1,) * channels), np.float64)
    # Integers below 2**53: float64 holds every sum exactly, in any order.
    cells = _overlaps(height) @ (images @ weights) @ _overlaps(width).T
    near = cells[:, :-1, :-1]
    bits = (near < cells[:, :-1, 1:], near < cells[:, 1:, :-1])
    return (
        np.packbits(np.stack(bits, 1).reshape(count, 2, -1), axis=-1)
        .view(">u8")[..., 0]
        .astype(np.uint64)
    )


def _overlaps(size: int) -> np.ndarray:
    """Ninths of each pixel that lie in each cell, `(9, size)`."""
    cell, pixel = np.arange(GRID)[:, None] * size, np.arange(size) * GRID
    shared = np.minimum(cell + size, pixel + GRID) - np.maximum(cell, pixel)
    return np.maximum(shared, 0).astype(np.float64)
