"""TRADES against worked numbers, NumPy and its reductions."""

import math

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import IDENTITY

from dat_keras.attacks import PGD, KLFromClean, NormalStart
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import TRADES, Natural
from dat_keras.objectives.step import View


def log_softmax(z):
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def test_worked_example():
    view = View(tf.constant([[0.0, 0.0]]), tf.constant([[math.log(3), 0.0]]))
    terms = TRADES().loss(IDENTITY, (view,), tf.constant([0]))
    assert float(terms["natural"]) == pytest.approx(0.693147, abs=1e-6)
    assert float(terms["robust"]) == pytest.approx(6 * 0.143841, abs=1e-5)
    assert float(sum(terms.values())) == pytest.approx(1.556193, abs=2e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_loss_is_numpys(smoothing, assert_close):
    rng = np.random.default_rng(0)
    z, z_adv = rng.normal(size=(2, 4, 3))
    labels = np.array([0, 2, 1, 1])
    p, q = log_softmax(z), log_softmax(z_adv)
    target = (1 - smoothing) * np.eye(3)[labels] + smoothing / 3
    view = View(tf.constant(z, tf.float32), tf.constant(z_adv, tf.float32))
    terms = TRADES(beta=2.5, label_smoothing=smoothing).loss(
        IDENTITY, (view,), tf.constant(labels)
    )
    assert_close(terms["natural"], -(target * p).sum(-1).mean())
    assert_close(terms["robust"], 2.5 * (np.exp(p) * (p - q)).sum(-1).mean())


def test_gradient_flows_through_both_distributions():
    z, z_adv = tf.constant([[0.0, 1.0]]), tf.constant([[2.0, 0.0]])
    with tf.GradientTape() as tape:
        tape.watch([z, z_adv])
        robust = TRADES().loss(IDENTITY, (View(z, z_adv),), tf.constant([0]))[
            "robust"
        ]
    assert all(np.abs(g).max() > 0.1 for g in tape.gradient(robust, [z, z_adv]))


def test_default_attack_is_the_published_one():
    attack = TRADES().attack
    assert attack == PGD(
        Linf(8 / 255), KLFromClean(), 10, 2 / 255, NormalStart(0.001)
    )


def test_beta_zero_is_natural_training(tiny_model, make_step):
    objective = TRADES(PGD(Linf(8 / 255), KLFromClean(), 2), beta=0.0)
    step = make_step(tiny_model, objective)
    terms = objective.loss(step.predict, objective.craft(step), step.y)
    natural = Natural().loss(step.predict, Natural().craft(step), step.y)
    assert float(sum(terms.values())) == float(natural["natural"])


def test_radius_zero_has_no_divergence(tiny_model, make_step):
    objective = TRADES(PGD(Linf(0.0), KLFromClean(), 2, start=NormalStart()))
    step = make_step(tiny_model, objective)
    terms = objective.loss(step.predict, objective.craft(step), step.y)
    assert float(terms["robust"]) == 0.0
