"""Amplitude and phase of images, and images recombined from both.

Spectra are un-normalised 2-D DFTs per channel in the layout `(B, C, H, W)`,
because `tf.signal.fft2d` transforms the two last axes.
"""

from __future__ import annotations

import tensorflow as tf

from dat_keras.core.types import Images


def amplitude_phase(x: Images) -> tuple[tf.Tensor, tf.Tensor]:
    """Amplitude and phase factor of each channel's spectrum.

    The phase is returned as `exp(i * phase)`, a complex number of length
    one: no angle, and so none of the angle's infinite slopes, is ever taken.
    A frequency that the image lacks has phase zero.

    Args:
        x: Images, shape `(B, H, W, C)`.

    Returns:
        Amplitudes, float32, and phase factors, complex64, both of shape
        `(B, C, H, W)`.

    Example:
    >>> x = tf.reshape([0.8, 0.4, 0.2, 0.2], (1, 2, 2, 1))
    >>> amplitude, phase = amplitude_phase(x)
    >>> amplitude[0, 0].numpy().round(4)
    array([[1.6, 0.4],
           [0.8, 0.4]], dtype=float32)
    """
    planes = tf.transpose(tf.cast(x, tf.float32), (0, 3, 1, 2))
    spectrum = tf.signal.fft2d(tf.cast(planes, tf.complex64))
    amplitude = tf.abs(spectrum)
    present = amplitude > 0.0
    length = tf.cast(tf.where(present, amplitude, 1.0), tf.complex64)
    phase = tf.where(present, spectrum / length, tf.ones_like(spectrum))
    return amplitude, phase


def recombine(amplitude: tf.Tensor, phase: tf.Tensor) -> Images:
    """The real part of the inverse transform of `amplitude * phase`.

    An amplitude `A` that is not symmetric acts as its symmetric part
    `(A(u) + A(-u)) / 2`; where that is positive the image has exactly the
    given phase. The result may leave `[0, 1]`: clip it to get pixels.

    Args:
        amplitude: Shape `(B, C, H, W)`, float32.
        phase: Phase factors of length one, shape `(B, C, H, W)`, complex64.

    Returns:
        Images before clipping, shape `(B, H, W, C)`, float32.

    Example:
    >>> x = tf.reshape([0.8, 0.4, 0.2, 0.2], (1, 2, 2, 1))
    >>> amplitude, phase = amplitude_phase(x)
    >>> halved = recombine(0.5 * 0.5 + 0.5 * amplitude, phase)
    >>> halved.numpy().ravel().round(4)
    array([0.65, 0.2 , 0.1 , 0.1 ], dtype=float32)
    """
    spectrum = tf.complex(amplitude, tf.zeros_like(amplitude)) * phase
    planes = tf.math.real(tf.signal.ifft2d(spectrum))
    return tf.transpose(planes, (0, 2, 3, 1))
