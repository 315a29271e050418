"""Updates of DAT's generator, on a quadratic game."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from dat_keras.core.gradients import terms_and_gradients
from dat_keras.objectives.dat.generator_update import (
    UPDATES,
    reversed_gradient,
)
from dat_keras.objectives.step import Ascent, NoAdversary, View


@pytest.fixture
def psi():
    return keras.Variable([1.0, 2.0])


@pytest.fixture
def theta():
    return keras.Variable(3.0)


@pytest.fixture
def attach(psi):
    return lambda: (View(psi.value, 2.0 * psi.value, 1),)


@pytest.fixture
def views():
    return (View(tf.constant([1.0, 2.0]), tf.constant([2.0, 4.0]), 1),)


def score(theta, views):
    (view,) = views
    return {"loss": theta.value * tf.reduce_sum(view.x**2 + view.x_adv)}


def test_sequential_differentiates_the_negative_loss(psi, theta, attach, views):
    update = UPDATES["sequential"]
    assert not update.shares_pass
    step = SimpleNamespace(share=1.0)
    ascent = Ascent(step, views, [], lambda: score(theta, attach()))
    (descent,) = update.descent(ascent, [psi])
    # -theta * (2 * psi + 2)
    assert descent.numpy().tolist() == [-12.0, -18.0]


def test_fused_flips_the_sign_at_the_images_only(psi, theta, attach, views):
    update = UPDATES["fused"]
    assert update.shares_pass
    terms, ((of_theta,), (of_psi,)) = terms_and_gradients(
        lambda: score(theta, reversed_gradient(attach())), [theta], [psi]
    )
    assert float(terms["loss"]) == 3 * (1 + 4 + 2 + 4)
    assert float(of_theta) == 1 + 4 + 2 + 4
    assert of_psi.numpy().tolist() == [-12.0, -18.0]
    gradients = [of_psi]
    ascent = Ascent(None, views, gradients, pytest.fail)
    assert update.descent(ascent, [psi]) is gradients


def test_fused_keeps_branches_and_values(attach, views):
    (view,) = reversed_gradient(attach())
    assert view.branch == 1
    np.testing.assert_array_equal(view.x, views[0].x)
    np.testing.assert_array_equal(view.x_adv, views[0].x_adv)


def test_no_adversary_does_nothing(views):
    nobody = NoAdversary()
    assert nobody.joint_weights == [] and nobody.variables == []
    assert nobody.joint_views(views, pytest.fail) is views
    assert nobody.ascend(Ascent(None, views, [], pytest.fail)) is None
