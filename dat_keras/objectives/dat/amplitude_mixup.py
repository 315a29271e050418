"""Amplitude mix-up: an image's amplitude mixed with another, phase kept.

A_mix = ratio * A_adversary + (1 - ratio) * A(x)
x_hat = clip(Re F^-1(A_mix * exp(i * P(x))), 0, 1)
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from dat_keras.core.random import Key
from dat_keras.core.types import Images
from dat_keras.objectives.dat.generator import (
    AmplitudeAdversary,
    BorrowedAmplitude,
)
from dat_keras.spectral import amplitude_phase, recombine
from dat_keras.utils.ranges import RangeChecked, Share


@dataclass(frozen=True)
class Spectrum:
    """The spectrum of images and the generator's conditioning input.

    Args:
        amplitude: Shape `(B, C, H, W)`, float32.
        phase: Phase factors of length one, `(B, C, H, W)`, complex64.
        condition: Detached vectors, shape `(B, N)` (see `generator_input.py`).
    """

    amplitude: tf.Tensor
    phase: tf.Tensor
    condition: tf.Tensor

    @classmethod
    def of(cls, x: Images, condition: tf.Tensor) -> Spectrum:
        """Returns the spectrum of `x`, together with the condition."""
        return cls(*amplitude_phase(x), tf.stop_gradient(condition))


@dataclass(frozen=True)
class AmplitudeMixup(RangeChecked):
    """Mixes an adversary's amplitude into spectra.

    Args:
        mu: The ratio is uniform in `[0, mu]`, one number per image. Default
            1, the paper's; its best AutoAttack accuracy is at 0.8 (CIFAR-10).
        mixup: If false the ratio is 1: the adversary's amplitude alone.

    Example:
    >>> AmplitudeMixup(mu=0.8)
    AmplitudeMixup(mu=0.8, mixup=True)

    Reference:
        [Li et al., 2024](https://arxiv.org/abs/2410.12307), Section 4.2.
    """

    mu: Share = 1.0
    mixup: bool = True

    def __call__(
        self,
        spectrum: Spectrum,
        adversary: AmplitudeAdversary | BorrowedAmplitude,
        key: Key,
    ) -> tuple[Images, tf.Tensor]:
        """Returns recombined images, differentiable in the adversary.

        Args:
            spectrum: Spectrum of the images that are recombined.
            adversary: Gives the amplitude that is mixed in.
            key: Source of ratio and noise; the same key repeats the image.

        Returns:
            Images, shape `(B, H, W, C)`, in `[0, 1]`, and the numbers that
            the adversary drew for them, before their scale, `(B, C, H, W)`.
        """
        own = spectrum.amplitude
        noise = key.fold_in("noise")
        other, drawn = adversary.drawn(own, spectrum.condition, noise)
        ratio = self.ratio(tf.shape(own)[0], key.fold_in("ratio"))
        mixed = ratio * other + (1.0 - ratio) * own
        x = tf.clip_by_value(recombine(mixed, spectrum.phase), 0.0, 1.0)
        return x, drawn

    def ratio(self, batch: int | tf.Tensor, key: Key) -> tf.Tensor:
        """Returns one ratio per image, shape `(B, 1, 1, 1)`."""
        drawn = key.uniform((batch, 1, 1, 1), 0.0, self.mu)
        return drawn if self.mixup else tf.ones_like(drawn)
