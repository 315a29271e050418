"""Attack losses against worked numbers and NumPy."""

import math

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import (
    CarliniWagner,
    CarliniWagnerDAT,
    CrossEntropy,
    CrossEntropyPlusKL,
    KLFromClean,
    KLFromLogits,
)

LOSSES = [
    CrossEntropy(0.5),
    KLFromClean(),
    CrossEntropyPlusKL(),
    CarliniWagner(),
    CarliniWagnerDAT(),
]


class Counting:
    """Logits are the image itself; counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x, branch=0):
        self.calls += 1
        return x


def value_and_gradient(loss, z, y, clean=None):
    z, y = tf.constant([z]), tf.constant([y])
    bound = loss.bind(Counting(), z if clean is None else clean, y)
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = bound(z)
    return float(value[0]), tape.gradient(value, z)[0].numpy().tolist()


@pytest.mark.parametrize(
    ("z", "value", "gradient"),
    [
        ((3.0, 2.0, 5.0, 1.0), -12, [1, 0, -1, 0]),
        ((-1.0, -2.0, 1.0, -3.0), -12, [1, 0, -1, 0]),
        ((-1.0, -2.0, -3.0, -4.0), -8, [1, 0, -1, 0]),
    ],
)
def test_carlini_wagner_masks_the_true_logit(z, value, gradient):
    assert value_and_gradient(CarliniWagner(), z, 2) == (value, gradient)


@pytest.mark.parametrize(
    ("z", "value", "gradient"),
    [
        ((3.0, 2.0, 5.0, 1.0), -12, [1, 0, -1, 0]),
        # All wrong logits are negative: the rival is a constant 0.
        ((-1.0, -2.0, 1.0, -3.0), -11, [0, 0, -1, 0]),
    ],
)
def test_the_published_flaw_is_reproduced(z, value, gradient):
    actual, slopes = value_and_gradient(CarliniWagnerDAT(), z, 2)
    assert actual == value
    assert slopes[2] == gradient[2]
    # At the tie with zero only the sum over the rivals is defined.
    assert sum(slopes) == sum(gradient) or slopes == gradient


@pytest.mark.parametrize("loss", [CarliniWagner(), CarliniWagnerDAT()])
def test_carlini_wagner_is_flat_beyond_its_confidence(loss):
    z = (0.0, 20.0, 1.0, 2.0)
    assert value_and_gradient(loss, z, 0) == (0, [0, 0, 0, 0])
    value, gradient = value_and_gradient(type(loss)(kappa=50.0), z, 0)
    assert (value, gradient) == (-30, [-1, 1, 0, 0])


@pytest.mark.parametrize(
    ("smoothing", "expected"), [(0, 2.445298), (0.5, 2.71995)]
)
def test_dat_attack_loss_fixture(smoothing, expected):
    clean, z = tf.constant([[0.0, 0.0]]), (math.log(3.0), 0.0)
    value, _ = value_and_gradient(
        CrossEntropyPlusKL(15.0, smoothing), z, 0, clean
    )
    assert value == pytest.approx(expected, abs=2e-6)


def test_kl_from_clean_has_the_clean_distribution_first():
    clean, z = tf.constant([[0.0, 0.0]]), (math.log(3.0), 0.0)
    value, _ = value_and_gradient(KLFromClean(), z, 0, clean)
    assert value == pytest.approx(0.143841, abs=1e-6)


def test_kl_from_given_logits_has_theirs_first():
    given, z = tf.constant([[0.0, 0.0]]), (math.log(3.0), 0.0)
    value, gradient = value_and_gradient(KLFromLogits(given), z, 0)
    assert value == pytest.approx(0.143841, abs=1e-6)
    # Uphill is away from the given prediction.
    assert gradient == pytest.approx([0.25, -0.25])


def test_clean_prediction_is_a_constant():
    x = tf.constant([[1.0, 0.0, 2.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = KLFromClean().bind(Counting(), x, tf.constant([0]))(
            tf.constant([[0.0, 0.0, 0.0]])
        )
    assert tape.gradient(value, x) is None


def test_cross_entropy_is_smoothed():
    value, gradient = value_and_gradient(CrossEntropy(0.5), (0.0, 0.0), 0)
    assert value == pytest.approx(math.log(2))
    assert gradient == pytest.approx([0.5 - 0.75, 0.5 - 0.25])


@pytest.mark.parametrize("loss", LOSSES)
def test_clean_logits_are_computed_at_most_once(loss):
    predict = Counting()
    z = tf.constant([[1.0, 0.0, 2.0]])
    bound = loss.bind(predict, z, tf.constant([0]))
    for _ in range(3):
        assert bound(z).shape == (1,)
    assert predict.calls == isinstance(loss, (KLFromClean, CrossEntropyPlusKL))


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_are_independent(loss):
    z = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    clean = tf.constant(z[::-1].copy())
    y = tf.constant([0, 1, 2, 3, 0])
    together = loss.bind(Counting(), clean, y)(tf.constant(z))
    alone = [
        float(
            loss.bind(Counting(), clean[i : i + 1], y[i : i + 1])(
                tf.constant(z[i : i + 1])
            )[0]
        )
        for i in range(5)
    ]
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
