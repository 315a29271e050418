"""Norm balls against NumPy, and the properties of projections."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dat_keras.core.random import BatchKey
from dat_keras.core.threat_models import L1, L2, THREAT_MODELS, Linf

NORMS = {"linf": np.inf, "l2": 2, "l1": 1}
SEEDS = st.integers(0, 2**31)
RADII = st.floats(0.0, 1.0, width=32)


def images(seed, low=0.0, high=1.0):
    rng = np.random.default_rng(seed)
    return rng.uniform(low, high, (3, 4, 4, 2)).astype(np.float32)


def lengths(delta, name):
    flat = np.asarray(delta, np.float64).reshape(len(delta), -1)
    return np.linalg.norm(flat, NORMS[name], axis=1)


def bisected(delta, x, eps):
    """The nearest change in L1 ball and box, by bisection in float64."""
    x = x.astype(np.float64)
    room = np.where(delta > 0, 1 - x, x)

    def cut(t):
        return np.minimum(np.maximum(np.abs(delta) - t, 0), room)

    low, high = 0.0, np.abs(delta).max()
    for _ in range(200):
        middle = (low + high) / 2
        over = cut(middle).sum() > eps
        low, high = (middle, high) if over else (low, middle)
    return np.sign(delta) * cut(low if cut(0).sum() <= eps else high)


def numpy_projection(name, x_adv, x, eps):
    delta = x_adv.astype(np.float64) - x
    if name == "linf":
        delta = np.clip(delta, -eps, eps)
    elif name == "l1":
        return np.stack(
            [x0 + bisected(d, x0, eps) for d, x0 in zip(delta, x, strict=True)]
        )
    else:
        length = lengths(delta, "l2")[:, None, None, None]
        delta = delta * np.minimum(1, eps / np.maximum(length, 1e-30))
    return np.clip(x + delta, 0, 1)


@pytest.fixture(params=THREAT_MODELS)
def name(request):
    return request.param


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(list(THREAT_MODELS)), seed=SEEDS, eps=RADII)
def test_projection_is_numpys(name, seed, eps):
    x, x_adv = images(seed), images(seed + 1, -0.5, 1.5)
    actual = THREAT_MODELS[name](eps).project(x_adv, x)
    expected = numpy_projection(name, x_adv, x, eps)
    np.testing.assert_allclose(actual, expected, atol=2e-6)


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(list(THREAT_MODELS)), seed=SEEDS, eps=RADII)
def test_projection_is_feasible_idempotent_and_never_farther(name, seed, eps):
    ball = THREAT_MODELS[name](eps)
    x, x_adv = images(seed), images(seed + 1, -0.5, 1.5)
    once = ball.project(x_adv, x).numpy()
    assert once.min() >= 0 and once.max() <= 1
    assert (lengths(once - x, name) <= eps * (1 + 1e-5) + 1e-6).all()
    before, after = lengths(x_adv - x, name), lengths(once - x, name)
    assert (after <= before + 1e-6).all()
    np.testing.assert_allclose(ball.project(once, x), once, atol=2e-6)


def test_projection_inside_on_and_outside(name, assert_close):
    ball = THREAT_MODELS[name](0.2)
    x = tf.fill((3, 1, 1, 1), 0.5)
    deltas = tf.reshape([0.1, -0.2, 0.4], (3, 1, 1, 1))
    projected = ball.project(x + deltas, x)
    assert_close(projected[:, 0, 0, 0], [0.6, 0.3, 0.7])


def test_inside_the_ball_nothing_moves(name):
    x = images(0, 0.3, 0.7)
    x_adv = x + images(1, -0.01, 0.01)
    np.testing.assert_allclose(
        THREAT_MODELS[name](0.5).project(x_adv, x), x_adv, atol=1e-7
    )


def test_box_wins_over_the_ball(name):
    x = tf.constant([[[[0.95]]], [[[0.05]]]])
    delta = tf.constant([[[[0.5]]], [[[-0.5]]]])
    projected = THREAT_MODELS[name](0.2).project(x + delta, x)
    np.testing.assert_array_equal(projected, [[[[1.0]]], [[[0.0]]]])


def test_zero_radius_gives_the_image_exactly(name, key):
    ball, x = THREAT_MODELS[name](0.0), images(0)
    np.testing.assert_array_equal(ball.project(images(1), x), x)
    np.testing.assert_array_equal(ball.random_start(x, key), x)


@settings(max_examples=20, deadline=None)
@given(name=st.sampled_from(list(THREAT_MODELS)), seed=SEEDS, eps=RADII)
def test_distance_is_numpys_norm(name, seed, eps):
    x, x_adv = images(seed), images(seed + 1)
    actual = THREAT_MODELS[name](eps).distance(x_adv, x)
    np.testing.assert_allclose(actual, lengths(x_adv - x, name), rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(
    name=st.sampled_from(list(THREAT_MODELS)),
    seed=SEEDS,
    scale=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_steepest_has_unit_norm_and_the_largest_slope(name, seed, scale):
    gradient = scale * images(seed, -1.0, 1.0)
    unit = THREAT_MODELS[name](0.1).steepest(gradient).numpy()
    np.testing.assert_allclose(lengths(unit, name), np.ones(3), rtol=1e-4)
    # By Hoelder no unit step gains more than the dual norm of the gradient.
    dual = {"linf": 1, "l2": 2, "l1": np.inf}[name]
    flat = gradient.astype(np.float64).reshape(3, -1)
    most = np.linalg.norm(flat, dual, axis=1)
    gain = (flat * unit.reshape(3, -1)).sum(1)
    np.testing.assert_allclose(gain, most, rtol=1e-4)


def test_no_gradient_no_direction(name):
    zeros = np.zeros((2, 3, 3, 1), np.float32)
    np.testing.assert_array_equal(
        THREAT_MODELS[name](0.1).steepest(zeros), zeros
    )


@settings(max_examples=15, deadline=None)
@given(name=st.sampled_from(list(THREAT_MODELS)), seed=SEEDS, eps=RADII)
def test_random_start_is_feasible(name, seed, eps):
    x = images(seed)
    start = THREAT_MODELS[name](eps).random_start(x, BatchKey.of(seed, 0))
    start = start.numpy()
    assert start.min() >= 0 and start.max() <= 1
    assert (lengths(start - x, name) <= eps * (1 + 1e-5) + 1e-6).all()


def test_random_starts_fill_the_ball(name, key):
    x = np.full((500, 2, 2, 1), 0.5, np.float32)
    delta = THREAT_MODELS[name](0.1).random_start(x, key).numpy() - x
    shares = lengths(delta, name) / 0.1
    # Linf: uniform per pixel. L2: the length is a uniform share of the radius.
    expected = {"linf": 4 / 5, "l2": 1 / 2, "l1": 1 / 2}[name]
    assert abs(shares.mean() - expected) < 0.05
    assert shares.max() > 0.98
    assert np.abs(delta.mean(0)).max() < 0.01
    assert len(np.unique(delta.reshape(500, -1), axis=0)) == 500


def test_a_radius_for_each_image(name):
    eps = tf.reshape([0.0, 0.1, 0.3], (3, 1, 1, 1))
    x = np.full((3, 4, 4, 2), 0.5, np.float32)
    ball = THREAT_MODELS[name](eps)
    moved = ball.project(x + images(0, 0.4, 0.5), x).numpy() - x
    np.testing.assert_allclose(lengths(moved, name), [0, 0.1, 0.3], atol=1e-6)


@pytest.mark.parametrize("make", [Linf, L2, L1])
@pytest.mark.parametrize("eps", [-0.1, -1, float("nan")])
def test_negative_radius_is_refused(make, eps):
    with pytest.raises(ValueError, match="`eps` must be at least 0"):
        make(eps)


def test_radius_in_grey_levels_is_recognised():
    with pytest.raises(ValueError) as error:
        Linf(8)
    assert "Did you mean 8/255?" in str(error.value)
    assert "`eps` must be in [0, 1]" in str(error.value)


@pytest.mark.parametrize("ball", [Linf(8 / 255), L2(0.5), L1(12.0)])
def test_repr_evaluates_back(ball):
    assert eval(repr(ball)) == ball
