"""N-FGSM's attack: closed form of a linear model, and its form as PGD."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, NoisyFGSM, StartInBall
from dat_keras.core.threat_models import L2, Linf

EPS = 0.1


@pytest.fixture
def x():
    return tf.constant(
        np.random.default_rng(0).random((6, 4, 4, 2), np.float32)
    )


@pytest.fixture
def linear():
    """Two logits, `w x` and its negative: the gradient's sign is known."""
    w = np.random.default_rng(1).normal(size=32).astype(np.float32)

    def predict(x, branch=0):
        logit = tf.linalg.matvec(tf.reshape(x, (-1, 32)), w)
        return tf.stack([logit, -logit], -1)

    return predict, w.reshape(4, 4, 2)


def test_closed_form_of_a_linear_model(x, linear, key):
    predict, w = linear
    y = tf.constant([0, 1, 0, 1, 0, 1])
    attack = NoisyFGSM(Linf(EPS))
    noisy = Linf(2 * EPS).random_start(x, key)
    up = np.where(y.numpy() == 0, -1, 1)[:, None, None, None] * np.sign(w)
    expected = np.clip(noisy + EPS * up, 0, 1)
    np.testing.assert_array_equal(attack(predict, x, y, key), expected)


@pytest.mark.parametrize("ball", [Linf, L2])
def test_is_one_step_of_pgd_in_a_ball_of_three_radii(
    ball, x, linear, key, assert_close
):
    predict, _ = linear
    y = tf.zeros(6, tf.int32)
    pgd = PGD(
        # A little wider, so that rounding puts nothing on the surface.
        ball(3.01 * EPS),
        steps=1,
        step_size=EPS,
        start=StartInBall(2 * EPS),
    )
    assert_close(
        NoisyFGSM(ball(EPS))(predict, x, y, key), pgd(predict, x, y, key)
    )


def test_the_gradient_is_that_at_the_noisy_image(key):
    """The logit `|x - 1/2|^2` turns round at every pixel of a gray image."""
    gray, y = tf.fill((6, 4, 4, 2), 0.5), tf.zeros(6, tf.int32)

    def predict(x, branch=0):
        logit = tf.reduce_sum(tf.square(x - 0.5), axis=[1, 2, 3])
        return tf.stack([-logit, logit], -1)

    x_adv = NoisyFGSM(Linf(EPS))(predict, gray, y, key)
    noisy = Linf(2 * EPS).random_start(gray, key)
    expected = noisy + EPS * np.sign(noisy - 0.5)
    np.testing.assert_allclose(x_adv, expected, atol=1e-6)


def test_its_images_leave_the_ball_but_not_the_box(x, linear, key):
    attack = NoisyFGSM(Linf(EPS))
    x_adv = attack(linear[0], x, tf.zeros(6, tf.int32), key)
    assert tf.reduce_min(x_adv) >= 0 and tf.reduce_max(x_adv) <= 1
    moved = tf.reduce_max(attack.threat_model.distance(x_adv, x))
    assert EPS < moved <= 3 * EPS + 1e-6


def test_without_noise_it_is_fgsm_from_the_image_itself(x, linear, key):
    predict, w = linear
    y = tf.zeros(6, tf.int32)
    attack = replace(NoisyFGSM(Linf(EPS)), noise=0.0)
    expected = np.clip(x - EPS * np.sign(w), 0, 1)
    np.testing.assert_array_equal(attack(predict, x, y, key), expected)
