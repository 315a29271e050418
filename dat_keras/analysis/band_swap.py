"""Images with another image's amplitudes in one band of frequencies.

clip(F^-1(A_band(x, x_other), P(x)), 0, 1), where A_band is A(x_other) in the
band and A(x) elsewhere. How far accuracy falls says how much a classifier
leans on amplitudes of that band: DAT trains it not to.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dat_keras.analysis.radial import frequencies
from dat_keras.core.types import Images
from dat_keras.spectral import amplitude_phase, recombine


@dataclass(frozen=True)
class Band:
    """Frequencies of length in `(low, high]`, in cycles per pixel.

    Args:
        name: What a table calls it.
        low: Lower end, excluded; -1 includes frequency zero.
        high: Upper end, included.

    Example:
    >>> Band("mean", -1.0, 0.0).mask(2, 2).astype(int)
    array([[1, 0],
           [0, 0]])
    """

    name: str
    low: float
    high: float

    def mask(self, height: int, width: int) -> np.ndarray:
        """Whether each frequency is in the band, shape `(H, W)`."""
        lengths = frequencies(height, width)
        return (lengths > self.low) & (lengths <= self.high)


MEAN = Band("mean", -1.0, 0.0)
"""Frequency zero: the mean of each channel."""

ALL = Band("all", -1.0, 1.0)
"""Every frequency."""


def octaves(height: int, width: int) -> tuple[Band, ...]:
    """Returns the mean, octaves of frequency, the corners beyond, and all.

    No band is empty.

    Args:
        height: Of the images.
        width: Of the images.

    Example:
    >>> [band.name for band in octaves(32, 32)]
    ['mean', 'to 1/16', 'to 1/8', 'to 1/4', 'to 1/2', 'corners', 'all']
    """
    below = 1
    while 2 ** (below + 1) * 2 <= max(height, width):
        below += 1
    ends = [2.0**-i for i in range(below, 0, -1)]
    named = [(f"to 1/{round(1 / end)}", end) for end in ends]
    lows = [0.0, *ends]
    bands = [
        Band(name, low, high)
        for (name, high), low in zip(
            [*named, ("corners", 1.0)], lows, strict=True
        )
    ]
    found = [band for band in bands if band.mask(height, width).any()]
    return MEAN, *found, ALL


def swap_band(x: Images, other: Images, mask: np.ndarray) -> Images:
    """Puts another image's amplitudes into some frequencies of images.

    Args:
        x: Images, shape `(B, H, W, C)`, whose phase is kept.
        other: The images that lend amplitudes, of the same shape.
        mask: Which frequencies, shape `(H, W)`, the same at `u` and `-u`.

    Returns:
        Images in `[0, 1]`, of the same shape.

    Example:
    >>> x = tf.reshape([0.8, 0.4, 0.2, 0.2], (1, 2, 2, 1))
    >>> brighter = swap_band(x, tf.ones_like(x) * 0.5, MEAN.mask(2, 2))
    >>> brighter.numpy().ravel().round(4)
    array([0.9, 0.5, 0.3, 0.3], dtype=float32)
    """
    own, phase = amplitude_phase(x)
    lent, _ = amplitude_phase(other)
    return tf.clip_by_value(
        recombine(tf.where(mask, lent, own), phase), 0.0, 1.0
    )


def partners(count: int, seed: int) -> np.ndarray:
    """Returns which image lends its amplitudes to each, shape `(N,)`.

    Every image lends to one other: positions are shifted around by a number
    that the seed decides.

    Args:
        count: Number of images, at least 2.
        seed: Seed of the shift.

    Raises:
        ValueError: If there is no other image.

    Example:
    >>> partners(2, seed=0).tolist()
    [1, 0]
    """
    if count < 2:
        raise ValueError(
            "`n_examples` must be at least 2: images lend each other their "
            f"amplitudes. Received: n_examples={count}"
        )
    shift = 1 + int(np.random.default_rng(seed).integers(count - 1))
    return np.roll(np.arange(count), -shift)
