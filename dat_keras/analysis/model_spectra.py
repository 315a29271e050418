"""What was measured on one classifier: counts at each radius, band and ratio.

All counts are numbers of images that are classified right.
"""

from __future__ import annotations

from dataclasses import dataclass

from dat_keras.analysis.radial import RingProfile
from dat_keras.evaluation.results import Caution
from dat_keras.utils.mcnemar import more_often

VARIANTS = ("x", "x'", "x'_amp", "x'_pha")
"""The image, the attacked one, and those with half of the attack's change."""


@dataclass(frozen=True)
class SwapCounts:
    """Accuracy under an attack, and under its amplitude and phase alone.

    Args:
        eps: Radius, in pixel units of `[0, 1]`.
        correct: Images classified right, in the order of `VARIANTS`.
        only_amplitude: Images wrong as `x'_amp` and right as `x'_pha`.
        only_phase: Images right as `x'_amp` and wrong as `x'_pha`.
        l2: Mean L2 norm of the change, in the order of `VARIANTS`.

    Example:
    >>> SwapCounts(0.1, (9, 0, 2, 8), 6, 0, (0.0, 1.0, 0.7, 0.7)).costlier()
    'amplitude'
    """

    eps: float
    correct: tuple[int, ...]
    only_amplitude: int
    only_phase: int
    l2: tuple[float, ...]

    def costlier(self) -> str:
        """Which half costs more: `"amplitude"`, `"phase"` or `"neither"`.

        McNemar's exact test at 5 % on the images that the two halves treat
        differently.
        """
        if more_often(self.only_amplitude, self.only_phase):
            return "amplitude"
        if more_often(self.only_phase, self.only_amplitude):
            return "phase"
        return "neither"


@dataclass(frozen=True)
class BandCount:
    """Accuracy with another image's amplitudes in a band of frequencies.

    Args:
        name: Name of the band.
        high: Its upper end, in cycles per pixel.
        correct: Images classified right.
    """

    name: str
    high: float
    correct: int


@dataclass(frozen=True)
class Recombined:
    """Accuracy on images recombined with DAT's generated amplitudes.

    Args:
        ratios: Shares of the generated amplitude.
        correct: Images classified right at each ratio.
        own: Mean of `log(1 + A)` of the images, by ring of frequencies.
        generated: The same of the generated amplitudes.
    """

    ratios: tuple[float, ...]
    correct: tuple[int, ...]
    own: tuple[float, ...]
    generated: tuple[float, ...]


@dataclass(frozen=True)
class ModelSpectra:
    """Everything that was measured on one classifier.

    Args:
        name: What the report calls it.
        sha256: Fingerprint of its weights.
        swaps: One for each radius, smallest first.
        profile: What the attack of the largest radius changes, by ring.
        bands: Accuracy by swapped band.
        recombined: Accuracy on recombined images; `None` without a generator.
        generator: Where the generator comes from, or why there is none.
        cautions: What a reader of the numbers must know.
    """

    name: str
    sha256: str
    swaps: tuple[SwapCounts, ...]
    profile: RingProfile
    bands: tuple[BandCount, ...]
    recombined: Recombined | None
    generator: str
    cautions: tuple[Caution, ...]

    @property
    def largest(self) -> SwapCounts:
        """The counts at the largest radius."""
        return self.swaps[-1]
