"""Natural training against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.objectives import Natural
from dat_keras.objectives.step import View


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_loss_is_the_mean_cross_entropy(smoothing, assert_close):
    z = np.random.default_rng(0).normal(size=(4, 3))
    labels = np.array([0, 2, 1, 1])
    log_p = z - np.log(np.exp(z).sum(-1, keepdims=True))
    target = (1 - smoothing) * np.eye(3)[labels] + smoothing / 3
    logits = tf.constant(z, tf.float32)
    terms = Natural(smoothing).loss(
        lambda x, branch=0: x,
        (View(logits, 9.0 * logits),),
        tf.constant(labels),
    )
    assert_close(terms["natural"], -(target * log_p).sum(-1).mean())


def test_view_is_the_augmented_image(tiny_model, make_step, batch):
    objective = Natural()
    step = make_step(tiny_model, objective, x_raw=tf.zeros_like(batch[0]))
    (view,) = objective.craft(step)
    np.testing.assert_array_equal(view.x, batch[0])
    assert view.branch == 0
