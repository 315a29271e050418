"""Expectation over transformations, around every kind of attack."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from toy_nets import opinionated

from dat_keras.attacks import (
    APGD,
    FAB,
    PGD,
    CarliniWagner,
    NearestMargin,
    Restarts,
    Square,
)
from dat_keras.attacks.eot import mean_over_draws
from dat_keras.core.threat_models import Linf
from dat_keras.evaluation.ensemble import AttackEnsemble
from dat_keras.evaluation.evaluate import evaluate

SHAPE = (4, 4, 1)
EPS = 1 / 16


class Flicker(keras.layers.Layer):
    """Shows every other pixel, doubled, and the other half the next time."""

    def build(self, shape):
        self.turn = self.add_weight(
            shape=(), trainable=False, initializer="zeros"
        )
        board = np.indices(shape[1:3]).sum(0)[None, :, :, None] % 2
        self.board = tf.constant(board, tf.float32)

    def call(self, x):
        self.turn.assign(1.0 - self.turn)
        return 2.0 * x * tf.abs(self.board - self.turn)


@pytest.fixture(scope="module")
def flickering():
    """A net that is linear in the mean of two passes, and its margins.

    Pixels and weights are multiples of powers of two: sums are exact.
    """
    rng = np.random.default_rng(0)
    kernel = np.zeros((16, 2), "f")
    kernel[:, 1] = rng.choice([-3, -1, 1, 3], size=16)
    x = (rng.integers(4, 29, size=(24, *SHAPE)) / 32).astype("f")
    bias = np.array([kernel[:, 1].sum() / 2 + 1 / 64, 0.0], "f")
    layers = [Flicker(), keras.layers.Flatten(), keras.layers.Dense(2)]
    model = keras.Sequential([keras.Input(SHAPE), *layers])
    model.layers[-1].set_weights([kernel, bias])
    return model, kernel[:, 1], x, x.reshape(24, 16) @ kernel[:, 1] - bias[0]


def test_the_mean_of_a_linear_net_is_attacked_exactly(flickering, key):
    """Each pass sees every other pixel, doubled; the mean of two sees all."""
    model, weights, x, gaps = flickering
    kernel, bias = (tf.constant(w) for w in model.layers[-1].get_weights())
    board = np.indices(SHAPE[:2]).sum(0)[None, :, :, None] % 2
    turns = itertools.cycle([board.astype("f"), 1 - board.astype("f")])

    def predict(x, branch=0):
        return tf.reshape(2.0 * x * next(turns), (-1, 16)) @ kernel + bias

    y = tf.constant(gaps > 0, tf.int32)
    mean = mean_over_draws(predict, 2)
    attack = PGD(Linf(EPS), CarliniWagner(), steps=2, step_size=2 * EPS)
    np.testing.assert_array_equal(tf.argmax(mean(x), -1), y)
    x_adv = attack(mean, tf.constant(x), y, key)
    broken = tf.argmax(mean(x_adv), -1, tf.int32) != y
    worst = np.abs(gaps) < EPS * np.abs(weights).sum()
    assert 2 < worst.sum() < 22
    np.testing.assert_array_equal(broken, worst)


def test_a_report_of_means_is_exact(flickering):
    model, weights, x, gaps = flickering
    y = (gaps > 0).astype(int)
    attacks = {
        "pgd": PGD(Linf(EPS), CarliniWagner(), steps=2, step_size=2 * EPS),
        "fab": AttackEnsemble(
            {"fab": Restarts(FAB(Linf(EPS), NearestMargin(), steps=10))}
        ),
    }
    # In one share: passes take turns.
    report = evaluate(model, (x, y), attacks, eps=EPS, eot=2, batch_size=8)
    worst = np.abs(gaps) < EPS * np.abs(weights).sum()
    assert 2 < worst.sum() < 22
    np.testing.assert_array_equal(report["pgd"].broken, worst)
    # FAB overshoots by up to a percent.
    near = np.abs(gaps) < EPS / 1.01 * np.abs(weights).sum()
    found = np.array(report["fab"].broken)
    assert (near <= found).all() and (found <= worst).all()
    assert report["natural"].correct == 24
    assert "eot" in [caution.code for caution in report.cautions]
    assert "randomized" not in [caution.code for caution in report.cautions]


def test_one_pass_follows_half_of_the_pixels_only(flickering):
    model, weights, x, gaps = flickering
    y = (gaps > 0).astype(int)
    attack = PGD(Linf(EPS), CarliniWagner(), steps=1, step_size=2 * EPS)
    attacks = {"pgd": attack}
    once = evaluate(model, (x, y), attacks, eps=EPS, eot=1, batch_size=8)
    assert "randomized" in [caution.code for caution in once.cautions]
    assert once["pgd"].settings == repr(attack).replace(
        "KeepLast", "KeepFirstBroken"
    )


def test_a_deterministic_net_is_attacked_as_without():
    model, x, y = opinionated((6, 6, 1), 12)
    ball = Linf(0.03)
    parts = {
        "apgd-ce": Restarts(APGD(ball, steps=3)),
        "square": Square(ball, queries=20),
    }
    attacks = {"pgd": PGD(ball, steps=2), "two": AttackEnsemble(parts)}
    few = {"eps": ball.eps, "n_examples": 6}
    one = evaluate(model, (x, y), attacks, **few)
    two = evaluate(model, (x, y), attacks, **few, eot=2)
    for a, b in zip(one.results, two.results, strict=True):
        assert a.broken == b.broken
        assert b.settings == f"EOT({a.settings}, draws=2)"
        # Twice an image, wherever passes are counted.
        assert b.forwards == 2 * a.forwards
        assert b.gradients == 2 * a.gradients
        assert a.max_distance == pytest.approx(b.max_distance)
    assert [c.code for c in two.cautions][0] == "eot_deterministic"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"eot": 0}, "`eot` must be at least 1. Received: eot=0"),
        ({"attacks": "autoattack-rand"}, "averages passes of its own"),
        ({"attacks": "natural"}, "averages the passes of an attack"),
        ({"shard": (1, 2)}, "`eot` takes no `shard`"),
    ],
)
def test_what_has_no_effect_is_refused(flickering, arguments, message):
    model, _, x, gaps = flickering
    settings = {"eot": 3, "attacks": "fgsm", **arguments}
    with pytest.raises(ValueError, match=message):
        evaluate(model, (x, (gaps > 0).astype(int)), **settings)
