"""Bands cover every frequency once; swapped ones come from the other image."""

import numpy as np
import pytest

from dat_keras.analysis.band_swap import (
    ALL,
    MEAN,
    octaves,
    partners,
    swap_band,
)
from dat_keras.spectral import amplitude_phase, recombine

SIZES = [(8, 8), (7, 12), (28, 28), (32, 32), (224, 160), (2, 2), (1, 1)]


@pytest.mark.parametrize("size", SIZES)
def test_bands_cover_every_frequency_once(size):
    *bands, everything = (band.mask(*size) for band in octaves(*size))
    assert everything.all()
    np.testing.assert_array_equal(np.sum(bands, axis=0), np.ones(size))


@pytest.mark.parametrize("size", [(8, 8), (7, 12)])
def test_bands_are_symmetric_so_that_images_stay_real(size):
    for band in octaves(*size):
        mask = band.mask(*size)
        mirrored = np.roll(mask[::-1, ::-1], (1, 1), (0, 1))
        np.testing.assert_array_equal(mask, mirrored)


def images():
    draw = np.random.default_rng(0)
    x = draw.uniform(0.4, 0.6, (4, 8, 8, 3)).astype("f")
    return x, np.roll(x, 1, axis=0)


def test_no_band_is_the_image_and_all_is_a_swapped_amplitude(assert_close):
    x, other = images()
    assert_close(swap_band(x, other, np.zeros((8, 8), bool)), x)
    _, phase = amplitude_phase(x)
    lent, _ = amplitude_phase(other)
    expected = np.clip(recombine(lent, phase), 0, 1)
    assert_close(swap_band(x, other, ALL.mask(8, 8)), expected)


def test_the_mean_alone_shifts_each_channel(assert_close):
    x, other = images()
    shift = other.mean((1, 2), keepdims=True) - x.mean((1, 2), keepdims=True)
    assert_close(swap_band(x, other, MEAN.mask(8, 8)), x + shift)


@pytest.mark.parametrize("count", [2, 3, 10])
def test_everybody_lends_to_one_other(count):
    for seed in range(5):
        lenders = partners(count, seed)
        assert sorted(lenders) == list(range(count))
        assert (lenders != np.arange(count)).all()
    assert len({tuple(partners(10, seed)) for seed in range(9)}) > 1


def test_one_image_alone_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        partners(1, 0)
