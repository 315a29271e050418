"""APGD, FAB, PGD and Square in L1: closed forms, feasibility, schedules."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import FAB, PARTS, attack_of_name, standard
from dat_keras.attacks.dlr import TargetedDLR
from dat_keras.attacks.projection import to_hyperplane
from dat_keras.attacks.sparse_apgd import SparseAPGD, schedule, sparse_signs
from dat_keras.core.random import BatchKey, RowKey
from dat_keras.core.threat_models import L1, Linf

SHAPE = (6, 6, 2)
KEY = BatchKey.of(0, 0)


@pytest.fixture(scope="module")
def binary():
    """A linear net of two classes, images of class 0, and their gaps."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=SHAPE)
    x = rng.uniform(size=(40, *SHAPE))
    gap = rng.uniform(0.5, 8.0, 40)
    bias = gap + (x * weights).sum((1, 2, 3))

    def net(images, branch=0):
        slopes = tf.constant(weights, tf.float32)
        rival = tf.reduce_sum(images * slopes, [1, 2, 3])
        return tf.stack([tf.constant(bias, tf.float32), rival], -1)

    return net, weights, x.astype("f"), gap


def closed_form(weights, x, gap):
    """The least L1 change that closes a gap: the steepest pixels first."""
    slope, room = np.abs(weights).ravel(), np.where(weights > 0, 1 - x, x)
    order, least = np.argsort(-slope), []
    for row, missing in zip(room.reshape(len(x), -1), gap, strict=True):
        spent = 0.0
        for i in order:
            part = min(row[i], missing / slope[i])
            spent, missing = spent + part, missing - part * slope[i]
        least.append(spent if missing < 1e-6 else np.inf)
    return np.array(least)


def run(attack, net, x, key=KEY):
    y = tf.zeros(len(x), tf.int32)
    x_adv = tf.function(
        lambda: attack(net, tf.constant(x), y, key), autograph=False
    )()
    broken = tf.argmax(net(x_adv), -1).numpy() != 0
    return x_adv.numpy().astype(float), broken


def test_apgd_breaks_what_the_closed_form_says_and_nothing_else(binary):
    net, weights, x, gap = binary
    least = closed_form(weights, x, gap)
    eps = float(np.median(least))
    x_adv, broken = run(SparseAPGD(L1(eps)), net, x)
    length = np.abs(x_adv - x).sum((1, 2, 3))
    assert (length <= eps * (1 + 1e-5) + 1e-6).all()
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    assert not broken[least > eps * (1 + 1e-4)].any()
    assert broken[least < 0.95 * eps].all()


def test_fab_finds_the_closed_form(binary):
    net, weights, x, gap = binary
    least = closed_form(weights, x, gap)
    y = tf.zeros(len(x), tf.int32)
    _, found = tf.function(
        lambda: FAB(L1(1.0), steps=30).closest(net, tf.constant(x), y),
        autograph=False,
    )()
    ratio = found.numpy()[np.isfinite(least)] / least[np.isfinite(least)]
    assert (ratio > 0.9999).all() and (ratio < 1.06).all()


def test_the_move_to_a_plane_is_the_closed_form(binary):
    _, weights, x, gap = binary
    normal = np.broadcast_to(weights, x.shape).astype("f")
    move = to_hyperplane(L1, x, -normal, tf.constant(gap, tf.float32)).numpy()
    least = closed_form(weights, x, gap)
    closed = np.isfinite(least)
    np.testing.assert_allclose(
        np.abs(move).sum((1, 2, 3))[closed], least[closed], rtol=1e-4
    )
    gained = (weights * move).sum((1, 2, 3))
    np.testing.assert_allclose(gained[closed], gap[closed], rtol=1e-4)
    assert (x + move >= -1e-6).all() and (x + move <= 1 + 1e-6).all()


@pytest.mark.parametrize("name", ["pgd20", "fgsm"])
def test_pgd_stays_inside_and_breaks_only_what_can_be(binary, name):
    net, weights, x, gap = binary
    least = closed_form(weights, x, gap)
    eps = float(np.median(least))
    x_adv, broken = run(attack_of_name(name, L1(eps)), net, x)
    length = np.abs(x_adv - x).sum((1, 2, 3))
    assert (length <= eps * (1 + 1e-5) + 1e-6).all()
    assert not broken[least > eps * (1 + 1e-4)].any()
    if name == "pgd20":
        assert broken[least < 0.8 * eps].all()


def test_square_lowers_the_margin_inside_ball_and_box(binary):
    net, weights, x, gap = binary
    eps = float(np.median(closed_form(weights, x, gap)))
    square = replace(PARTS["square"](L1(eps)), queries=100, chunk=100)
    y, images = tf.zeros(len(x), tf.int32), tf.constant(x)
    key = RowKey.of(0, list(range(len(x))))
    x_adv = tf.function(
        lambda: square(net, images, y, key, (tf.constant(0), images)),
        autograph=False,
    )().numpy()
    length = np.abs(x_adv.astype(float) - x).sum((1, 2, 3))
    assert (length <= eps * (1 + 1e-5) + 1e-6).all()
    assert x_adv.min() >= 0 and x_adv.max() <= 1
    before, after = net(images).numpy(), net(x_adv).numpy()
    margin = (after - before)[:, 1]
    assert np.mean(margin > 0) > 0.9


def test_the_schedule_is_30_30_40():
    plan = schedule(100)
    assert len(plan.radius) == 103 and plan.enters.sum() == 3
    counts = [(plan.radius == r).sum() - 1 for r in (3, 2, 1)]
    assert counts == [30, 30, 40]
    assert plan.checks.sum() == 100 and not (plan.checks & plan.enters).any()


def test_steps_have_unit_length_and_the_largest_entries():
    grad = np.random.default_rng(0).normal(size=(3, *SHAPE)).astype("f")
    density = tf.constant([1 / 72, 0.25, 1.0])
    signs = sparse_signs(tf.constant(grad), density).numpy()
    np.testing.assert_allclose(np.abs(signs).sum((1, 2, 3)), 1, rtol=1e-5)
    for row, g, count in zip(signs, grad, (1, 18, 72), strict=True):
        kept = np.argsort(-np.abs(g).ravel())[:count]
        np.testing.assert_array_equal(np.flatnonzero(row), np.sort(kept))
        same = np.sign(row.ravel()) == np.sign(g.ravel())
        assert same[kept].all()


def test_standard_has_autoattacks_settings():
    parts = standard(L1(12.0))
    assert list(parts) == ["apgd-ce", "apgd-t", "fab-t", "square"]
    assert (parts["apgd-ce"].times, parts["apgd-t"].targets) == (5, 5)
    assert parts["fab-t"].targets == 9 and parts["square"].queries == 5000
    assert parts["apgd-t"].attack == SparseAPGD(L1(12.0), TargetedDLR())


def test_another_ball_is_refused():
    with pytest.raises(ValueError, match="use `APGD` for other norms"):
        SparseAPGD(Linf(0.1))
