"""MART: worked numbers, NumPy, and its reduction to TRADES."""

import math

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import IDENTITY

from dat_keras.attacks import PGD, CrossEntropy, NormalStart
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import MART, TRADES
from dat_keras.objectives.step import View

EVEN, SURE = tf.constant([[0.0, 0.0]]), tf.constant([[math.log(3), 0.0]])


@pytest.mark.parametrize(
    ("label", "boosted", "total"),
    [(0, 0.575231, 0.934833), (1, 2.772189, 3.131791)],
)
def test_worked_example(label, boosted, total):
    terms = MART().loss(IDENTITY, (View(EVEN, SURE),), tf.constant([label]))
    assert float(terms["boosted"]) == pytest.approx(boosted, abs=2e-6)
    assert float(terms["robust"]) == pytest.approx(5 * 0.071921, abs=5e-6)
    assert float(sum(terms.values())) == pytest.approx(total, abs=5e-6)


def test_loss_is_numpys(assert_close):
    rng = np.random.default_rng(0)
    z, z_adv = 2.0 * rng.normal(size=(2, 6, 4))
    y = np.array([0, 3, 1, 1, 2, 0])
    p, q = (np.exp(a) / np.exp(a).sum(-1, keepdims=True) for a in (z, z_adv))
    boosted, robust = [], []
    for a, b, label in zip(p, q, y, strict=True):
        wrong = np.delete(b, label).max()
        boosted.append(-np.log(b[label]) - np.log(1.0001 - wrong))
        robust.append((a * np.log(a / b)).sum() * (1 - a[label]))
    terms = MART(beta=3.0).loss(
        IDENTITY,
        (View(tf.constant(z, tf.float32), tf.constant(z_adv, tf.float32)),),
        tf.constant(y),
    )
    assert_close(terms["boosted"], np.mean(boosted))
    assert_close(terms["robust"], 3.0 * np.mean(robust))


def test_the_rival_is_the_best_wrong_class_of_a_misclassified_image():
    # Class 1 is predicted and wrong; class 2 is the runner-up.
    z = tf.constant([[0.0, 4.0, 2.0]])
    terms = MART().loss(IDENTITY, (View(z, z),), tf.constant([0]))
    p = np.exp([0.0, 4.0, 2.0]) / np.exp([0.0, 4.0, 2.0]).sum()
    expected = -np.log(p[0]) - np.log(1.0001 - p[1])
    assert float(terms["boosted"]) == pytest.approx(expected, rel=1e-5)


def test_a_sure_clean_prediction_leaves_no_divergence():
    sure = tf.constant([[60.0, 0.0]])
    terms = MART().loss(IDENTITY, (View(sure, EVEN),), tf.constant([0]))
    assert float(terms["robust"]) == 0.0


def test_gradient_flows_through_the_weight_and_both_distributions():
    z, z_adv = tf.constant([[0.5, 0.0]]), tf.constant([[1.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch([z, z_adv])
        view = View(z, z_adv)
        robust = MART(beta=1.0).loss(IDENTITY, (view,), tf.constant([0]))
    ours = tape.gradient(robust["robust"], [z, z_adv])

    def value(a, b):
        p, q = 1 / (1 + math.exp(-a)), 1 / (1 + math.exp(-b))
        kl = p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
        return kl * (1 - p)

    h = 1e-5
    slopes = (
        (value(0.5 + h, 1.0) - value(0.5 - h, 1.0)) / (2 * h),
        (value(0.5, 1.0 + h) - value(0.5, 1.0 - h)) / (2 * h),
    )
    for gradient, slope in zip(ours, slopes, strict=True):
        assert float(gradient[0, 0]) == pytest.approx(slope, abs=1e-5)


def test_equally_unsure_images_give_the_divergence_of_trades(assert_close):
    rng = np.random.default_rng(1)
    z_adv = tf.constant(rng.normal(size=(5, 4)), tf.float32)
    views, y = (View(tf.zeros((5, 4)), z_adv),), tf.constant([0, 1, 2, 3, 0])
    ours = MART(beta=8.0).loss(IDENTITY, views, y)["robust"]
    assert_close(ours, TRADES(beta=6.0).loss(IDENTITY, views, y)["robust"])


def test_default_attack_is_the_published_one():
    assert MART().attack == PGD(
        Linf(8 / 255), CrossEntropy(), 10, 2 / 255, NormalStart(0.001)
    )


def test_mixed_labels_are_accepted(assert_close):
    z, z_adv = tf.random.stateless_normal((2, 3, 4), [0, 1])
    y = tf.constant([0, 2, 1])
    one = MART().loss(IDENTITY, (View(z, z_adv),), y)
    two = MART().loss(IDENTITY, (View(z, z_adv),), tf.one_hot(y, 4))
    for name in one:
        assert_close(one[name], two[name])
