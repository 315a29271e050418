"""AutoAttack's `rand`: means over the draws of a randomised classifier."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import APGD, CarliniWagner, Restarts, rand
from dat_keras.attacks.eot import mean_over_draws
from dat_keras.core.gradients import input_gradient
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.evaluate import evaluate

SHAPE = (4, 4, 1)
EPS = 1 / 16


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
    """A linear model whose logits are right in the mean of two passes.

    Pixels are multiples of 1/32 and weights odd integers, so logits are exact
    in float32 in any order of summation, at the corners of the ball too.
    """
    rng = np.random.default_rng(0)
    kernel = rng.choice([-3, -1, 1, 3], size=(16, 2)).astype("f")
    kernel[:, 1] += rng.choice([-1, 1], size=16)
    x = (rng.integers(4, 29, size=(24, *SHAPE)) / 32).astype("f")
    difference = kernel[:, 1] - kernel[:, 0]
    bias = np.array([difference.sum() / 2, 0.0], "f")
    gaps = x.reshape(24, 16) @ difference - bias[0]
    x, gaps = x[gaps != 0], gaps[gaps != 0]
    layers = [keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input(SHAPE), *layers, Wobble()])
    model.layers[1].set_weights([kernel, bias])
    return model, kernel, x, gaps


@pytest.mark.parametrize("draws", [1, 2, 5])
def test_logits_values_and_gradients_are_means(draws):
    passes = tf.Variable(0.0)

    def predict(x, branch=0):
        return passes.assign_add(1.0) * x[:, 0, 0, :]

    x = tf.ones((2, 1, 1, 3))
    mean = mean_over_draws(predict, draws)
    seen = tf.function(
        lambda: input_gradient(mean, lambda z: z[:, 0] ** 2, x),
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
    model, kernel, x, gaps = wobbly
    y = (gaps > 0).astype(int)
    ball = Linf(EPS)
    quick = {"apgd": Restarts(APGD(ball, CarliniWagner(), 10, draws=2))}
    monkeypatch.setattr("dat_keras.evaluation.suites.rand", lambda ball: quick)
    found = evaluate(model, (x, y), "autoattack-rand", eps=EPS, batch_size=8)
    codes = [c.code for c in found.cautions]
    assert "rand" in codes and "randomized" in codes
    row = found["autoattack-rand"]
    # One pass alone is wrong about some of them.
    assert row.parts[0].correct == len(x)
    assert any((model(x).numpy().argmax(-1) != y).any() for _ in range(2))
    # The margin is linear: the worst point of the ball is a corner of it.
    worst = np.abs(gaps) - EPS * np.abs(kernel[:, 1] - kernel[:, 0]).sum()
    assert (worst != 0).all()
    np.testing.assert_array_equal(row.broken, worst < 0)
    assert 2 < row.correct < len(x) - 2


def test_a_classifier_that_is_not_randomised_bears_no_such_caution(wobbly):
    model, _, x, gaps = wobbly
    steady = keras.Sequential(model.layers[:-1])
    report = evaluate(steady, (x, (gaps > 0).astype(int)), "fgsm", eps=EPS)
    codes = [c.code for c in report.cautions]
    assert "rand" not in codes and "randomized" not in codes
