"""Gradients of DAT's attacked view: projections in L2, and refusals."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from dat_keras.attacks import PGD, KeepFirstBroken
from dat_keras.core.threat_models import L1, L2, Linf
from dat_keras.objectives import DAT, PGDAT, RecombinedAT
from dat_keras.objectives.dat.adv_gradient import projected

EPS = 0.5
IN_L2 = PGD(L2(EPS), steps=2, step_size=0.4)


def projection(u, x):
    """The projection of one image, by NumPy."""
    length = np.linalg.norm(u - x)
    return np.clip(x + min(1.0, EPS / length) * (u - x), 0.0, 1.0)


@pytest.fixture
def images():
    """Two images: one whose iterate left the ball, one that is inside."""
    draw = np.random.default_rng(0)
    x = draw.uniform(0.2, 0.8, (2, 3, 3, 2))
    moves = draw.normal(size=x.shape)
    moves /= np.linalg.norm(moves.reshape(2, -1), axis=1)[:, None, None, None]
    # One pixel of the first image is clipped.
    x[0, 0, 0, 0], moves[0, 0, 0, 0] = 0.95, 0.9
    return x, x + np.array([0.9, 0.3])[:, None, None, None] * moves


def test_gradient_in_l2_is_that_of_finite_differences(images):
    x, moved = images
    weights = np.random.default_rng(1).normal(size=x.shape)
    x_adv = np.stack(list(map(projection, moved, x)))
    centre = tf.constant(x)
    with tf.GradientTape() as tape:
        tape.watch(centre)
        made = projected(tf.constant(x_adv), moved, centre, L2(EPS))
        value = tf.reduce_sum(made * weights)
    np.testing.assert_array_equal(made, x_adv)
    expected = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        sides = []
        for side in (1e-6, -1e-6):
            shifted = x[place[0]].copy()
            shifted[place[1:]] += side
            there = projection(moved[place[0]], shifted)
            sides.append((there * weights[place[0]]).sum())
        expected[place] = (sides[0] - sides[1]) / 2e-6
    actual = tape.gradient(value, centre)
    np.testing.assert_allclose(actual, expected, atol=1e-7)
    assert np.abs(expected[0]).min() > 0 and not expected[1].any()


@pytest.mark.parametrize(
    "objective", [DAT(IN_L2), RecombinedAT(PGDAT(IN_L2))], ids=type
)
def test_generator_has_a_gradient_in_l2(objective, tiny_branched, make_step):
    step = make_step(tiny_branched, objective)
    views = objective.craft(step)
    view = views[1]
    np.testing.assert_array_equal(
        view.x_adv, L2(EPS).project(view.moved, view.x)
    )
    longer = L2(EPS).distance(view.moved, view.x)
    assert float(tf.reduce_max(longer)) > EPS
    weights = [v.value for v in step.adversary.generator.trainable_variables]
    with tf.GradientTape() as tape:
        _, attached = objective.attach(step, views)
        added = tf.reduce_sum(attached.x_adv)
    np.testing.assert_array_equal(attached.x_adv, view.x_adv)
    gradients = tape.gradient(added, weights)
    assert max(np.abs(g).max() for g in gradients) > 0


def test_the_attack_is_the_one_that_was_set(tiny_branched, make_step):
    """One step, whose iterate before the projection can be written down."""
    attack = replace(IN_L2, steps=1)
    objective, plain = (
        DAT(attack, generator_adv_grad=rule) for rule in ("projection", "none")
    )
    step = make_step(tiny_branched, objective)
    a, b = (o.craft(step)[1] for o in (objective, plain))
    np.testing.assert_array_equal(a.x, b.x)
    np.testing.assert_allclose(a.x_adv, b.x_adv, atol=1e-5)


@pytest.mark.parametrize(
    "attack",
    [PGD(L1(12.0)), replace(IN_L2, keep=KeepFirstBroken())],
    ids=["l1", "first-broken"],
)
def test_projections_without_a_rule_are_refused(attack):
    for make in (DAT, lambda a: RecombinedAT(PGDAT(a))):
        with pytest.raises(ValueError, match='generator_adv_grad="none"'):
            make(attack)
    assert DAT(attack, generator_adv_grad="full").attack == attack
    assert not DAT(attack, learned_amplitude=False).learned_amplitude
    assert DAT(PGD(Linf(0.1), keep=KeepFirstBroken())).branches == 2
