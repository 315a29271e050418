"""Swapped spectra: what is left when image and attack agree, or one scales."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.analysis.spectral_swap import swap_spectra
from dat_keras.spectral import amplitude_phase, recombine

SIZES = [(8, 8, 3), (7, 12, 1), (28, 28, 1)]


def pair(shape, change=0.05):
    draw = np.random.default_rng(0)
    x = draw.uniform(0.4, 0.6, (3, *shape)).astype("f")
    return x, x + draw.uniform(-change, change, x.shape).astype("f")


@pytest.mark.parametrize("shape", SIZES)
def test_of_equal_images_both_are_the_image(shape, assert_close):
    x, _ = pair(shape)
    for swapped in swap_spectra(x, x):
        assert_close(swapped, x)


@pytest.mark.parametrize("shape", SIZES)
def test_swapping_both_gives_the_attacked_image(shape, assert_close):
    x, x_adv = pair(shape)
    x_amp, x_pha = swap_spectra(x, x_adv)
    amplitude, _ = amplitude_phase(x_amp)
    _, phase = amplitude_phase(x_pha)
    assert_close(recombine(amplitude, phase), x_adv, atol=1e-4)


@pytest.mark.parametrize("shape", SIZES)
def test_each_half_has_what_its_name_says(shape, assert_close):
    x, x_adv = pair(shape)
    (own, phase), (other, phase_adv) = map(amplitude_phase, (x, x_adv))
    (amp, amp_phase), (pha, pha_phase) = map(
        amplitude_phase, swap_spectra(x, x_adv)
    )
    # Weighted, because the phase of an absent frequency is noise.
    assert_close(amp, other, atol=1e-4)
    assert_close(tf.abs(amp_phase - phase) * amp, 0 * amp, atol=1e-4)
    assert_close(pha, own, atol=1e-4)
    assert_close(tf.abs(pha_phase - phase_adv) * pha, 0 * pha, atol=1e-4)


def test_darker_is_all_amplitude_and_shifted_is_all_phase(assert_close):
    x, _ = pair((6, 8, 3))
    x_amp, x_pha = swap_spectra(x, 0.5 * x)
    assert_close(x_amp, 0.5 * x)
    assert_close(x_pha, x)
    shifted = np.roll(x, 3, axis=2)
    x_amp, x_pha = swap_spectra(x, shifted)
    assert_close(x_amp, x)
    assert_close(x_pha, shifted)


def test_small_changes_split_into_orthogonal_halves():
    x, x_adv = pair((8, 8, 3), change=1e-4)
    delta, amp, pha = (
        np.asarray(image, "d") - x for image in (x_adv, *swap_spectra(x, x_adv))
    )
    size = np.linalg.norm(delta)
    assert np.linalg.norm(amp + pha - delta) < 0.05 * size
    assert abs((amp * pha).sum()) < 0.05 * size**2


def test_both_are_clipped_to_the_box():
    x, x_adv = pair((8, 8, 3))
    edges = np.round(x)
    for image in swap_spectra(edges, np.clip(edges + x_adv - 0.5, 0, 1)):
        assert image.numpy().min() >= 0 and image.numpy().max() <= 1
