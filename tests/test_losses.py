"""Losses against NumPy in float64 and against worked numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dat_keras.losses import (
    as_distribution,
    cross_entropy,
    js_divergence,
    kl_divergence,
    margin,
)

EVEN, SURE = tf.constant([[0.0, 0.0]]), tf.constant([[math.log(3.0), 0.0]])


def log_softmax(z):
    z = z.astype(np.float64)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def random_logits(seed, classes=5, rows=6, scale=3.0):
    rng = np.random.default_rng(seed)
    return (scale * rng.normal(size=(rows, classes))).astype(np.float32)


@pytest.fixture
def logits():
    return random_logits(0)


@pytest.fixture
def labels():
    return tf.constant([0, 1, 2, 3, 4, 2])


@pytest.mark.parametrize("smoothing", [0.0, 0.3, 0.5, 1.0])
def test_cross_entropy_is_numpys(logits, labels, smoothing, assert_close):
    target = (1 - smoothing) * np.eye(5)[labels.numpy()] + smoothing / 5
    expected = -(target * log_softmax(logits)).sum(-1)
    assert_close(cross_entropy(logits, labels, smoothing), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.4])
def test_cross_entropy_takes_mixed_labels(
    logits, labels, smoothing, assert_close
):
    own = np.eye(5)[labels.numpy()]
    mixed = 0.7 * own + 0.3 * own[::-1]
    target = (1 - smoothing) * mixed + smoothing / 5
    expected = -(target * log_softmax(logits)).sum(-1)
    actual = cross_entropy(logits, tf.constant(mixed, tf.float32), smoothing)
    assert_close(actual, expected)


def test_one_hot_labels_are_labels(labels):
    hot = as_distribution(labels, 5)
    np.testing.assert_array_equal(hot, np.eye(5)[labels.numpy()])
    assert hot.dtype == tf.float32
    np.testing.assert_array_equal(as_distribution(hot, 5), hot)


def test_kl_is_numpys(logits, assert_close):
    other = random_logits(1)
    p, q = log_softmax(logits), log_softmax(other)
    expected = (np.exp(p) * (p - q)).sum(-1)
    assert_close(kl_divergence(logits, other), expected)


def test_kl_order(assert_close):
    assert_close(kl_divergence(EVEN, SURE), [0.143841], atol=1e-6)
    assert_close(kl_divergence(SURE, EVEN), [0.130812], atol=1e-6)


def test_kl_gradient_flows_into_both():
    p, q = tf.Variable(EVEN), tf.Variable(SURE)
    with tf.GradientTape() as tape:
        value = kl_divergence(p, q)
    gradients = tape.gradient(value, [p, q])
    assert all(np.abs(g).max() > 0.1 for g in gradients)


def test_kl_survives_certainty():
    a, b = tf.constant([[200.0, 0.0]]), tf.constant([[0.0, 200.0]])
    np.testing.assert_allclose(kl_divergence(a, b), [200.0], rtol=1e-6)


def test_js_is_numpys(logits, assert_close):
    others = [random_logits(seed) for seed in (1, 2)]
    log_ps = [log_softmax(z) for z in (logits, *others)]
    log_m = np.log(np.mean([np.exp(p) for p in log_ps], axis=0))
    expected = np.mean([(np.exp(p) * (p - log_m)).sum(-1) for p in log_ps], 0)
    actual = js_divergence(*map(tf.constant, (logits, *others)))
    assert_close(actual, expected)


def test_js_worked_number(assert_close):
    assert_close(js_divergence(EVEN, SURE), [0.033822], atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    views=st.integers(2, 4),
    scale=st.floats(0.01, 50.0),
)
def test_js_is_symmetric_and_at_most_log_n(seed, views, scale):
    logits = [
        tf.constant(random_logits(seed + i, scale=scale)) for i in range(views)
    ]
    js = js_divergence(*logits).numpy()
    # The mean is clipped at 1e-7, which may cost that much per class.
    assert (js >= -1e-6).all() and (js <= math.log(views) + 1e-6).all()
    np.testing.assert_allclose(js, js_divergence(*logits[::-1]), atol=1e-6)


@pytest.mark.parametrize("views", [2, 3])
def test_js_reaches_log_n(views, assert_close):
    corners = [100.0 * tf.eye(views)[i : i + 1] for i in range(views)]
    assert_close(js_divergence(*corners), [math.log(views)], atol=1e-5)


def test_divergences_of_a_distribution_from_itself_are_zero(logits):
    np.testing.assert_array_equal(kl_divergence(logits, logits), np.zeros(6))
    z = tf.constant(logits)
    np.testing.assert_allclose(js_divergence(z, z, z), np.zeros(6), atol=1e-6)


@pytest.mark.parametrize("name", ["kl", "js"])
def test_adding_a_constant_to_the_logits_changes_nothing(
    name, logits, assert_close
):
    loss = {"kl": kl_divergence, "js": js_divergence}[name]
    a, b = tf.constant(logits), tf.constant(random_logits(1))
    assert_close(loss(a + 7.0, b - 3.0), loss(a, b), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("z", "y", "expected"),
    [
        ((3.0, 2.0, 5.0, 1.0), 2, 2.0),
        ((3.0, 2.0, 5.0, 1.0), 1, -3.0),
        ((-1.0, -2.0, 1.0, -3.0), 2, 2.0),
        ((-5.0, -2.0, -1.0, -3.0), 0, -4.0),
        ((1.0, 1.0), 0, 0.0),
    ],
)
def test_margin_takes_the_best_wrong_class(z, y, expected):
    value = margin(tf.constant([z]), tf.constant([y]))
    np.testing.assert_allclose(value, [expected])
