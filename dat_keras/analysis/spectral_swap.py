"""Images with the amplitude of one image and the phase of another.

x'_amp = clip(F^-1(A(x'), P(x)), 0, 1)
x'_pha = clip(F^-1(A(x), P(x')), 0, 1)

For a small perturbation these two split it: to first order `x' - x` is the
sum of `x'_amp - x` and `x'_pha - x`, which are orthogonal.
"""

from __future__ import annotations

import tensorflow as tf

from dat_keras.core.types import Images
from dat_keras.spectral import amplitude_phase, recombine


def swap_spectra(x: Images, x_adv: Images) -> tuple[Images, Images]:
    """Splits the change of an image into amplitude and phase.

    Neither result is bounded by the radius of the attack.

    Args:
        x: Clean images, shape `(B, H, W, C)`, in `[0, 1]`.
        x_adv: Adversarial images of the same shape.

    Returns:
        `x'_amp`, with the amplitude of `x_adv` and the phase of `x`, and
        `x'_pha`, with the amplitude of `x` and the phase of `x_adv`; both in
        `[0, 1]`.

    Example:
    >>> x = tf.reshape([0.8, 0.4, 0.2, 0.2], (1, 2, 2, 1))
    >>> darker = 0.5 * x
    >>> x_amp, x_pha = swap_spectra(x, darker)
    >>> x_amp.numpy().ravel().round(4)
    array([0.4, 0.2, 0.1, 0.1], dtype=float32)
    >>> x_pha.numpy().ravel().round(4)
    array([0.8, 0.4, 0.2, 0.2], dtype=float32)
    """
    amplitude, phase = amplitude_phase(x)
    amplitude_adv, phase_adv = amplitude_phase(x_adv)
    return (
        tf.clip_by_value(recombine(amplitude_adv, phase), 0.0, 1.0),
        tf.clip_by_value(recombine(amplitude, phase_adv), 0.0, 1.0),
    )
