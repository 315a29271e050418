"""FAB-T: the distances of a linear model, and its guards."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks.dlr import TargetedMargin
from dat_keras.attacks.fab import FAB
from dat_keras.keys import BatchKey
from dat_keras.threat_models import L2, Linf

SHAPE = (5, 4, 2)
KEY = BatchKey.of(0, 0)


def in_graph(function, *args):
    return tf.function(lambda: function(*args), autograph=False)()


@pytest.fixture(scope="module")
def linear():
    """Logits `x W`, images far from the box, all correctly classified."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(40, 4)).astype("f")
    x = rng.uniform(0.45, 0.55, size=(30, *SHAPE)).astype("f")

    def predict(x, branch=0):
        return tf.reshape(x, (-1, 40)) @ kernel

    return predict, kernel, x, tf.argmax(predict(x), -1, tf.int32)


@pytest.mark.parametrize(("norm", "dual"), [(Linf, 1), (L2, 2)])
@pytest.mark.parametrize("rank", [2, 4])
def test_distance_is_the_linear_models(linear, norm, dual, rank):
    predict, kernel, x, y = linear
    z = predict(x).numpy()
    target = np.argsort(-z)[:, rank - 1]
    rows = np.arange(30)
    towards = kernel[:, target] - kernel[:, y]
    # Any wrong class counts, so a nearer one may end the way to the target.
    gaps = z[rows, y][:, None] - z
    norms = np.linalg.norm(
        kernel[:, None, :] - kernel[:, y.numpy()][:, :, None], dual, axis=0
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        nearest = np.nanmin(gaps / norms, axis=-1)
    exact = gaps[rows, target] / np.linalg.norm(towards, dual, axis=0)
    attack = FAB(norm(0.1), TargetedMargin(rank))
    _, found = in_graph(attack.closest, predict, tf.constant(x), y)
    assert (found >= nearest * (1 - 1e-5)).numpy().all()
    alone = exact <= nearest * (1 + 1e-6)
    ratio = found.numpy()[alone] / exact[alone]
    assert alone.any() == (rank == 2)
    assert ((ratio >= 1 - 1e-5) & (ratio <= 1.01)).all()
    assert (found <= exact * 1.01).numpy().all()


@pytest.mark.parametrize("norm", [Linf, L2])
def test_returns_only_images_within_eps(linear, norm):
    predict, _, x, y = linear
    search = FAB(norm(0.1)).closest
    _, distance = in_graph(search, predict, tf.constant(x), y)
    eps = float(np.median(distance))
    x_adv = in_graph(FAB(norm(eps)), predict, tf.constant(x), y, KEY)
    moved = norm(eps).distance(x_adv, x).numpy()
    wrong = (tf.argmax(predict(x_adv), -1, tf.int32) != y).numpy()
    assert (moved <= eps).all() and np.array_equal(moved > 0, wrong)
    assert np.array_equal(wrong, distance.numpy() <= eps)
    assert 10 <= wrong.sum() <= 20


@pytest.mark.parametrize("norm", [Linf, L2])
def test_constant_logits_move_nothing(norm):
    x, y = tf.fill((2, *SHAPE), 0.5), tf.constant([0, 0])

    def predict(x, branch=0):
        return 0.0 * x[:, 0, :3, 0]

    x_adv = in_graph(FAB(norm(0.1)), predict, x, y, KEY)
    np.testing.assert_array_equal(x_adv, x)


def test_a_gradient_of_nan_comes_out():
    @tf.custom_gradient
    def lost(x):
        return tf.identity(x), lambda upstream: upstream * float("nan")

    def predict(x, branch=0):
        return lost(x)[:, 0, 0, :] + tf.constant([1.0, 0.0])

    x, y = tf.fill((1, *SHAPE), 0.5), tf.constant([0])
    x_adv = in_graph(FAB(Linf(0.1)), predict, x, y, KEY)
    assert np.isnan(x_adv).any()


def test_the_box_is_the_only_limit_of_the_way(linear):
    predict, kernel, x, y = linear
    faces = tf.round(x)
    y = tf.argmax(predict(faces), -1, tf.int32)
    found, distance = in_graph(FAB(Linf(0.1)).closest, predict, faces, y)
    assert found.numpy().min() >= 0 and found.numpy().max() <= 1
    # On a face only half of the pixels can help.
    gap = np.sort(predict(faces).numpy())[:, -1:] - predict(faces).numpy()
    v = kernel.T[None] - kernel.T[y.numpy()][:, None]
    flat = faces.numpy().reshape(30, 1, -1)
    slope = np.abs(v) * np.where(v > 0, 1 - flat, flat)
    with np.errstate(invalid="ignore", divide="ignore"):
        exact = np.nanmin(gap / slope.sum(-1), axis=-1)
    assert (distance >= exact * (1 - 1e-5)).numpy().all()
