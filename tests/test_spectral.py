"""Spectra against NumPy's FFT in float64."""

import numpy as np
import tensorflow as tf

from dat_keras.spectral import amplitude_phase, recombine

FIXTURE = tf.reshape([0.8, 0.4, 0.2, 0.2], (1, 2, 2, 1))


def images(shape=(3, 8, 6, 2), seed=0):
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def numpy_spectrum(x):
    return np.fft.fft2(np.asarray(x, np.float64).transpose(0, 3, 1, 2))


def reflected(a):
    """`a(-u)`: indices modulo the size of each axis."""
    return np.roll(a[..., ::-1, ::-1], (1, 1), axis=(-2, -1))


def test_worked_example(assert_close):
    amplitude, phase = amplitude_phase(FIXTURE)
    assert_close(amplitude[0, 0], [[1.6, 0.4], [0.8, 0.4]])
    assert_close(phase[0, 0], np.ones((2, 2)))
    mixed = recombine(0.5 * 0.5 + 0.5 * amplitude, phase)
    assert_close(tf.squeeze(mixed), [[0.65, 0.2], [0.1, 0.1]])


def test_amplitude_and_phase_are_numpys(assert_close):
    x = images()
    amplitude, phase = amplitude_phase(x)
    spectrum = numpy_spectrum(x)
    assert_close(amplitude, np.abs(spectrum), atol=1e-5)
    expected = np.exp(1j * np.angle(spectrum))
    assert_close(phase, expected, rtol=1e-4, atol=1e-4)
    assert amplitude.dtype == tf.float32 and phase.dtype == tf.complex64


def test_own_amplitude_gives_the_image_back(assert_close):
    x = images()
    assert_close(recombine(*amplitude_phase(x)), x, atol=1e-6)


def test_phase_is_kept_and_the_amplitude_is_the_symmetric_part(assert_close):
    x, other = images(), images((3, 2, 8, 6), seed=1) + 0.05
    _, phase = amplitude_phase(x)
    spectrum = numpy_spectrum(recombine(other, phase))
    symmetric = (other + reflected(other)) / 2
    assert_close(np.abs(spectrum), symmetric, rtol=1e-4, atol=1e-4)
    before = np.angle(numpy_spectrum(x))
    turned = np.angle(spectrum * np.exp(-1j * before))
    assert np.abs(turned).max() < 1e-3


def test_channels_do_not_mix(assert_close):
    x = images()
    amplitude, phase = amplitude_phase(x)
    scale = tf.reshape([0.0, 1.0], (1, 2, 1, 1))
    mixed = recombine(amplitude * scale, phase)
    assert_close(mixed, x * np.array([0.0, 1.0]), atol=1e-6)


def test_absent_frequencies_have_phase_zero(assert_close):
    amplitude, phase = amplitude_phase(tf.fill((1, 4, 4, 1), 0.25))
    expected = np.zeros((4, 4))
    expected[0, 0] = 4.0
    assert_close(amplitude[0, 0], expected)
    assert_close(phase[0, 0], np.ones((4, 4)))


def test_gradients_are_finite_on_flat_and_black_images():
    for level in (0.0, 0.5):
        x = tf.fill((1, 4, 4, 1), level)
        other = tf.fill((1, 1, 4, 4), 0.5)
        with tf.GradientTape() as tape:
            tape.watch([x, other])
            amplitude, phase = amplitude_phase(x)
            mixed = recombine(0.5 * amplitude + 0.5 * other, phase)
            total = tf.reduce_sum(mixed**2)
        for gradient in tape.gradient(total, [x, other]):
            assert np.isfinite(gradient).all()


def test_gradient_in_the_amplitude_is_the_transform_of_the_residual():
    x, other = images(), tf.constant(images((3, 2, 8, 6), seed=1))
    weights = images(seed=2).astype(np.float64)
    _, phase = amplitude_phase(x)
    with tf.GradientTape() as tape:
        tape.watch(other)
        total = tf.reduce_sum(recombine(other, phase) * weights.astype("f"))
    # d/dA Re<F^-1(A P), w> = Re(P F^-1(w)), by the symmetry of the transform.
    back = np.fft.ifft2(weights.transpose(0, 3, 1, 2))
    expected = np.real(phase.numpy() * back)
    np.testing.assert_allclose(tape.gradient(total, other), expected, atol=1e-6)


def test_lower_precision_images_are_transformed_in_float32():
    x = tf.cast(images(), tf.bfloat16)
    amplitude, _ = amplitude_phase(x)
    assert amplitude.dtype == tf.float32
