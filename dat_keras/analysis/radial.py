"""Averages over rings of equal frequency: what an attack changes, and where.

energy          |F(x' - x)|^2 / (H W), summed over a ring
phase change    sum A(x) |angle(P(x') / P(x))| / sum A(x)
log-amplitude   sum A(x) |log(A(x') / A(x))|   / sum A(x)

Both means are weighted by the clean amplitude: the phase of a frequency that
an image hardly has is noise. By Parseval the energies of all rings add up to
the squared L2 norm of the perturbation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dat_keras.core.types import Images
from dat_keras.spectral import amplitude_phase

FLOOR = 1e-7
"""Amplitudes below this times `H W` are float32's rounding of zero."""


def frequencies(height: int, width: int) -> np.ndarray:
    """Length of each frequency in cycles per pixel, shape `(H, W)`.

    The order is that of the transform: zero comes first.

    Example:
    >>> frequencies(2, 4).round(2)
    array([[0.  , 0.25, 0.5 , 0.25],
           [0.5 , 0.56, 0.71, 0.56]])
    """
    return np.hypot(
        np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None, :]
    )


@dataclass(frozen=True, eq=False)
class Rings:
    """Frequencies of an image size, grouped by their rounded length.

    A ring is as wide as the finest step between frequencies, and the first
    holds frequency zero alone.

    Args:
        index: Number of the ring of each frequency, shape `(H, W)`.
        counts: Frequencies in each ring, shape `(R,)`.
        centres: Their mean length in cycles per pixel, shape `(R,)`.

    Example:
    >>> Rings.of(2, 4).index
    array([[0, 1, 2, 1],
           [2, 2, 3, 2]])
    """

    index: np.ndarray
    counts: np.ndarray
    centres: np.ndarray

    @classmethod
    def of(cls, height: int, width: int) -> Rings:
        """Returns the rings of an image size; none is empty."""
        lengths = frequencies(height, width)
        rounded = np.rint(lengths * max(height, width)).astype(int)
        _, index = np.unique(rounded, return_inverse=True)
        index = index.reshape(height, width)
        counts = np.bincount(index.ravel())
        sums = np.bincount(index.ravel(), lengths.ravel())
        return cls(index, counts, sums / counts)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Adds up values of shape `(H, W)` in each ring, shape `(R,)`."""
        return np.bincount(self.index.ravel(), values.ravel())


@dataclass(frozen=True)
class RingProfile:
    """What an attack changes, by ring of frequencies.

    Args:
        frequencies: Mean length of each ring's frequencies, cycles per pixel.
        counts: Number of frequencies in each ring.
        energy: Energy of the perturbation in each ring, mean over images.
        phase_change: Mean absolute change of phase, radians in `[0, pi]`.
        log_amplitude_change: Mean absolute change of the natural logarithm
            of the amplitude.
    """

    frequencies: tuple[float, ...]
    counts: tuple[int, ...]
    energy: tuple[float, ...]
    phase_change: tuple[float, ...]
    log_amplitude_change: tuple[float, ...]

    @property
    def energy_shares(self) -> tuple[float, ...]:
        """Each ring's share of the energy; zeros if nothing changed."""
        total = sum(self.energy) or 1.0
        return tuple(energy / total for energy in self.energy)

    @property
    def white_shares(self) -> tuple[float, ...]:
        """The shares that white noise would have: those of the counts."""
        return tuple(count / sum(self.counts) for count in self.counts)


@dataclass(eq=False)
class SpectralChange:
    """Sums over images and channels, one number per frequency.

    Example:
    >>> x = np.full((1, 2, 2, 1), 0.5, np.float32)
    >>> change = SpectralChange(2, 2)
    >>> change.add(x, 0.5 * x)
    >>> [round(v, 4) for v in change.profile().log_amplitude_change]
    [0.6931, 0.0]
    """

    height: int
    width: int

    def __post_init__(self) -> None:
        """Starts with no image."""
        self.images = 0
        self.energy, self.amplitude, self.phase, self.log_amplitude = np.zeros(
            (4, self.height, self.width)
        )

    def add(self, x: Images, x_adv: Images) -> None:
        """Adds a batch of clean images and their adversarial twins."""
        own, phase = (part.numpy() for part in amplitude_phase(x))
        other, phase_adv = (part.numpy() for part in amplitude_phase(x_adv))
        # Not the difference of spectra: this rounds in pixels, not after.
        delta = amplitude_phase(x_adv - x)[0].numpy()
        least = FLOOR * self.height * self.width
        turn = np.abs(np.angle(phase_adv * phase.conj()))
        ratio = np.maximum(other, least) / np.maximum(own, least)
        self.images += len(own)
        self.energy += _total(np.square(delta)) / (self.height * self.width)
        self.amplitude += _total(own)
        self.phase += _total(own * turn)
        self.log_amplitude += _total(own * np.abs(np.log(ratio)))

    def profile(self) -> RingProfile:
        """Returns the means over all images added so far, by ring."""
        rings = Rings.of(self.height, self.width)
        weight = rings.sums(self.amplitude)
        energy = rings.sums(self.energy) / max(self.images, 1)

        def mean(values: np.ndarray) -> tuple[float, ...]:
            return tuple(_ratio(rings.sums(values), weight).tolist())

        return RingProfile(
            tuple(rings.centres.tolist()),
            tuple(rings.counts.tolist()),
            tuple(energy.tolist()),
            mean(self.phase),
            mean(self.log_amplitude),
        )


def _total(values: np.ndarray) -> np.ndarray:
    """The sum over images and channels, in float64."""
    return values.sum((0, 1), dtype=np.float64)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """The quotient; zero where nothing is divided by nothing."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
