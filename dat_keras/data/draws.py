"""Random draws in NumPy that are the same on every machine and version.

NumPy promises the bits of a bit generator, not the numbers its distributions
make of them; so permutations and uniforms are made of Philox bits here, with
operations that IEEE 754 rounds exactly.
"""

from __future__ import annotations

import zlib

import numpy as np


def bits(count: int, seed: int, purpose: str, index: int = 0) -> np.ndarray:
    """Draws `count` random words, shape `(count,)`, uint64.

    Args:
        count: How many.
        seed: Non-negative seed.
        purpose: What the numbers are for; other purposes draw independently.
        index: Position within the purpose, below `2**32`.
    """
    word = (zlib.crc32(purpose.encode()) << 32) | index
    return np.random.Philox(key=np.array([seed, word], np.uint64)).random_raw(
        count
    )


def uniform(
    shape: tuple[int, ...], seed: int, purpose: str, index: int = 0
) -> np.ndarray:
    """Draws float64 numbers of `shape`, uniform in `[0, 1)`.

    Args:
        shape: Shape of the result.
        seed: Non-negative seed.
        purpose: What the numbers are for.
        index: Position within the purpose.

    Example:
    >>> bool((uniform((3,), 0, "a") == uniform((3,), 0, "a")).all())
    True
    """
    words = bits(int(np.prod(shape)), seed, purpose, index)
    return ((words >> np.uint64(11)) * 2.0**-53).reshape(shape)


def permutation(
    count: int, seed: int, purpose: str, index: int = 0
) -> np.ndarray:
    """Draws an order of the numbers below `count`, shape `(count,)`.

    Args:
        count: How many numbers.
        seed: Non-negative seed.
        purpose: What the order is for.
        index: Position within the purpose, for example the epoch.

    Example:
    >>> sorted(permutation(4, 0, "order").tolist())
    [0, 1, 2, 3]
    """
    return np.argsort(bits(count, seed, purpose, index), kind="stable")
