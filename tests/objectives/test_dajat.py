"""DAJAT: NumPy, its ramp, its views, and its reduction to TRADES."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from toy_nets import IDENTITY

from dat_keras.attacks import PGD, KLFromClean, NormalStart
from dat_keras.augment import AutoAugment, Chain, CropFlip, Unchanged
from dat_keras.core.threat_models import Linf
from dat_keras.objectives import DAJAT, TRADES
from dat_keras.objectives.step import View
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.training.model import AdversarialModel

EPS = 8 / 255
SHORT = DAJAT(
    PGD(Linf(EPS), KLFromClean(), 2, step_size=EPS / 2, start=NormalStart())
)


def log_softmax(z):
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_loss_is_numpys(count, assert_close):
    rng = np.random.default_rng(count)
    clean, attacked = rng.normal(size=(2, count, 5, 3))
    y = np.array([0, 2, 1, 1, 0])
    p, q = log_softmax(clean), log_softmax(attacked)
    middle = np.log(np.exp(p).mean(0))
    views = tuple(
        View(tf.constant(a, tf.float32), tf.constant(b, tf.float32), i > 0)
        for i, (a, b) in enumerate(zip(clean, attacked, strict=True))
    )
    terms = DAJAT(beta=4.0, omega=3.0).loss(IDENTITY, views, tf.constant(y))
    assert_close(terms["natural"], -p[:, np.arange(5), y].mean())
    robust = (np.exp(p) * (p - q)).sum(-1).mean()
    assert_close(terms["robust"], 4.0 * robust)
    consistency = (np.exp(p) * (p - middle)).sum(-1).mean()
    assert_close(terms["consistency"], 3.0 * consistency, atol=2e-6)
    assert float(terms["consistency"]) <= 3.0 * np.log(count) + 1e-5


def test_equal_views_collapse(assert_close):
    rng = np.random.default_rng(0)
    z, z_adv = (tf.constant(a, tf.float32) for a in rng.normal(size=(2, 4, 3)))
    y = tf.constant([0, 1, 2, 0])
    one = DAJAT().loss(IDENTITY, (View(z, z_adv),), y)
    three = DAJAT().loss(IDENTITY, (View(z, z_adv),) * 3, y)
    for name, value in one.items():
        assert_close(three[name], value, atol=1e-5)
    assert abs(float(three["consistency"])) < 1e-5


def test_without_augmented_views_it_is_trades(tiny_model, make_step):
    ours = replace(SHORT, augmentations=0, ramp=0.0)
    theirs = TRADES(SHORT.attack, beta=11.0)
    step = make_step(tiny_model, ours)
    ((a,), (b,)) = (o.craft(step) for o in (ours, theirs))
    np.testing.assert_array_equal(a.x_adv, b.x_adv)
    terms = ours.loss(step.predict, (a,), step.y)
    expected = theirs.loss(step.predict, (b,), step.y)
    total = float(sum(terms.values()))
    assert total == pytest.approx(float(sum(expected.values())), abs=1e-6)


@pytest.mark.parametrize("progress", [0.0, 0.25, 0.5, 1.0])
def test_the_radius_grows_with_the_run(progress, tiny_branched, make_step):
    step = make_step(tiny_branched, SHORT, progress=tf.constant(progress))
    for view in SHORT.craft(step):
        distance = Linf(EPS).distance(view.x_adv, view.x).numpy()
        assert distance.max() <= progress * EPS + 1e-6
        assert distance.min() >= 0.9 * progress * EPS


def test_views_are_augmented_apart_and_share_a_branch(
    tiny_branched, make_step, batch
):
    objective = replace(SHORT, augmentations=2)
    step = make_step(tiny_branched, objective, x=0.5 * batch[0])
    base, first, second = objective.craft(step)
    assert (base.branch, first.branch, second.branch) == (0, 1, 1)
    np.testing.assert_array_equal(base.x, 0.5 * batch[0])
    assert not np.array_equal(first.x, second.x)
    key = step.key.fold_in("view").fold_in(1).fold_in("augment")
    expected, _ = objective.augment(batch[0], batch[1], key)
    np.testing.assert_array_equal(second.x, expected)
    plain = replace(objective, augment=Unchanged())
    _, first, second = plain.craft(step)
    noise = [(view.x_adv - view.x).numpy() for view in (first, second)]
    assert not np.array_equal(*noise)


def test_weights_climb_the_base_trades_loss(assert_close):
    rng = np.random.default_rng(0)
    z, z_adv, h, h_adv = (
        tf.constant(a, tf.float32) for a in rng.normal(size=(4, 5, 3))
    )
    y = tf.constant([0, 1, 2, 0, 1])
    objective = DAJAT(label_smoothing=0.3)
    ours = objective.perturbation_loss(
        IDENTITY, (View(z, z_adv), View(h, h_adv, 1)), y
    )
    theirs = TRADES(beta=11.0).loss(IDENTITY, (View(z, z_adv),), y)
    for name, value in theirs.items():
        assert_close(ours[name], value)


def test_a_step_with_perturbed_weights_runs(tiny_branched, batch):
    model = AdversarialModel(
        tiny_branched,
        SHORT,
        augment=Unchanged(),
        weight_perturbation=WeightPerturbation(0.005),
    )
    model.compile(optimizer=SGD(0.1))
    model.total_steps.assign(1)
    assert np.isfinite(float(model.train_step(batch)["loss"]))


def test_defaults_are_the_published_ones():
    objective = DAJAT()
    assert (objective.beta, objective.omega) == (11, 2)
    assert objective.attack.steps == 5
    assert objective.attack.step_size == objective.attack.threat_model.eps / 2
    assert objective.augment == Chain((AutoAugment(), CropFlip()))
    assert DAJAT(split_bn=False).branches == 1
    with pytest.raises(ValueError, match="augmentations=-1"):
        DAJAT(augmentations=-1)
