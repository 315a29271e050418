"""FMN: distances of a linear model, steps in NumPy, and its guards."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks.fmn import FMN
from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import L1, L2, Linf

SHAPE = (5, 4, 2)
KEY = BatchKey.of(0, 0)
NORMS = [(Linf, np.inf, 1), (L2, 2, 2), (L1, 1, np.inf)]
"""Threat model, order of the norm, and of its dual."""


def in_graph(function, *args):
    return tf.function(lambda: function(*args), autograph=False)()


def lengths(x_adv, x, order):
    change = np.asarray(x_adv, float) - np.asarray(x, float)
    return np.linalg.norm(change.reshape(len(x), -1), order, axis=-1)


def closed_form(linear, dual):
    """The smallest margin over the dual norm of its gradient."""
    predict, kernel, x, y = linear
    z, rows = predict(x).numpy(), np.arange(len(x))
    slopes = kernel[:, :, None] - kernel[:, None, :]
    own = np.linalg.norm(slopes, dual, axis=0)[y.numpy()]
    gaps = z[rows, y][:, None] - z
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nanmin(gaps / own, axis=-1)


@pytest.mark.parametrize(("norm", "order", "dual"), NORMS)
def test_the_distance_is_the_linear_models(linear, norm, order, dual):
    predict, _, x, y = linear
    attack = FMN(norm(0.1), steps=100)
    found, distance = in_graph(attack.nearest, predict, tf.constant(x), y, KEY)
    np.testing.assert_allclose(lengths(found, x, order), distance, rtol=1e-5)
    assert (tf.argmax(predict(found), -1, tf.int32) != y).numpy().all()
    assert found.numpy().min() >= 0 and found.numpy().max() <= 1
    ratio = distance.numpy() / closed_form(linear, dual)
    assert (ratio >= 1 - 1e-4).all() and (ratio <= 1.05).all()


def projected(change, x, radius, order):
    """Projection of one change onto ball and box, in float64."""
    room = np.where(change > 0, 1 - x, x)
    if order == 1:
        size = np.minimum(np.abs(change), room)
        low, high = 0.0, np.abs(change).max()
        for _ in range(200 if size.sum() > radius else 0):
            middle = (low + high) / 2
            size = np.clip(np.abs(change) - middle, 0, room)
            low, high = (middle, high) if size.sum() > radius else (low, middle)
        return np.sign(change) * size
    if order == 2:
        change = change * min(1.0, radius / np.linalg.norm(change))
        return np.clip(x + change, 0, 1) - x
    return np.clip(x + np.clip(change, -radius, radius), 0, 1) - x


@pytest.mark.parametrize("i", [0, 3])
@pytest.mark.parametrize(("norm", "order", "dual"), NORMS)
def test_one_step_is_the_definition(norm, order, dual, i):
    """From iterates of each kind, with the same margins and gradients."""
    rng = np.random.default_rng(1)
    x = rng.uniform(size=(6, *SHAPE))
    x_adv = np.clip(x + rng.normal(scale=0.1, size=x.shape), 0, 1)
    found = np.clip(x + rng.normal(scale=0.1, size=x.shape), 0, 1)
    grad = rng.normal(size=x.shape)
    wrong = np.array([False, False, True, True, False, True])
    gap = np.where(wrong, -0.3, 0.4) * rng.uniform(0.5, 1.5, 6)
    radius = rng.uniform(0.5, 1.5, 6) * lengths(x_adv, x, order)
    # Nothing was found for the first and the last.
    least = np.array([1e10, 0.1, 0.2, 9.0, 3.0, 1e10])
    state = [tf.constant(v, tf.float32) for v in (x_adv, radius, found, least)]
    attack = FMN(norm(0.1), steps=10, step_size=0.5, gamma=0.2)
    fall = (1 + np.cos(np.pi * i / 10)) / 2
    gamma = 0.001 + 0.199 * fall
    alpha = 0.5 * (0.01 + 0.99 * fall)

    seen = (
        tf.constant(wrong),
        tf.constant(gap, tf.float32),
        tf.constant(grad, tf.float32),
    )
    images = tf.constant(x, tf.float32)
    after = in_graph(attack.advance, i, images, seen, state)

    moved, length = np.empty_like(x), lengths(x_adv, x, order)
    for row in range(6):
        if wrong[row]:
            if length[row] < least[row]:
                least[row], found[row] = length[row], x_adv[row]
            radius[row] = min((1 - gamma) * radius[row], least[row])
        elif least[row] < 1e10:
            radius[row] *= 1 + gamma
        else:
            slope = np.linalg.norm(grad[row].ravel(), dual)
            radius[row] = 1.001 * (length[row] + gap[row] / slope)
        down = grad[row] / np.linalg.norm(grad[row])
        change = x_adv[row] - alpha * down - x[row]
        moved[row] = x[row] + projected(change, x[row], radius[row], order)
    for ours, exact in zip(after, (moved, radius, found, least), strict=True):
        np.testing.assert_allclose(ours, exact, rtol=1e-4, atol=1e-5)


def test_as_an_attack_it_returns_what_lies_within_eps(linear):
    predict, _, x, y = linear
    clean = tf.constant(x)
    attack = FMN(Linf(0.1), steps=30)
    _, distance = in_graph(attack.nearest, predict, clean, y, KEY)
    eps = float(np.median(distance))
    x_adv = in_graph(FMN(Linf(eps), steps=30), predict, clean, y, KEY)
    moved = lengths(x_adv, x, np.inf)
    wrong = (tf.argmax(predict(x_adv), -1, tf.int32) != y).numpy()
    assert (moved <= eps * (1 + 1e-6)).all()
    assert np.array_equal(moved > 0, wrong) and wrong.sum() == len(x) // 2


def test_nothing_is_found_where_logits_are_constant_and_nan_comes_out():
    @tf.custom_gradient
    def lost(x):
        return tf.identity(x), lambda upstream: upstream * float("nan")

    x, y = tf.fill((1, *SHAPE), 0.5), tf.constant([0])
    flat = in_graph(
        FMN(L2(0.1), steps=3).nearest,
        lambda x: 0.0 * x[:, 0, :3, 0],
        *(x, y, KEY),
    )
    np.testing.assert_array_equal(flat[0], x)
    assert float(flat[1][0]) == np.float32(1e10)
    broken = in_graph(
        FMN(Linf(0.1), steps=3),
        lambda x: lost(x)[:, 0, 0, :] + [1.0, 0.0],
        *(x, y, KEY),
    )
    assert np.isnan(broken).any()
