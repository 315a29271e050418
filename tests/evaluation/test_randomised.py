"""AutoAttack's `rand`: means over the draws of a randomised classifier."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import APGD, Restarts, rand
from dat_keras.attacks.averaged_gradient import mean_gradient
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.evaluate import evaluate

SHAPE = (4, 4, 1)


class Wobble(keras.layers.Layer):
    """Adds +2 and -2 to the first logit, in turn."""

    def __init__(self):
        super().__init__()
        self.turn = self.add_weight(shape=(), trainable=False)

    def call(self, z):
        self.turn.assign(1.0 - self.turn)
        return z + tf.constant([2.0, 0.0]) * (2.0 * self.turn - 1.0)


@pytest.fixture
def wobbly():
    """A linear model whose logits are right in the mean of two passes."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(16, 2)).astype("f")
    layers = [keras.layers.Flatten(), keras.layers.Dense(2, use_bias=False)]
    steady = keras.Sequential([keras.Input(SHAPE), *layers])
    steady.set_weights([kernel])
    x = rng.uniform(size=(8, *SHAPE)).astype("f")
    y = steady(x).numpy().argmax(-1)
    model = keras.Sequential([keras.Input(SHAPE), *layers, Wobble()])
    return model, steady, x, y


@pytest.mark.parametrize("draws", [1, 2, 5])
def test_logits_values_and_gradients_are_means(draws):
    passes = tf.Variable(0.0)

    def predict(x, branch=0):
        return passes.assign_add(1.0) * x[:, 0, 0, :]

    x = tf.ones((2, 1, 1, 3))
    seen = tf.function(
        lambda: mean_gradient(predict, lambda z: z[:, 0] ** 2, x, draws),
        autograph=False,
    )()
    numbers = np.arange(1, draws + 1)
    logits, values, grad = (each.numpy() for each in seen)
    np.testing.assert_allclose(logits, numbers.mean(), rtol=1e-6)
    np.testing.assert_allclose(values, (numbers**2).mean(), rtol=1e-6)
    np.testing.assert_allclose(grad[..., 0], 2 * (numbers**2).mean(), rtol=1e-6)
    assert passes.numpy() == draws


def test_settings_are_the_published_ones():
    parts = rand(Linf(0.1))
    assert list(parts) == ["apgd-ce", "apgd-dlr"]
    assert all(part.passes(10) == (2020, 2020) for part in parts.values())


def test_a_randomised_classifier_is_judged_by_its_mean(wobbly, monkeypatch):
    model, steady, x, y = wobbly
    ball = Linf(0.15)
    quick = {"apgd-ce": Restarts(APGD(ball, steps=10, draws=2))}
    monkeypatch.setattr("dat_keras.evaluation.suites.rand", lambda _: quick)
    found = evaluate(model, (x, y), "autoattack-rand", eps=0.15, batch_size=8)
    codes = [c.code for c in found.cautions]
    assert "rand" in codes and "randomized" in codes
    attack = {"apgd-ce": APGD(ball, steps=10)}
    calm = evaluate(steady, (x, y), attack, eps=0.15)
    assert "rand" not in [c.code for c in calm.cautions]
    # One pass alone is wrong about some of them.
    assert found["autoattack-rand"].parts[0].correct == 8
    assert any((model(x).numpy().argmax(-1) != y).any() for _ in range(2))
    # Of two classes, every pass has the gradient's sign of the mean, so that
    # the worst image is the same corner of the ball.
    kernel, flat = steady.get_weights()[0], x.reshape(8, -1)
    away = (kernel[:, 1] - kernel[:, 0]) * np.where(y == 0, 1, -1)[:, None]
    corner = np.clip(flat + 0.15 * np.sign(away), 0, 1).astype(float)
    rise = (corner * away).sum(-1)
    assert np.abs(rise).min() > 1e-3 and 0 < (rise > 0).sum() < 8
    for row in (found["autoattack-rand"], calm["apgd-ce"]):
        np.testing.assert_array_equal(row.broken, rise > 0)
