"""First iterates."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import (
    APGD,
    PGD,
    CleanStart,
    KeepFirstBroken,
    KeepLast,
    NormalStart,
    RandomStart,
    Start,
    SurfaceStart,
)
from dat_keras.core.random import BatchKey, RowKey
from dat_keras.core.threat_models import L1, L2, Linf
from dat_keras.evaluation.constraints import within_threat_model

STARTS = [CleanStart(), NormalStart(clip=True), RandomStart()]


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


def test_normal_start_is_clipped_only_where_asked(x, key):
    plain, clipped = (
        NormalStart(0.01, clip=clip)(Linf(0.1), x, key)
        for clip in (False, True)
    )
    assert NormalStart().clip is False
    assert tf.reduce_min(plain) < 0 and tf.reduce_max(plain) > 1
    np.testing.assert_array_equal(np.clip(plain, 0, 1), clipped)


@pytest.mark.parametrize("steps", [0, 1, 3])
@pytest.mark.parametrize("keep", [KeepLast(), KeepFirstBroken()])
def test_attacks_stay_in_the_box_from_a_start_outside(steps, keep, x, key):
    def predict(x, branch=0):
        return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 1]], axis=-1)

    attack = PGD(
        Linf(0.1),
        steps=tf.constant(steps),
        step_size=1e-6,
        start=NormalStart(),
        keep=keep,
    )
    x_adv = attack(predict, x, tf.constant([0, 1, 0, 1]), key)
    assert tf.reduce_min(x_adv) >= 0 and tf.reduce_max(x_adv) <= 1


def test_random_start_is_the_threat_models(x, key):
    ball = L2(0.5)
    np.testing.assert_array_equal(
        RandomStart()(ball, x, key), ball.random_start(x, key)
    )


def test_clean_start_is_the_image(x, key):
    np.testing.assert_array_equal(CleanStart()(Linf(0.1), x, key), x)


@pytest.mark.parametrize("ball", [Linf(0.1), L2(0.5)])
@pytest.mark.parametrize("start", [*STARTS, SurfaceStart()])
def test_rows_do_not_depend_on_their_batch(start, ball, x, assert_close):
    together = start(ball, x, RowKey.of(0, range(4))).numpy()
    part = [3, 1]
    alone = start(ball, tf.gather(x, part), RowKey.of(0, part))
    assert_close(alone, together[part])


@dataclass(frozen=True)
class Black(Start):
    """A start that any image may be far from."""

    def __call__(self, threat_model, x, key):
        return tf.zeros_like(x)


@pytest.mark.parametrize(
    "attack",
    [PGD(Linf(0.1), steps=3, keep=KeepFirstBroken()), APGD(Linf(0.1), steps=3)],
    ids=["pgd", "apgd"],
)
def test_a_start_outside_is_not_the_image_that_is_found(attack, key):
    def predict(x, branch=0):
        return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 0]], -1)

    # The first can be misclassified within the ball, the second cannot.
    x = tf.reshape([0.55, 0.9], (2, 1, 1, 1))
    x_adv = replace(attack, start=Black())(
        predict, x, tf.zeros(2, tf.int32), key
    )
    assert within_threat_model(x_adv.numpy(), x.numpy(), Linf(0.1))[1].all()
    wrong = tf.argmax(predict(x_adv), -1) != 0
    assert wrong.numpy().tolist() == [True, False]


def test_a_start_outside_stays_there_where_it_cannot_be_returned(key):
    seen = []

    def predict(x, branch=0):
        seen.append(float(x[0, 0, 0, 0]))
        return tf.stack([x[:, 0, 0, 0], 1 - x[:, 0, 0, 0]], -1)

    x, y = tf.fill((1, 1, 1, 1), 0.55), tf.constant([0])
    PGD(Linf(0.1), steps=1, start=Black())(predict, x, y, key)
    assert seen == [0.0]


@pytest.mark.parametrize("ball", [Linf(0.1), L2(0.5), L1(12.0)])
@pytest.mark.parametrize("start", [RandomStart(), SurfaceStart()])
def test_starts_inside_keep_their_bits(start, ball, x, key):
    first = start(ball, x, key)
    np.testing.assert_array_equal(ball.contain(first, x), first)
    # With one radius for each image, too.
    own = type(ball)(tf.fill((4, 1, 1, 1), ball.eps))
    np.testing.assert_array_equal(own.contain(first, x), first)
    np.testing.assert_array_equal(
        own.contain(1.0 - x, x), own.project(1.0 - x, x)
    )
