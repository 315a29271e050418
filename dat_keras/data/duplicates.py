"""Images of one set that are in another too: exact and near duplicates.

Exact: the SHA-256 of the pixels is the same. Near: the difference hashes of
128 bits (`perceptual_hash`) differ in at most 10. Hoyt (2017) takes 2 for large
photographs, where of 64 bits at most 5 are usual. At 32x32, measured on the
test images of CIFAR-10, JPEG of quality 75 changes at most 10 bits of 99.7 %,
and each of the 129 training images of CIFAR-10 within 10 bits of a test image
has the class of that image. A false alarm costs an extra image, a missed
duplicate costs the test. Mirrored and shifted copies are not found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dat_keras.data.lazy_images import Images
from dat_keras.data.perceptual_hash import dhash, nearest

NEAR = 10
"""Bits of 128 in which the hashes of near duplicates differ at most."""

_CHUNK = 4096


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Which images of a set are in others.

    Args:
        exact: Rows whose pixels are those of another image, sorted.
        near: Further rows that are near duplicates, sorted.

    Example:
    >>> images = np.random.default_rng(0).integers(0, 200, (9, 16, 16, 3))
    >>> images = images.astype(np.uint8)
    >>> brighter = images[3:4] + np.uint8(9)
    >>> found = Duplicates.of(images, [images[6:7], brighter])
    >>> found.exact, found.near
    (array([6]), array([3]))
    """

    exact: np.ndarray
    near: np.ndarray

    @classmethod
    def of(cls, images: Images, others: Sequence[Images]) -> Duplicates:
        """Compares images with other sets, some thousands at a time.

        Args:
            images: Shape `(N, H, W, C)`, uint8.
            others: Sets of images of the same size.
        """
        known: set[bytes] = set()
        hashes = np.empty((0, 2), np.uint64)
        for each in others:
            digests, theirs = _described(each)
            known.update(digests)
            hashes = np.concatenate([hashes, theirs])
        digests, own = _described(images)
        exact = np.array([digest in known for digest in digests], bool)
        near = (nearest(own, hashes) <= NEAR) & ~exact
        return cls(np.flatnonzero(exact), np.flatnonzero(near))


def _described(images: Images) -> tuple[list[bytes], np.ndarray]:
    """SHA-256 and difference hash of each image, read once."""
    digests, hashes = [], [np.empty((0, 2), np.uint64)]
    for start in range(0, len(images), _CHUNK):
        chunk = np.ascontiguousarray(images[start : start + _CHUNK])
        digests += [hashlib.sha256(image.data).digest() for image in chunk]
        hashes.append(dhash(chunk))
    return digests, np.concatenate(hashes)
