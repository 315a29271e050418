"""Rings: Parseval, a darker image, a shifted point."""

import numpy as np
import pytest

from dat_keras.analysis.radial import Rings, SpectralChange, frequencies

SIZES = [(8, 8), (7, 12), (2, 64), (1, 5), (28, 28)]


def profile_of(x, x_adv):
    change = SpectralChange(*x.shape[1:3])
    change.add(x.astype("f"), x_adv.astype("f"))
    return change.profile()


@pytest.mark.parametrize("size", SIZES)
def test_every_frequency_is_in_one_ring_and_zero_is_alone(size):
    rings = Rings.of(*size)
    assert rings.counts.sum() == np.prod(size) and rings.counts.min() > 0
    assert rings.counts[0] == 1 and rings.centres[0] == 0
    assert (np.diff(rings.centres) > 0).all()
    assert rings.index.shape == size


def test_a_frequency_and_its_negative_share_a_ring():
    index = Rings.of(7, 12).index
    mirrored = np.roll(index[::-1, ::-1], (1, 1), (0, 1))
    np.testing.assert_array_equal(index, mirrored)


@pytest.mark.parametrize("shape", [(8, 8, 3), (7, 12, 1)])
def test_energies_add_up_to_the_squared_l2_norm(shape):
    draw = np.random.default_rng(0)
    x = draw.uniform(0.3, 0.7, (5, *shape))
    delta = draw.uniform(-0.1, 0.1, x.shape)
    profile = profile_of(x, x + delta)
    mean = np.square(delta).sum((1, 2, 3)).mean()
    np.testing.assert_allclose(sum(profile.energy), mean, rtol=1e-5)
    np.testing.assert_allclose(sum(profile.energy_shares), 1.0)
    np.testing.assert_allclose(sum(profile.white_shares), 1.0)


def test_batches_are_added_up():
    draw = np.random.default_rng(0)
    x, x_adv = draw.uniform(size=(2, 6, 5, 4, 2)).astype("f")
    apart = SpectralChange(5, 4)
    apart.add(x[:4], x_adv[:4])
    apart.add(x[4:], x_adv[4:])
    parts, whole = apart.profile(), profile_of(x, x_adv)
    np.testing.assert_allclose(parts.energy, whole.energy, rtol=1e-5)
    np.testing.assert_allclose(
        parts.phase_change, whole.phase_change, rtol=1e-5
    )


def test_a_darker_image_has_log_two_everywhere_and_no_change_of_phase():
    x = np.random.default_rng(0).uniform(size=(2, 8, 8, 3))
    profile = profile_of(x, 0.5 * x)
    rings = len(profile.counts)
    np.testing.assert_allclose(
        profile.log_amplitude_change, [np.log(2)] * rings, rtol=1e-3
    )
    np.testing.assert_allclose(profile.phase_change, [0.0] * rings, atol=1e-3)


def test_a_shifted_point_turns_each_frequency_by_its_own_angle():
    x = np.zeros((1, 8, 8, 1))
    x[0, 2, 3, 0] = 1.0
    profile = profile_of(x, np.roll(x, 1, axis=2))
    angle = np.tile(2 * np.pi * np.abs(np.fft.fftfreq(8)), (8, 1))
    rings = Rings.of(8, 8)
    expected = rings.sums(angle) / rings.counts
    np.testing.assert_allclose(profile.phase_change, expected, atol=1e-5)
    np.testing.assert_allclose(
        profile.log_amplitude_change, 0 * expected, atol=1e-5
    )


def test_means_are_weighted_by_the_clean_amplitude():
    """Half the channels are empty and say nothing."""
    x = np.zeros((1, 4, 4, 2))
    x[..., 0] = np.random.default_rng(0).uniform(size=(1, 4, 4))
    x_adv = 0.5 * x
    x_adv[0, 0, 0, 1] = 0.3
    profile = profile_of(x, x_adv)
    np.testing.assert_allclose(
        profile.log_amplitude_change, [np.log(2)] * 4, rtol=1e-3
    )


def test_nothing_changed_is_zero_not_nan():
    x = np.zeros((1, 4, 4, 1))
    profile = profile_of(x, x)
    assert set(profile.energy_shares) == {0.0}
    assert set(profile.phase_change) == {0.0}


def test_frequencies_are_in_cycles_per_pixel():
    lengths = frequencies(4, 6)
    assert lengths[0, 3] == 0.5 and lengths[2, 0] == 0.5
    assert lengths.max() == np.hypot(0.5, 0.5)
