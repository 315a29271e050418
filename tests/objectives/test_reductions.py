"""Methods that become another one at some setting, in value and image."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from selection import first_of
from short_methods import short

from dat_keras.attacks import (
    PGD,
    CleanStart,
    CrossEntropy,
    KLFromClean,
    NormalStart,
)
from dat_keras.augment import Unchanged
from dat_keras.classifiers.predictor import Predictor
from dat_keras.core.threat_models import Linf
from dat_keras.losses import kl_divergence
from dat_keras.objectives import (
    DAJAT,
    DAT,
    IDBH,
    LASAT,
    LASTRADES,
    MART,
    OAAT,
    OBJECTIVES,
    PGDAT,
    SCARL,
    ST,
    TRADES,
    Natural,
)
from dat_keras.objectives.dat.amplitude_mixup import AmplitudeMixup
from dat_keras.objectives.las_at.policy import Policy
from dat_keras.objectives.st import squeeze
from dat_keras.objectives.step import View
from dat_keras.objectives.weight_perturbation import WeightPerturbation
from dat_keras.optimizers import SGD
from dat_keras.recipes.ablations import base_only
from dat_keras.training.model import AdversarialModel

EPS = 8 / 255
CE = PGD(Linf(EPS), CrossEntropy(), steps=3, start=NormalStart())
KL = replace(CE, loss=KLFromClean())
PLAIN = PGD(Linf(EPS), steps=3)
# Without mixing, augmentation and split, the second view is the first.
TWICE = DAT(
    KL,
    omega=0.0,
    mix=AmplitudeMixup(mu=0.0),
    augment=Unchanged(),
    split_bn=False,
)
SINGLE = Policy("resnet8", (8,), (3,), (2,))

REDUCTIONS = {
    "trades without divergence": (TRADES(KL, beta=0.0), Natural()),
    "st without regularizer": (ST(CE, beta=0.0), Natural()),
    "las-at with one strength": (
        LASAT(PLAIN, SINGLE, true_class=1.0),
        PGDAT(PLAIN),
    ),
    "las-trades with one strength": (
        LASTRADES(KL, SINGLE, beta_grid=(6,)),
        TRADES(KL),
    ),
    "idbh without augmentation": (
        IDBH(PLAIN, augment=Unchanged()),
        PGDAT(PLAIN),
    ),
    "dajat of the base view": (
        DAJAT(KL, beta=6.0, augmentations=0, ramp=0.0),
        TRADES(KL),
    ),
    "pgd-at without an attack": (
        PGDAT(PGD(Linf(EPS), steps=tf.constant(0), start=CleanStart())),
        Natural(),
    ),
    "dat of twice the same view": (TWICE, base_only(TWICE)),
    "dat of twice the same view, without attack and divergences": (
        replace(TWICE, attack=replace(KL, steps=tf.constant(0)), beta=0.0),
        Natural(label_smoothing=0.5),
    ),
}


def total(objective, step, views=None):
    views = views or objective.craft(step)
    predict = Predictor(step.predict.classifier).with_batch_statistics
    terms = objective.loss(predict, views, step.y)
    return float(tf.add_n(list(terms.values())))


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reduces(name, tiny_model, make_step):
    ours, theirs = REDUCTIONS[name]
    values = [total(o, make_step(tiny_model, o)) for o in (ours, theirs)]
    # An inverse Fourier transform gives the image but for rounding.
    close = 1e-4 if isinstance(ours, DAT) else 1e-5
    assert values[0] == pytest.approx(values[1], rel=close)


def test_trades_on_attacked_images_without_divergence_is_pgd_at(
    tiny_model, make_step
):
    trades, pgd_at = TRADES(CE, beta=0.0), PGDAT(CE)
    step = make_step(tiny_model, trades)
    (view,) = trades.craft(step)
    attacked = (View(view.x_adv, view.x_adv),)
    assert total(trades, step, attacked) == pytest.approx(
        total(pgd_at, step), rel=1e-6
    )


def test_mart_and_trades_attack_alike_with_the_same_loss(tiny_model, make_step):
    mart, trades = MART(KL), TRADES(KL)
    step = make_step(tiny_model, mart)
    (a,), (b,) = mart.craft(step), trades.craft(step)
    np.testing.assert_array_equal(a.x_adv, b.x_adv)


def test_scarl_without_semantics_is_trades_but_for_its_labels(
    tiny_model, make_step
):
    scarl = SCARL(KL, mutual_information=0.0, geometry=0.0)
    step = make_step(tiny_model, scarl)
    (view,) = scarl.craft(step)
    divergence = total(TRADES(KL), step) - total(Natural(), step)
    labels = total(Natural(), step, (View(view.x_adv, view.x_adv),))
    expected = labels + divergence
    assert total(scarl, step) == pytest.approx(expected, rel=1e-5)


def test_dat_on_the_views_of_dajat_is_dajat(tiny_branched, make_step):
    """AutoAugment for the generator, its attack and its labels."""
    dajat, dat = DAJAT(KL), DAT(beta=11.0, label_smoothing=0.0)
    step = make_step(tiny_branched, dajat)
    views = dajat.craft(step)
    assert total(dat, step, views) == pytest.approx(
        total(dajat, step, views), rel=1e-6
    )


def test_mart_that_is_wholly_wrong_is_trades_but_for_its_labels(make_step):
    """The weight is then 1; with the attack of TRADES the rest agrees."""
    images = keras.Input((8, 8, 3))
    dense = keras.layers.Dense(4, bias_initializer=_never_the_first)
    model = keras.Model(images, dense(keras.layers.Flatten()(images)))
    mart, trades = MART(KL, beta=6.0), TRADES(KL)
    step = make_step(model, mart, y=tf.zeros(8, tf.int32))
    ours = mart.loss(step.predict, mart.craft(step), step.y)["robust"]
    theirs = trades.loss(step.predict, trades.craft(step), step.y)["robust"]
    assert float(ours) == pytest.approx(float(theirs), rel=1e-5)
    assert float(ours) > 1e-3


def _never_the_first(shape, dtype=None):
    return tf.constant([-60.0, 0.0, 0.0, 0.0], dtype)


@pytest.mark.parametrize("name", first_of(OBJECTIVES, ("trades",)))
def test_perturbation_that_has_not_begun_is_the_host(
    name, make_tiny, batch, snapshot, same
):
    objective, results = short(name), []
    for settings in (WeightPerturbation(), WeightPerturbation(0.01, start=0.9)):
        model = AdversarialModel(
            make_tiny(objective.branches),
            objective,
            augment=Unchanged(),
            weight_perturbation=settings,
        )
        model.compile(optimizer=SGD(0.1, momentum=0.9))
        model.total_steps.assign(10)
        model.train_step(batch)
        results.append(snapshot(model.classifier.variables))
    assert same(*results)


def test_oa_at_of_one_radius_is_trades(tiny_model, make_step):
    # Before the last quarter nothing is mixed and no distance is measured;
    # at its half the radius is half the final one.
    ours = OAAT(replace(KL, threat_model=Linf(2 * EPS)), beta=6.0, stages=2)
    step = make_step(tiny_model, ours, progress=tf.constant(0.0))
    now = ours.settings(step.progress, tf.constant(True))
    theirs = TRADES(replace(KL, start=now.attack.start, step_size=EPS / 4))
    with_batch_statistics = replace(
        step, predict=step.predict.with_batch_statistics
    )
    (a,) = ours.craft(step)
    same_key = step.key.fold_in("attack")
    expected = theirs.attack(
        with_batch_statistics.predict, step.x, step.y, same_key
    )
    np.testing.assert_allclose(a.x_adv, expected, atol=1e-6)
    assert total(ours, step, (a,)) == pytest.approx(
        total(theirs, step, (View(a.x, a.x_adv),)), rel=1e-6
    )


def test_st_without_its_collaborative_images_is_one_sided_trades(
    tiny_model, make_step
):
    step = make_step(tiny_model, ST(CE))
    (view,) = TRADES(CE).craft(step)
    predict = step.predict
    upper, lower = predict(view.x_adv), predict(view.x)
    from_still = kl_divergence(tf.stop_gradient(lower), upper)
    both = squeeze(upper, lower)
    back = kl_divergence(upper, lower)
    np.testing.assert_allclose(2 * both - back, from_still, atol=1e-6)
    robust = TRADES(CE).loss(predict, (view,), step.y)["robust"]
    assert float(robust) == pytest.approx(
        6 * float(tf.reduce_mean(from_still)), rel=1e-5
    )
