"""PGD-AT against NumPy, and its reduction to natural training."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, CleanStart, CrossEntropy, RandomStart
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import PGDAT, Natural
from dat_keras.objectives.step import View


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_reads_the_adversarial_images_only(smoothing, assert_close):
    z = np.random.default_rng(0).normal(size=(4, 3))
    labels = np.array([0, 2, 1, 1])
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    target = (1 - smoothing) * np.eye(3)[labels] + smoothing / 3
    logits = tf.constant(z, tf.float32)
    terms = PGDAT(label_smoothing=smoothing).loss(
        lambda x, branch=0: x,
        (View(tf.fill((4, 3), np.nan), logits),),
        tf.constant(labels),
    )
    assert_close(terms["robust"], -(target * log_p).sum(-1).mean())


def test_default_attack_is_the_published_one():
    attack = PGDAT().attack
    assert attack == PGD(
        Linf(8 / 255), CrossEntropy(), 10, 2 / 255, RandomStart()
    )


def test_no_steps_from_the_clean_image_is_natural_training(
    tiny_model, make_step
):
    objective = PGDAT(
        PGD(Linf(8 / 255), steps=tf.constant(0), start=CleanStart())
    )
    step = make_step(tiny_model, objective)
    robust = objective.loss(step.predict, objective.craft(step), step.y)
    natural = Natural().loss(step.predict, Natural().craft(step), step.y)
    np.testing.assert_array_equal(robust["robust"], natural["natural"])


def test_attack_raises_cross_entropy(tiny_model, make_step):
    objective = PGDAT(PGD(Linf(8 / 255), steps=3))
    step = make_step(tiny_model, objective)
    (view,) = objective.craft(step)
    clean = objective.loss(step.predict, (View(view.x, view.x),), step.y)
    attacked = objective.loss(step.predict, (view,), step.y)
    assert attacked["robust"] > clean["robust"]
