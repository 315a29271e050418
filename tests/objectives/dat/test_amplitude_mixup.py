"""Amplitude mix-up: ratios, identities, the worked example."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.core.random import BatchKey
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup, Spectrum


class Fixed:
    """An adversary whose amplitude is given."""

    def __init__(self, amplitude):
        self.given = amplitude

    def drawn(self, own, condition, key):
        amplitude = tf.broadcast_to(self.given, tf.shape(own))
        return amplitude, amplitude / 3.0


@pytest.fixture
def spectrum(batch):
    return Spectrum.of(batch[0], tf.zeros((8, 4)))


class Half(AmplitudeMixup):
    def ratio(self, batch, key):
        return tf.fill((batch, 1, 1, 1), 0.5)


def test_worked_example(key, assert_close):
    x = tf.reshape([0.8, 0.4, 0.2, 0.2], (1, 2, 2, 1))
    mixed, _ = Half()(Spectrum.of(x, tf.zeros((1, 2))), Fixed(0.5), key)
    assert_close(tf.squeeze(mixed), [[0.65, 0.2], [0.1, 0.1]])


@pytest.mark.parametrize("mu", [0.3, 1.0])
def test_one_uniform_ratio_for_each_image(mu, key):
    ratio = AmplitudeMixup(mu=mu).ratio(2000, key).numpy()
    assert ratio.shape == (2000, 1, 1, 1)
    assert 0 <= ratio.min() < 0.01 * mu and 0.99 * mu < ratio.max() < mu
    assert ratio.mean() == pytest.approx(mu / 2, rel=0.05)
    assert ratio.std() == pytest.approx(mu / 12**0.5, rel=0.05)


def test_without_mixup_the_ratio_is_one(key):
    ratio = AmplitudeMixup(mixup=False).ratio(3, key)
    np.testing.assert_array_equal(ratio, np.ones((3, 1, 1, 1)))


def test_ratio_zero_is_the_image_and_has_no_gradient(
    spectrum, batch, key, assert_close
):
    amplitude = tf.Variable(0.5)
    with tf.GradientTape() as tape:
        mixed, _ = AmplitudeMixup(mu=0.0)(spectrum, Fixed(amplitude), key)
    assert_close(mixed, batch[0])
    assert float(tape.gradient(mixed, amplitude)) == 0.0


def test_mixed_image_darkens_towards_small_amplitudes(spectrum, batch, key):
    mixed, _ = Half()(spectrum, Fixed(0.5), key)
    # The spectrum of the published scale adds almost nothing of its own.
    error = mixed - 0.5 * batch[0]
    assert np.sqrt(np.mean(error**2)) < 0.05


def test_result_is_clipped_to_the_box(spectrum, key):
    bright, _ = AmplitudeMixup(mixup=False)(spectrum, Fixed(1e4), key)
    assert bright.numpy().min() == 0.0 and bright.numpy().max() == 1.0


def test_ratio_and_noise_have_their_own_draws(spectrum, key):
    asked = []

    class Listening(Fixed):
        def drawn(self, own, condition, key):
            asked.append(key)
            return super().drawn(own, condition, key)

    AmplitudeMixup()(spectrum, Listening(0.5), key)
    assert not np.array_equal(asked[0].seed, key.seed)
    first, drawn = AmplitudeMixup()(spectrum, Fixed(0.6), key)
    np.testing.assert_allclose(drawn, tf.fill(spectrum.amplitude.shape, 0.2))
    np.testing.assert_array_equal(
        first, AmplitudeMixup()(spectrum, Fixed(0.6), key)[0]
    )
    other, _ = AmplitudeMixup()(spectrum, Fixed(0.6), BatchKey.of(0, 1))
    assert not np.array_equal(first, other)


def test_the_condition_is_detached():
    x, logits = tf.zeros((1, 2, 2, 1)), tf.zeros((1, 4))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        detached = Spectrum.of(x, logits).condition
    assert tape.gradient(detached, logits) is None


@pytest.mark.parametrize("mu", [-0.1, 1.5, 8])
def test_a_ratio_beyond_one_is_refused(mu):
    with pytest.raises(ValueError, match=f"Received: mu={mu}"):
        AmplitudeMixup(mu=mu)
