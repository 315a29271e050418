"""FAB: the distances of a linear model, and its guards."""

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks.boundaries import NearestMargin, TargetedMargin
from dat_keras.attacks.fab import FAB
from dat_keras.attacks.stages import Restarts
from dat_keras.core.random import BatchKey, RowKey
from dat_keras.core.threat_models import L2, Linf

SHAPE = (5, 4, 2)
KEY = BatchKey.of(0, 0)


def in_graph(function, *args):
    return tf.function(lambda: function(*args), autograph=False)()


def least(gaps, norms):
    """The smallest of the distances to the other classes."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nanmin(gaps / norms, axis=-1)


def gaps_and_lengths(linear, dual):
    """Leads of the label over each class, and how fast they can fall."""
    predict, kernel, x, y = linear
    z = predict(x).numpy()
    towards = kernel[:, None, :] - kernel[:, y.numpy()][:, :, None]
    gaps = z[np.arange(len(z)), y][:, None] - z
    return gaps, np.linalg.norm(towards, dual, axis=0)


@pytest.fixture(scope="module")
def uneven(linear):
    """The same images; one class's logit grows faster than the others'."""
    _, kernel, x, _ = linear
    kernel = (kernel - kernel.mean(0)) * np.array([1, 1, 4, 1], "f")

    def predict(x, branch=0):
        return tf.reshape(x, (-1, 40)) @ kernel

    return predict, kernel, x, tf.argmax(predict(x), -1, tf.int32)


@pytest.mark.parametrize(("norm", "dual"), [(Linf, 1), (L2, 2)])
def test_the_nearest_boundary_is_chosen_and_reached(uneven, norm, dual):
    predict, _, x, y = uneven
    gaps, lengths = gaps_and_lengths(uneven, dual)
    with np.errstate(invalid="ignore", divide="ignore"):
        nearest = np.nanargmin(gaps / lengths, axis=-1)
    clean, rows = tf.constant(x), np.arange(len(x))
    values, _ = NearestMargin().plane(predict, clean, y, norm(0.1))(clean)
    np.testing.assert_allclose(-values, gaps[rows, nearest], rtol=1e-3)
    # Not always the class that comes second.
    assert (np.argsort(gaps)[:, 1] != nearest).any()
    attack = FAB(norm(0.1), NearestMargin(), steps=20)
    _, found = in_graph(attack.closest, predict, clean, y)
    ratio = found.numpy() / least(gaps, lengths)
    assert ((ratio >= 1 - 1e-4) & (ratio <= 1.01)).all()


def test_a_nearest_boundary_of_nan_comes_out():
    @tf.custom_gradient
    def lost(z):
        return tf.identity(z), lambda upstream: upstream * float("nan")

    def predict(x, branch=0):
        z = x[:, 0, 0, :]
        return tf.concat([z + [1.0, 0.5], lost(z[:, :1]) - 3.0], -1)

    x, y = tf.fill((1, *SHAPE), 0.5), tf.constant([0])
    attack = FAB(Linf(0.1), NearestMargin(), steps=3)
    assert np.isnan(in_graph(attack, predict, x, y, KEY)).any()


@pytest.mark.parametrize("norm", [Linf, L2])
def test_restarts_begin_beside_the_clean_images_but_for_the_first(norm):
    x = tf.fill((6, *SHAPE), 0.5)
    ball, key = norm(0.2), RowKey.of(0, range(6))
    again = Restarts(FAB(ball, NearestMargin(), steps=1), 3)
    begun = []
    for run in (0, 1, 2):
        attack = again.attack.in_run(tf.constant(run))
        begun.append(attack.start(ball, x, key.fold_in(run)))
    lengths = [ball.distance(start, x).numpy() for start in begun]
    np.testing.assert_array_equal(begun[0], x)
    np.testing.assert_allclose(lengths[1:], 0.1, rtol=1e-5)
    assert not np.allclose(begun[1], begun[2])


def test_a_restart_searches_on_from_its_start(linear):
    predict, _, x, y = linear
    again = Restarts(FAB(Linf(0.1), NearestMargin(), steps=3), 2)
    key, clean = RowKey.of(0, range(30)), tf.constant(x)

    def run(number):
        stage = tf.constant(number)
        return in_graph(again, predict, clean, y, key, (stage, clean))

    one = in_graph(again.attack, predict, clean, y, key)
    np.testing.assert_array_equal(run(0), one)
    moved = Linf(0.1).distance(run(1), clean).numpy()
    assert not np.array_equal(run(1), one)
    exact = least(*gaps_and_lengths(linear, 1))
    assert (moved >= exact * (1 - 1e-5))[moved > 0].all()


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
    nearest = least(gaps, norms)
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
