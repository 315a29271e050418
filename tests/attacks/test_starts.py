"""First iterates."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import CleanStart, NormalStart, RandomStart
from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import L2, Linf

STARTS = [CleanStart(), NormalStart(), RandomStart()]


@pytest.fixture
def x():
    images = np.random.default_rng(0).random((4, 16, 16, 3), np.float32)
    images[0], images[1] = 0.0, 1.0
    return tf.constant(images)


@pytest.mark.parametrize("ball", [Linf(0.1), L2(0.5)])
@pytest.mark.parametrize("start", STARTS)
def test_starts_lie_in_the_box_and_repeat(start, ball, x, key):
    first = start(ball, x, key)
    assert first.shape == x.shape and first.dtype == tf.float32
    assert tf.reduce_min(first) >= 0 and tf.reduce_max(first) <= 1
    np.testing.assert_array_equal(first, start(ball, x, key))


@pytest.mark.parametrize("start", STARTS[1:])
def test_noise_depends_on_the_key(start, x, key):
    other = start(Linf(0.1), x, BatchKey.of(0, 1))
    assert not np.array_equal(other, start(Linf(0.1), x, key))


def test_normal_start_has_its_deviation(key):
    x = tf.fill((8, 16, 16, 3), 0.5)
    noise = NormalStart(0.01)(Linf(0.001), x, key) - x
    assert np.std(noise) == pytest.approx(0.01, rel=0.03)
    assert abs(np.mean(noise)) < 1e-3


def test_random_start_is_the_threat_models(x, key):
    ball = L2(0.5)
    np.testing.assert_array_equal(
        RandomStart()(ball, x, key), ball.random_start(x, key)
    )


def test_clean_start_is_the_image(x, key):
    np.testing.assert_array_equal(CleanStart()(Linf(0.1), x, key), x)
